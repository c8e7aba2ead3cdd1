// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_cooling.hpp"
#include "berth/allocate/reassignment/detail/reassignment_island.hpp"
#include "berth/allocate/reassignment/detail/reassignment_steps.hpp"
#include "berth/allocate/search/annealer.hpp"

#include <cstdint>

namespace berth::inline v0::detail {

/// One island of a reassignment search: simulated annealing of one assignment, and the best that it has been.
template <std::size_t Wides>
using reassignment_annealer = annealer<reassignment_island<Wides>, reassignment_steps<Wides>, island_cooling>;

/// A change worse than thirty temperatures is taken once in 10^13 times: no draw for it.
[[nodiscard]] inline annealer_options island_options(std::uint64_t seed) noexcept {
    return {.seed = seed, .hopeless = 30.0};
}

}  // namespace berth::inline v0::detail
