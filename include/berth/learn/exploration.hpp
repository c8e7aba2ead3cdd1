// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/random.hpp"
#include "berth/learn/log_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

// When to use which:
//
//   by_median       no exploration: takes the estimate for the truth, so a first bad measurement is never revised
//   optimism        takes what is little known for better than it is; the same decision in every run
//   posterior_draw  draws the cost from what is believed; needs a seed, spreads many decisions made at once

/// A customisation point: the cost that a decision reckons with, from what is believed of it: `e(estimate, draw)`.
/// `draw` numbers the decision and candidate, so that policies that draw are repeatable. The result is above 0; const
/// and deterministic.
template <class E>
concept exploration = requires(const E& e, const log_estimate& cost, std::uint64_t draw) {
    { e(cost, draw) } -> std::convertible_to<double>;
};

/// The median.
struct by_median {
    /// The cost to reckon with.
    [[nodiscard]] double operator()(const log_estimate& cost, std::uint64_t) const noexcept {
        return cost.known() ? cost.median() : std::numeric_limits<double>::infinity();
    }
};

/// The lower end of what is likely: the less is known, the more attractive. What is known well is judged by its median.
struct optimism {
    double deviations = 1.0;  ///< how far below the median, 0 or more
    double most = 1.5;        ///< the reach in logarithms at most, so that what is unknown is not infinitely attractive

    /// The cost to reckon with.
    [[nodiscard]] double operator()(const log_estimate& cost, std::uint64_t) const noexcept {
        return std::exp(cost.mean - std::min(most, deviations * cost.deviation));
    }
};

/// A draw from what is believed (Thompson, 1933).
struct posterior_draw {
    std::uint64_t seed = 1;  ///< decides all draws
    double most = 1.5;       ///< see `optimism`

    /// The cost to reckon with.
    [[nodiscard]] double operator()(const log_estimate& cost, std::uint64_t draw) const noexcept {
        const double uniform = (static_cast<double>(stream_seed(seed, draw) >> 12U) + 0.5) * 0x1.0p-52;
        return std::exp(cost.mean + std::clamp(std::min(cost.deviation, most) * normal_quantile(uniform), -most, most));
    }
};

static_assert(exploration<by_median>);
static_assert(exploration<optimism>);
static_assert(exploration<posterior_draw>);

/// The candidate with the lowest cost to reckon with; the first of equal ones. O(candidates).
///
/// @param candidates  one cost for each, at least one
/// @param policy      how to explore
/// @param decision    number of the decision, for policies that draw
template <exploration E = optimism>
[[nodiscard]] std::size_t choose(std::span<const log_estimate> candidates, const E& policy = {},
                                 std::uint64_t decision = 0) {
    BERTH_ASSERT(!candidates.empty(), "berth: choose needs a candidate");
    std::size_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const double cost = policy(candidates[i], stream_seed(decision, i));
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    return best;
}

/// Bounds how much is tried at once: a class that nobody has measured may turn out slow, so few of its tasks run until
/// one has reported.
struct trial_limit {
    double unknown_above = 0.5;  ///< estimates with a larger deviation are unknown
    std::size_t at_once = 2;     ///< unknown tasks of a class that may run at the same time

    /// True if one more may start.
    ///
    /// @param cost     what is believed of it
    /// @param running  tasks of the class that run now and have not reported
    [[nodiscard]] bool admits(const log_estimate& cost, std::size_t running) const noexcept {
        return cost.deviation <= unknown_above || running < at_once;
    }
};

}  // namespace berth::inline v0
