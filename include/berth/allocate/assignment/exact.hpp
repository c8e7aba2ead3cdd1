// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/detail/branch_and_bound.hpp"
#include "berth/allocate/assignment/detail/first_plan.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace berth::inline v0 {

/// Branch and bound: the proven optimum of the generalised assignment problem, for small problems. On larger ones an
/// anytime search whose `lower_bound` is better than that of the prices.
///
/// - `stopped == completed`: proven. `lower_bound == cost` is the optimum; if no assignment fits, `lower_bound` is +inf
///   and the plan has little excess, not the least.
/// - stopped early: the best plan so far, and the least bound of all open nodes.
///
/// Nodes are bounded by the Lagrangian relaxation of the *assignments* (a knapsack for each GPU, solved exactly). Each
/// node improves its parent's multipliers by a few subgradient steps, and forbids pairs whose bound is not below the
/// best plan (Posta, Ferland, Michelon, "An exact method with variable fixing for solving the generalized assignment
/// problem", 2012). Proofs over whole costs hold to the last digit, whatever the size of the costs; others up to 1e-9
/// plus 1e-11 of the sum of the largest costs. O(tasks × GPUs × width) per subgradient step at worst; memory O(tasks ×
/// width + tasks × GPUs + depth × tasks). An evaluation is a pair of task and GPU in a bound. Deterministic per seed
/// and evaluation budget.
///
/// When to use: up to some 100 tasks, or a few GPUs with many; `then{search, exact{}}` proves the plan of a search.
struct exact {
    std::size_t max_root_iterations = 300;  ///< subgradient steps before branching, above 0
    std::size_t max_node_iterations = 20;   ///< subgradient steps at every other node, above 0
    std::size_t width = 2'000;              ///< the bound counts capacities in at most this many units, above 0
    std::uint64_t seed = 0;                 ///< of the repair of relaxed answers

    /// See `assignment_allocator`. Polls for every GPU in a bound.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(max_root_iterations > 0 && max_node_iterations > 0 && width > 0,
                     "berth: exact has iterations and a width above 0");
        constexpr double infinity = std::numeric_limits<double>::infinity();
        notify::begin(control.observer, {});
        const std::uint64_t pairs = p.tasks() * p.gpus();
        const priced_greedy greedy{.seed = seed,
                                   .max_repairs = 1'000,
                                   .max_rebuild_evaluations = std::min<std::uint64_t>(1'500'000, 20 * pairs)};
        const assignment_plan first = detail::first_plan(p, start, greedy, detail::greedy_first::always, control);
        detail::branch_and_bound tree{p, {max_root_iterations, max_node_iterations, width, seed}, first};
        const auto report = [&] {
            return progress{.evaluations = first.evaluations + tree.evaluations(),
                            .objective = tree.best().feasible() ? tree.best().cost : infinity};
        };
        if (p.tasks() > 0) {
            tree.run([&](std::uint64_t evaluations) { return control.check(first.evaluations + evaluations); },
                     [&] { notify::step(control.observer, report()); });
        }
        assignment_plan plan = tree.best();
        plan.lower_bound = p.tasks() > 0 ? tree.lower_bound() : 0.0;
        plan.evaluations = first.evaluations + tree.evaluations();
        plan.accepted = tree.nodes();
        plan.stopped = tree.stopped();
        notify::end(control.observer, report());
        return plan;
    }
};

static_assert(assignment_allocator<exact>);

}  // namespace berth::inline v0
