// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"

#include <cstdint>

namespace bench {

/// splitmix64 as a stream: a `berth::random_source` that a few lines of any language repeat, for drawn workloads whose
/// figures are published.
class splitmix_source {
public:
    using result_type = std::uint64_t;

    explicit splitmix_source(std::uint64_t seed) noexcept : state_{seed} {}

    [[nodiscard]] static constexpr result_type min() noexcept { return 0; }
    [[nodiscard]] static constexpr result_type max() noexcept { return ~result_type{0}; }

    result_type operator()() noexcept {
        state_ += 0x9e3779b97f4a7c15ULL;
        return berth::splitmix64(state_);
    }

private:
    std::uint64_t state_;
};

static_assert(berth::random_source<splitmix_source>);

}  // namespace bench
