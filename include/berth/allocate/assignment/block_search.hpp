// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/block_descent.hpp"
#include "berth/allocate/assignment/detail/first_plan.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
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
#include <utility>

namespace berth::inline v0 {

/// Local search for assignment problems in a very large neighbourhood: picks a few GPUs that compete for the same
/// tasks, the block, and assigns the tasks on them anew at least cost by a tree search (`max_nodes`). Any number of
/// tasks may change GPUs at once, as tight capacities require: shifts, swaps and ejection chains among these GPUs are
/// special cases. Blocks grow while their tree searches complete, and shrink when they are cut off. `tolerance` lets
/// the cost rise a little above the best.
///
/// Starts from `priced_greedy` if no start is given; repairs an infeasible start first. When to use: the fastest to a
/// good plan, from tens of tasks to a hundred thousand; `dive` (`allocate/assignment/dive.hpp`) finds better plans
/// where GPUs hold few tasks. Ahuja, Ergun, Orlin, Punnen, "A survey of very large-scale neighborhood search
/// techniques", 2002.
///
/// O(tasks × GPUs of the block + nodes) for a block. An evaluation is a node of a tree. Deterministic per seed and
/// evaluation budget.
struct block_search {
    std::uint64_t seed = 0;            ///< of the choice of blocks and of greedy's repairs
    std::uint64_t max_nodes = 10'000;  ///< of one block's tree, above 0; more nodes, larger blocks
    std::size_t max_gpus = 16;         ///< of one block, 2 to 16
    double tolerance = 1.0;            ///< rise above the best cost, 0 or more, in units of (best cost - bound) / GPUs
    std::uint64_t patience = 300'000;  ///< blocks without a new best after which the search is complete; 0: never

    /// See `assignment_allocator`. Polls stop and clock after every block, the budget after every eighth.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        BERTH_ASSERT(max_nodes > 0 && max_gpus >= 2 && tolerance >= 0.0, "berth: block_search has bad options");
        notify::begin(control.observer, {});
        const priced_greedy greedy{.seed = seed, .max_rebuild_evaluations = start.empty() ? 1'500'000U : 0U};
        assignment_plan plan = detail::first_plan(p, start, greedy, detail::greedy_first::unless_feasible, control);
        const std::uint64_t before = plan.evaluations;
        detail::block_descent blocks{p, max_nodes, max_gpus, tolerance};
        blocks.start([&](std::size_t t) { return plan.gpu_of[t].value(); });
        const auto seen = [&] {
            return progress{.done = static_cast<std::size_t>(blocks.visited()),
                            .evaluations = before + blocks.evaluations(),
                            .objective =
                                blocks.feasible() ? blocks.best_cost() : std::numeric_limits<double>::infinity()};
        };
        if (blocks.feasible()) notify::step(control.observer, seen());
        xoshiro256 random{stream_seed(seed, 0)};
        bool met = p.meets_bound(plan);
        stop_reason reason = control.check(before);
        for (std::uint64_t stale = 0; reason == stop_reason::completed && p.gpus() > 1 && p.tasks() > 0; ++stale) {
            if (patience > 0 && stale >= patience) break;
            if (met) break;
            if (blocks.visit(random)) {
                stale = 0;
                met = blocks.best_cost() <= p.bound().rounded && p.meets_bound(plan_of(p, blocks));
                notify::step(control.observer, seen());
            }
            reason = blocks.visited() % 8 == 0 ? control.check(before + blocks.evaluations()) : control.interruption();
        }
        notify::end(control.observer, seen());
        const auto accepted = plan.accepted + blocks.moves();
        plan = plan_of(p, blocks);
        plan.evaluations = before + blocks.evaluations();
        plan.accepted = accepted;
        plan.stopped = reason;
        return plan;
    }

private:
    [[nodiscard]] static assignment_plan plan_of(const priced_problem& p, const detail::block_descent& blocks) {
        gpu_assignment gpu_of;
        for (const std::uint32_t g : blocks.best()) gpu_of.push_back(gpu_index{g});
        return p.plan_of(std::move(gpu_of));
    }
};

static_assert(assignment_allocator<block_search>);

}  // namespace berth::inline v0
