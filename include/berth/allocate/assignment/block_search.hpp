// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/block_descent.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Local search for assignment problems in a very large neighbourhood: takes a few GPUs that compete for the same tasks, and spreads the
/// tasks on them anew, as cheaply as can be, by a bounded tree search (`max_nodes`). Any number of tasks may change places at once, which
/// is what tight capacities ask for: shifts, swaps and ejection chains among those GPUs are all special cases. Blocks grow while
/// their searches end, and shrink when they are cut off. The walk may go a little above the best cost, by `tolerance`.
///
/// Starts from `priced_greedy` if no start is given; mends an infeasible start first. When to use: the fastest way to a good plan, from
/// tens of tasks to a hundred thousand; `dive` (`allocate/assignment/dive.hpp`) goes further where GPUs hold few tasks.
/// Very large-scale neighbourhoods: Ahuja, Ergun, Orlin, Punnen, "A survey of very large-scale neighborhood search techniques", 2002.
///
/// O(tasks × GPUs of the block + nodes) for a block. An evaluation is a node of a tree. Deterministic per seed and evaluation budget.
struct block_search {
    std::uint64_t seed = 0;
    std::uint64_t max_nodes = 10'000;  ///< of one block's tree; more nodes, larger blocks
    std::size_t max_gpus = 16;         ///< of one block, 2 to 16
    double tolerance = 1.0;  ///< height of the walk above the best cost, in parts of the gap to the bound per GPU
    std::uint64_t patience = 300'000;  ///< blocks without a new best after which the search is complete; 0: never

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(max_nodes > 0 && max_gpus >= 2 && tolerance >= 0.0, "berth: block_search has bad options");
        notify::begin(control.observer, {});
        assignment_plan plan = p.plan_of({start.begin(), start.end()});
        if (start.empty() || !plan.feasible()) {
            const priced_greedy greedy{.seed = seed, .rebuild_evaluations = start.empty() ? 1'500'000U : 0U};
            plan = greedy.run(p, start, run_control<Stop>{control.stop, control.max_evaluations, {}});
        }
        const std::uint64_t before = plan.evaluations;
        detail::block_descent walk{p, max_nodes, max_gpus, tolerance};
        walk.start([&](std::size_t t) { return plan.gpu_of[t].value(); });
        const auto seen = [&] {
            return progress{.done = static_cast<std::size_t>(walk.blocks()),
                            .evaluations = before + walk.evaluations(),
                            .objective = walk.feasible() ? walk.best_cost() : std::numeric_limits<double>::infinity()};
        };
        if (walk.feasible()) notify::step(control.observer, seen());
        xoshiro256 random{stream_seed(seed, 0)};
        stop_reason reason = control.check(before);
        for (std::uint64_t stale = 0; reason == stop_reason::completed && p.gpus() > 1 && p.tasks() > 0; ++stale) {
            if (patience > 0 && stale >= patience) break;
            if (walk.feasible() && walk.best_cost() <= p.bound().rounded) break;
            if (walk.visit(random)) {
                stale = 0;
                notify::step(control.observer, seen());
            }
            if (walk.blocks() % 8 == 0) reason = control.check(before + walk.evaluations());
        }
        notify::end(control.observer, seen());
        const auto accepted = plan.accepted + walk.moves();
        for (std::size_t t = 0; t < p.tasks(); ++t) plan.gpu_of[t] = gpu_index{walk.best()[t]};
        plan = p.plan_of(std::move(plan.gpu_of));
        plan.evaluations = before + walk.evaluations();
        plan.accepted = accepted;
        plan.stopped = reason;
        return plan;
    }
};

static_assert(assignment_allocator<block_search>);

}  // namespace berth::inline v0
