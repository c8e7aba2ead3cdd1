// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// The generalised assignment problem: every task on one GPU, the loads on a GPU within its capacity, the least sum of
/// costs. Loads may differ from GPU to GPU. Views: the referenced data outlive it.
template <pair_cost Cost, load_source Load>
struct assignment_problem {
    std::size_t tasks = 0;               ///< number of tasks
    Cost cost;                           ///< of a pair of task and GPU; finite, or +inf: the task may not be there
    Load load;                           ///< of a task on a GPU, 0 or more
    std::span<const amount> capacities;  ///< one for each GPU, 0 or more
};
template <class Cost, class Load>
assignment_problem(std::size_t, Cost, Load, std::span<const amount>) -> assignment_problem<Cost, Load>;

/// A GPU for every task.
using gpu_assignment = std::vector<gpu_index>;

/// Excess of a cost over a bound, in per cent of the bound; infinite if the bound is 0 or not finite, and the cost is
/// another.
[[nodiscard]] inline double gap_percent(double cost, double bound) noexcept {
    if (cost == bound) return 0.0;
    if (bound == 0.0 || !std::isfinite(bound)) return std::numeric_limits<double>::infinity();
    return 100.0 * (cost - bound) / std::abs(bound);
}

/// The answer of an allocator for an assignment problem: a plain value, valid for every `stopped`.
struct assignment_plan {
    gpu_assignment gpu_of;   ///< a GPU for every task
    double cost = 0.0;       ///< the sum of costs
    double cost_rest = 0.0;  ///< what `cost` rounds off: of whole costs, `cost + cost_rest` is the exact sum
    amount excess = 0;       ///< load beyond the capacities, over all GPUs
    /// No feasible assignment costs less; -inf if unknown. Of a feasible plan it equals `cost` only if that is proven
    /// to be the least, to the last digit where costs are whole.
    double lower_bound = -std::numeric_limits<double>::infinity();
    std::uint64_t evaluations = 0;                 ///< candidate moves, or whole assignments, whose cost was computed
    std::uint64_t accepted = 0;                    ///< changes carried out
    stop_reason stopped = stop_reason::completed;  ///< why the run ended

    /// True if no capacity is exceeded.
    [[nodiscard]] bool feasible() const noexcept { return excess == 0; }
    /// `gap_percent` of the cost over the lower bound.
    [[nodiscard]] double gap() const noexcept { return gap_percent(cost, lower_bound); }
};

/// True if `a` is better than `b`: less excess, then less cost, whole costs compared exactly.
[[nodiscard]] inline bool better(const assignment_plan& a, const assignment_plan& b) noexcept {
    if (a.excess != b.excess) return a.excess < b.excess;
    return a.cost != b.cost ? a.cost < b.cost : a.cost_rest < b.cost_rest;
}

}  // namespace berth::inline v0
