// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/detail/branch_and_bound.hpp"
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

/// `exact` in a hurry: the same tree over each task's short list alone, pairs forbidden long before they are proven useless, and fewer
/// steps on the multipliers. Nothing is proven; what is found is often optimal, and found a hundred times sooner. Ends by itself when
/// the tree has been searched.
///
/// Starts from `priced_greedy` if no start is given; pairs of the start stay allowed. The better the start, the smaller the tree:
/// `then{limited{n, block_search{}}, dive{}}`. When to use: where GPUs hold few tasks each (up to some tens), up to a few thousand tasks.
///
/// Deterministic per seed and evaluation budget. An evaluation is a pair of task and GPU that a bound looked at.
struct dive {
    std::uint64_t seed = 0;      ///< of the last candidate of every task, and of repairs
    std::size_t candidates = 4;  ///< GPUs that a task may go to: the cheapest by reduced cost, and one of the next four
    std::size_t root_iterations = 200;  ///< subgradient steps before branching
    std::size_t node_iterations = 10;   ///< and at every node
    double keep_within =
        0.3;  ///< pairs are forbidden that cost more than this part of the gap to the best plan, 0 to 1
    double place_share = 0.03;  ///< of the open tasks beyond 100, placed for good at every node
    std::size_t width = 2'000;  ///< capacities are counted in at most so many units by the bound

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(candidates > 0 && root_iterations > 0 && node_iterations > 0 && width > 0 && place_share >= 0.0 &&
                         place_share <= 1.0,
                     "berth: dive needs candidates, iterations, a width and a share of 0 to 1");
        notify::begin(control.observer, {});
        assignment_plan first = p.plan_of({start.begin(), start.end()});
        if (start.empty()) {
            first =
                priced_greedy{.seed = seed}.run(p, {}, run_control<Stop>{control.stop, control.max_evaluations, {}});
        }
        const std::uint64_t before = first.evaluations;
        const candidate_lists lists{p.tables(), p.bound(), candidates + 4};
        const bool first_feasible = first.feasible();
        detail::branch_and_bound tree{p,
                                      {.root_iterations = root_iterations,
                                       .node_iterations = node_iterations,
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
        plan.lower_bound = p.bound().rounded;
        plan.evaluations = before + tree.evaluations();
        plan.accepted += tree.nodes();
        plan.stopped = tree.stopped();
        return plan;
    }
};

static_assert(assignment_allocator<dive>);

}  // namespace berth::inline v0
