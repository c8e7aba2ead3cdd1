// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include <span>

namespace berth::inline v0 {

/// A cost with the price of leaving the observed place on top:
///
///     c'(t, g) = c(t, g) + price · weight(t)   if t runs on another GPU than g, c(t, g) otherwise.
///
/// It is a cost of pairs like any other, so an assignment problem stays one, with its bound and its prices: the right way to
/// say that moving a task costs something. The *observed* placement is the base, wherever the search starts. A task with an
/// invalid index in `observed` does not run yet and pays nothing.
///
/// Use it whenever tasks run already; `move_cost` is the same as a term of an objective over slots. O(1) for a pair.
template <pair_cost Cost, class Weight = each_move>
struct move_penalty {
    Cost cost;
    std::span<const gpu_index> observed;  ///< a GPU for each task, or an invalid index; outlives the problem
    double price = 1.0;                   ///< of one unit of weight, in units of cost; 0 or more
    Weight weight{};                      ///< of `objective/terms/move_cost.hpp`, or any function of a task index

    [[nodiscard]] double operator()(task_index t, gpu_index g) const {
        BERTH_ASSERT(t.value() < observed.size(), "berth: an observed GPU, or an invalid index, for every task");
        const gpu_index home = observed[t.value()];
        const auto stays = static_cast<double>(cost(t, g));
        return home.valid() && home != g ? stays + price * static_cast<double>(weight(t)) : stays;
    }
};
template <class Cost>
move_penalty(Cost, std::span<const gpu_index>) -> move_penalty<Cost>;
template <class Cost>
move_penalty(Cost, std::span<const gpu_index>, double) -> move_penalty<Cost>;
template <class Cost, class Weight>
move_penalty(Cost, std::span<const gpu_index>, double, Weight) -> move_penalty<Cost, Weight>;

}  // namespace berth::inline v0
