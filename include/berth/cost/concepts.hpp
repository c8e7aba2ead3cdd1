// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of costs, all plain const values or lambdas:
//
//   cost_model   c(task row, gpu row)      from features   cost/linear_cost.hpp, weighted_terms.hpp, execution_time.hpp
//   pair_cost    c(task index, gpu index)  by position     cost/pair_costs.hpp
//
// Costs that depend on earlier placements are no functions but states: cost/divisible/load_cost.hpp.
// The cost of moving a task: migrate/order/migration_cost.hpp (seconds, bytes), objective/terms/move_cost.hpp.

#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"

#include <concepts>
#include <span>

namespace berth::inline v0 {

/// The features of one task or one GPU.
using feature_row = std::span<const double>;

/// A customisation point: the cost of running a task on a GPU as a function of their features, `c(task, gpu)`. Write
/// one if your cost follows from numbers of the task and the GPU; if you prefer your own objects to feature rows, write
/// an `object_cost`.
///
/// ```
/// const auto seconds = [](berth::feature_row task, berth::feature_row gpu) { return task[0] / gpu[0]; };
/// ```
///
/// 1. Lower is better. The unit is the model's own. The cost is finite for every pair of rows that it will meet, or
///    +inf: the task may not be there.
/// 2. Const and deterministic: it depends on the two rows and the model alone, and may be called from several threads.
/// 3. It does not allocate.
/// 4. Optional, for speed: `c.row(task, gpus, out)` writes the cost of every row of `gpus`, and `c.fill(tasks, gpus,
///    out)` that of every pair, one row of `out` per task. Both equal `c(task, gpu)` bit for bit, unless the compiler
///    contracts sums of products (`core/fp_contract.hpp`). Without them, `cost_row` and `fill_costs` call `c`.
///
/// `examples/own_cost.cpp` writes one.
template <class C>
concept cost_model = requires(const C& c, feature_row task, feature_row gpu) {
    { c(task, gpu) } -> std::convertible_to<double>;
};

/// A cost model with a `row` of its own: one task, many GPUs.
template <class C>
concept row_cost_model = cost_model<C> && requires(const C& c, feature_row task, matrix_view<const double> gpus,
                                                   std::span<double> out) { c.row(task, gpus, out); };

/// A cost model with a `fill` of its own: many tasks, many GPUs.
template <class C>
concept bulk_cost_model =
    cost_model<C> && requires(const C& c, matrix_view<const double> tasks, matrix_view<const double> gpus,
                              matrix_view<double> out) { c.fill(tasks, gpus, out); };

/// A customisation point: the cost of running a task on a GPU, both given by their positions in workload and fleet.
/// Allocation evaluates this form. Requirements 1 to 3 of `cost_model` apply. `bound_cost` makes one of a `cost_model`;
/// `cost/pair_costs.hpp` has the others.
template <class C>
concept pair_cost = requires(const C& c, task_index task, gpu_index gpu) {
    { c(task, gpu) } -> std::convertible_to<double>;
};

}  // namespace berth::inline v0
