// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <span>

namespace berth::inline v0 {

/// A cost plus a penalty for leaving the initial GPU:
///
///     c'(t, g) = c(t, g) + penalty · weight(t)   if t runs on another GPU than g, c(t, g) otherwise.
///
/// As a cost of pairs it keeps the problem an assignment problem, with its bound and prices. The *initial* placement is
/// the base, whatever the start of the search. A task with an invalid index in `initial` does not run yet and has no
/// penalty.
///
/// Use it whenever tasks run already; `move_cost` is the same as a term of an objective over slots. O(1) for a pair.
template <pair_cost Cost, class Weight = each_move>
struct move_penalty {
    Cost cost;                           ///< of a pair of task and GPU
    std::span<const gpu_index> initial;  ///< a GPU for each task, or an invalid index; outlives the problem
    double penalty = 1.0;                ///< for one unit of weight, in units of cost; 0 or more
    Weight weight{};                     ///< of `objective/terms/move_cost.hpp`, or any function of a task index

    /// c'(t, g).
    [[nodiscard]] double operator()(task_index t, gpu_index g) const {
        BERTH_ASSERT(t.value() < initial.size(),
                     "berth: move_penalty has an initial GPU, or an invalid index, for every task");
        const gpu_index from = initial[t.value()];
        const auto plain = static_cast<double>(cost(t, g));
        return from.valid() && from != g ? plain + penalty * static_cast<double>(weight(t)) : plain;
    }
};
template <class Cost>
move_penalty(Cost, std::span<const gpu_index>) -> move_penalty<Cost>;
template <class Cost>
move_penalty(Cost, std::span<const gpu_index>, double) -> move_penalty<Cost>;
template <class Cost, class Weight>
move_penalty(Cost, std::span<const gpu_index>, double, Weight) -> move_penalty<Cost, Weight>;

}  // namespace berth::inline v0
