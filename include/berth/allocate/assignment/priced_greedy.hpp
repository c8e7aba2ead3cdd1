// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/detail/priced_construction.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace berth::inline v0 {

/// Greedy allocation by Lagrangian prices, for the generalised assignment problem: tasks in order of falling regret
/// (cost of the second choice above the first) on *reduced* costs, then repair of what does not fit, then descent over
/// moves and swaps, then ruin and recreate on a few GPUs at a time for as long as `max_rebuild_evaluations` last. With
/// the prices of a good bound the plan is feasible where that of greedy on plain costs is not; see `feasible()`. A
/// start is repaired and improved instead.
///
/// O(tasks × GPUs) and a few tasks² per pass. An evaluation is a pair of task and GPU, or of two tasks. Deterministic
/// per seed and budget.
struct priced_greedy {
    std::uint64_t seed = 0;                             ///< of repair and rebuilding
    std::size_t max_repairs = 5'000;                    ///< moves and swaps that make the plan feasible
    std::size_t max_passes = 50;                        ///< over all tasks, each moved or swapped if that is cheaper
    std::uint64_t max_rebuild_evaluations = 1'500'000;  ///< for rebuilding; 0: construction, repair and descent only

    /// See `assignment_allocator`. Polls stop and clock every 65,536 evaluations, the budget after every pass.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        const gpu_assignment given = complete_start(p, start);
        const detail::priced_construction* begun = nullptr;
        detail::poller poll{[&](bool between_rounds) {
            return between_rounds ? control.check(begun->evaluations()) : control.interruption();
        }};
        notify::begin(control.observer, {});
        detail::priced_construction work{p, poll};
        begun = &work;
        if (given.empty()) {
            work.construct(poll);
        } else {
            work.take(given);
        }
        xoshiro256 random{seed};
        work.repair(random, max_repairs, poll);
        const auto going = [&] { return poll.reason() == stop_reason::completed; };
        if (going()) work.descend(max_passes, poll);
        if (p.tasks() > 1 && p.gpus() > 1 && work.feasible()) {
            const std::uint64_t last = work.evaluations() + max_rebuild_evaluations;
            while (going() && work.evaluations() < last && work.total_cost() > p.bound().rounded) {
                if (!work.rebuild(random, poll)) continue;
                notify::step(control.observer,
                             progress{.evaluations = work.evaluations(), .objective = work.total_cost()});
            }
        }
        assignment_plan plan = p.plan_of(work.assignment());
        if (!given.empty()) {
            assignment_plan before = p.plan_of(given);
            if (better(before, plan)) plan = std::move(before);
        }
        plan.evaluations = work.evaluations();
        plan.accepted = work.accepted();
        plan.stopped = poll.reason();
        constexpr double none = std::numeric_limits<double>::infinity();
        notify::end(control.observer,
                    progress{.evaluations = plan.evaluations, .objective = plan.feasible() ? plan.cost : none});
        return plan;
    }
};

static_assert(assignment_allocator<priced_greedy>);

}  // namespace berth::inline v0
