// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/detail/dual_ascent.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/wide_int.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <span>

namespace berth::inline v0::detail {

/// A bound in whole numbers: no assignment within the capacities costs less than value / 2^shift.
struct whole_bound {
    wide_int value = 0;
    int shift = 0;
};

/// L at prices rounded to multiples of 2^-shift, costs rounded down to them. Any prices of 0 or more prove a bound, so
/// rounding them weakens it by little; everything after that is exact. One pass over all pairs.
///
/// @param tables  filled; infinite where a task may not be
/// @param load    `load(task, gpu)`, the exact one
/// @return false if the poller ends it
template <class Load, class Poller>
[[nodiscard]] bool evaluate_exactly(const pricing_tables& tables, const Load& load, std::span<const amount> capacities,
                                    std::span<const double> prices, Poller& poll, whole_bound& bound) {
    const std::size_t gpus = tables.gpus();
    double most_paid = 0.0;
    for (std::size_t g = 0; g < gpus; ++g) {
        const double paid = prices[g] * static_cast<double>(capacities[g]);
        most_paid = paid > most_paid ? paid : most_paid;
    }
    // The sums stay below 2^123, whatever assignment they belong to.
    const auto terms = static_cast<double>(tables.tasks() + gpus);
    const double most = terms * (tables.largest + most_paid) + 1.0;
    constexpr int digits = 122;
    const int shift = most < 0x1p120 ? digits - std::ilogb(most) - 1 : -1;
    if (shift < 0) return false;
    bound.shift = shift < 100 ? shift : 100;
    bound.value = 0;
    flat<wide_int> paid(gpus, 0);
    for (std::size_t g = 0; g < gpus; ++g) {
        paid[g] = scaled_floor(prices[g], bound.shift);
        bound.value -= paid[g] * capacities[g];
    }
    for (std::size_t t = 0; t < tables.tasks(); ++t) {
        const double* cost = tables.costs.data() + t * gpus;
        bool any = false;
        wide_int lowest = 0;
        for (std::size_t g = 0; g < gpus; ++g) {
            if (!std::isfinite(cost[g])) continue;
            const wide_int reduced =
                scaled_floor(cost[g], bound.shift) + paid[g] * static_cast<amount>(load(task_index{t}, gpu_index{g}));
            if (any && reduced >= lowest) continue;
            lowest = reduced;
            any = true;
        }
        bound.value += lowest;
        if (!poll.work(gpus)) return false;
    }
    return true;
}

}  // namespace berth::inline v0::detail
