// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/genetic/concepts.hpp"
#include "berth/allocate/genetic/population.hpp"
#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/random.hpp"
#include "berth/core/result.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

// When to use which:
//
//   tournament          the usual pressure, set by one number; uses the order of members only
//   rank_selection      pressure that does not depend on the size of the population
//   uniform_selection   no pressure: for replacements that select by themselves, as in small steady-state populations
//
// Left out: roulette selection. It needs values that are positive and far apart, and costs near a bound are neither;
// with values shifted and scaled it is rank selection with more parameters.

/// The best of a few members drawn with replacement. O(size).
struct tournament {
    std::size_t size = 2;  ///< 1 or more; 1 is uniform

    /// The position of a parent.
    [[nodiscard]] std::size_t operator()(const population& members, xoshiro256& random) const {
        const auto count = static_cast<std::uint32_t>(members.size());
        std::size_t best = bounded(random, count);
        for (std::size_t i = 1; i < size; ++i) {
            const std::size_t drawn = bounded(random, count);
            best = drawn < best ? drawn : best;
        }
        return best;
    }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        if (size >= 1) return {};
        return detail::refuse(error_code::invalid_value, {"tournament.size is 0, expected 1 or more"});
    }
};

/// Linear ranking (Baker, "Adaptive selection methods for genetic algorithms", 1985): the best member is chosen
/// `pressure` times as often as the average one, the worst 2 - pressure times. O(1).
struct rank_selection {
    double pressure = 1.7;  ///< 1 (uniform) to 2

    /// The position of a parent.
    [[nodiscard]] std::size_t operator()(const population& members, xoshiro256& random) const {
        const auto count = static_cast<std::uint32_t>(members.size());
        const bool flat = uniform01(random) >= pressure - 1.0;
        const std::size_t first = bounded(random, count);
        if (flat) return first;
        const std::size_t second = bounded(random, count);
        if (first != second) return first < second ? first : second;
        return first;
    }
    /// Success, or the option that is out of its range.
    [[nodiscard]] result<void> validate() const {
        if (pressure >= 1.0 && pressure <= 2.0) return {};
        return detail::refuse(error_code::invalid_value, {"rank_selection.pressure is not within 1..2"});
    }
};

/// Every member with equal probability. O(1).
struct uniform_selection {
    /// The position of a parent.
    [[nodiscard]] std::size_t operator()(const population& members, xoshiro256& random) const {
        return bounded(random, static_cast<std::uint32_t>(members.size()));
    }
};

static_assert(parent_selection<tournament> && parent_selection<rank_selection> && parent_selection<uniform_selection>);

}  // namespace berth::inline v0
