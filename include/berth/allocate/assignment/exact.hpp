// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/detail/branch_and_bound.hpp"
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

/// Branch and bound: the optimum of the generalised assignment problem, proven, for problems small enough; the oracle of tests.
/// Elsewhere an anytime search whose plan brings a better `lower_bound` than the prices do.
///
/// - `stopped == completed`: proven. `lower_bound == cost` is the optimum; if no assignment fits, `lower_bound` is +inf and
///   the plan is one with little excess, not the least.
/// - stopped early: the best plan so far, and the least bound of what was left to look at.
///
/// Nodes are bounded by the Lagrangian relaxation of the *assignments* (a knapsack for each GPU, solved exactly), whose
/// multipliers each node improves by a few subgradient steps from its parent's; pairs that cannot be in a better plan are
/// forbidden by what the knapsacks lose with them (Posta, Ferland, Michelon, "An exact method with variable fixing for solving
/// the generalized assignment problem", 2012). Whole costs are proven with bounds rounded up; others up to 1e-9 plus 1e-11 of
/// the sum of the largest costs. Memory O(tasks × width + tasks × GPUs + depth × tasks). Deterministic per seed.
///
/// When to use: up to some 100 tasks, or a few GPUs with many; `then(search, exact{})` proves what a search has found.
struct exact {
    std::size_t root_iterations = 300;  ///< subgradient steps before branching
    std::size_t node_iterations = 20;   ///< and at every node
    std::size_t width = 2'000;          ///< capacities are counted in at most so many units by the bound
    std::uint64_t seed = 0;             ///< of the repair of relaxed answers

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(root_iterations > 0 && node_iterations > 0 && width > 0,
                     "berth: exact needs iterations and a width");
        constexpr double infinity = std::numeric_limits<double>::infinity();
        notify::begin(control.observer, {});
        const std::uint64_t pairs = p.tasks() * p.gpus();
        const priced_greedy greedy{
            .seed = seed, .max_repairs = 1'000, .rebuild_evaluations = std::min<std::uint64_t>(1'500'000, 20 * pairs)};
        const assignment_plan first =
            greedy.run(p, start, run_control<Stop>{control.stop, control.max_evaluations, {}});
        detail::branch_and_bound tree{p, {root_iterations, node_iterations, width, seed}, first};
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
