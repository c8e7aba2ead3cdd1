// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/detail/branch_and_bound.hpp"
#include "berth/allocate/assignment/detail/first_plan.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace berth::inline v0 {

/// Diving heuristic: the branch and bound of `exact` over candidate lists, with aggressive fixing, fewer subgradient
/// steps and no proof. Often optimal, and a hundred times sooner than `exact`. Complete when the tree has been
/// searched.
///
/// Starts from `priced_greedy` if no start is given; pairs of the start stay allowed. The better the start, the smaller
/// the tree: `then{limited{n, block_search{}}, dive{}}`. When to use: where GPUs hold few tasks each (up to some tens),
/// up to a few thousand tasks.
///
/// O(tasks × GPUs × width) per subgradient step at worst. An evaluation is a pair of task and GPU in a bound.
/// Deterministic per seed and evaluation budget.
struct dive {
    std::uint64_t seed = 0;      ///< of the last candidate of every task, and of repairs
    std::size_t candidates = 4;  ///< GPUs open to a task: as many of least reduced cost, and one of the next four
    std::size_t max_root_iterations = 200;  ///< subgradient steps before branching
    std::size_t max_node_iterations = 10;   ///< subgradient steps at every other node
    double keep_within = 0.3;   ///< forbids pairs whose bound is above this part of the gap to the best plan, 0 to 1
    double place_share = 0.03;  ///< share of the open tasks beyond 100 that every node places for good, 0 to 1
    std::size_t width = 2'000;  ///< the bound counts capacities in at most this many units, above 0

    /// See `assignment_allocator`. Polls for every GPU in a bound.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(candidates > 0 && max_root_iterations > 0 && max_node_iterations > 0 && width > 0 &&
                         place_share >= 0.0 && place_share <= 1.0,
                     "berth: dive has candidates, iterations and a width above 0 and a place_share of 0 to 1");
        notify::begin(control.observer, {});
        assignment_plan first =
            detail::first_plan(p, start, priced_greedy{.seed = seed}, detail::greedy_first::if_empty, control);
        const std::uint64_t before = first.evaluations;
        const candidate_lists lists{p.tables(), p.bound(), candidates + 4};
        const bool first_feasible = first.feasible();
        detail::branch_and_bound tree{p,
                                      {.max_root_iterations = max_root_iterations,
                                       .max_node_iterations = max_node_iterations,
                                       .width = width,
                                       .seed = seed,
                                       .root_rounds = 1,
                                       .keep_within = keep_within,
                                       .guess_every = first_feasible ? 0U : 64U,
                                       .mend_every = 16,
                                       .place_share = place_share},
                                      std::move(first)};
        tree.restrict_to([&](std::size_t t, std::size_t g) {
            const auto list = lists.of(task_index{t});
            const std::size_t sure = std::min(candidates, list.size());
            for (std::size_t k = 0; k < sure; ++k) {
                if (list[k] == gpu_index{g}) return true;
            }
            return sure < list.size() && list[sure + stream_seed(seed, t) % (list.size() - sure)] == gpu_index{g};
        });
        const auto seen = [&] {
            return progress{.evaluations = before + tree.evaluations(),
                            .objective =
                                tree.best().feasible() ? tree.best().cost : std::numeric_limits<double>::infinity()};
        };
        notify::step(control.observer, seen());
        if (p.tasks() > 0) {
            tree.run([&](std::uint64_t evaluations) { return control.check(before + evaluations); },
                     [&] { notify::step(control.observer, seen()); });
        }
        notify::end(control.observer, seen());
        assignment_plan plan = tree.best();
        plan.lower_bound = p.claimed_bound(plan, p.bound().rounded);
        plan.evaluations = before + tree.evaluations();
        plan.accepted += tree.nodes();
        plan.stopped = tree.stopped();
        return plan;
    }
};

static_assert(assignment_allocator<dive>);

}  // namespace berth::inline v0
