// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"
#include "berth/model/resources.hpp"

#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// More about one individual of a population than its cost and excess. Integers but for the cost, so equal on every device and on the host.
struct assignment_measures {
    assignment_value value{};
    amount largest_load = 0;  ///< of a GPU: the makespan, if loads are times
    amount least_load = 0;    ///< of a GPU
    /// Sum over GPUs of the load's square, the usual measure of balance; exact while the loads of all tasks together stay below 2^32, which
    /// 32-bit words mean anyway, and modulo 2^64 beyond.
    std::uint64_t squared_loads = 0;
    std::uint64_t move = 0;  ///< sum of the weights of tasks that left their observed GPU

    [[nodiscard]] BERTH_HD constexpr amount spread() const noexcept { return largest_load - least_load; }
    friend constexpr bool operator==(const assignment_measures&, const assignment_measures&) noexcept = default;
};

/// A task of an observed placement that does not run yet, and pays nothing wherever it goes.
inline constexpr std::uint32_t not_observed = 0xffff'ffffU;

/// Where tasks run now, and what leaving that GPU weighs. Views of the host's memory, read while something is prepared.
struct initial_placement {
    std::span<const std::uint32_t>
        gpus{};  ///< a position for each task, or `not_observed`; empty: nothing was observed
    std::span<const std::uint32_t> weights{};  ///< one for each task; empty: all weigh 1
};

}  // namespace berth::inline v0
