// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of costs, all of them plain const values or lambdas:
//
//   cost_model   c(task row, gpu row)      from features   cost/linear_cost.hpp, weighted_terms.hpp, execution_time.hpp
//   pair_cost    c(task index, gpu index)  by position     cost/pair_costs.hpp
//
// The cost that depends on what is placed already is cost/divisible/load_cost.hpp; it is a state with verbs, not a function.

#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"

#include <concepts>
#include <span>

namespace berth::inline v0 {

/// The features of one task or one GPU.
using feature_row = std::span<const double>;

/// What it costs to run a task on a GPU, judged by their features alone: `c(task, gpu)`.
///
/// 1. Lower is better. The unit is the model's own; finite for every pair of rows it is meant for.
/// 2. Deterministic and const: depends on nothing but the two rows and the model, and may be called from several threads.
/// 3. Does not allocate.
/// 4. Optional, for speed: `c.row(task, gpus, out)` writes the cost of every row of `gpus`, and `c.fill(tasks, gpus, out)`
///    that of every pair, one row of `out` per task. Both equal `c(task, gpu)` bit for bit (unless the compiler is allowed
///    to fuse multiplications and additions, `-ffp-contract`). Without them, `cost_row` and `fill_costs` call `c`.
///
/// A lambda will do: `[](feature_row task, feature_row gpu) { return task[0] / gpu[0]; }`.
template <class C>
concept cost_model = requires(const C& c, feature_row task, feature_row gpu) {
    { c(task, gpu) } -> std::convertible_to<double>;
};

/// A cost model that evaluates a task against many GPUs at once.
template <class C>
concept row_cost_model = cost_model<C> && requires(const C& c, feature_row task, matrix_view<const double> gpus,
                                                   std::span<double> out) { c.row(task, gpus, out); };

/// A cost model that evaluates many tasks against many GPUs at once.
template <class C>
concept bulk_cost_model =
    cost_model<C> && requires(const C& c, matrix_view<const double> tasks, matrix_view<const double> gpus,
                              matrix_view<double> out) { c.fill(tasks, gpus, out); };

/// What it costs to run a task on a GPU, both named by their positions in workload and fleet: what allocation asks for.
/// The first three promises of `cost_model` hold. A `cost_model` becomes one with `bound_cost`.
template <class C>
concept pair_cost = requires(const C& c, task_index task, gpu_index gpu) {
    { c(task, gpu) } -> std::convertible_to<double>;
};

}  // namespace berth::inline v0
