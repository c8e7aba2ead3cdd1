// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/costs/stop_and_copy.hpp"
#include "berth/migrate/order/detail/migration_estimates.hpp"
#include "berth/migrate/order/detail/order_control.hpp"
#include "berth/migrate/order/detail/order_engine.hpp"
#include "berth/migrate/order/detail/order_input.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <span>
#include <utility>

namespace berth::inline v0 {

/// Puts moves into an order that always fits: waves of steps, such that no counter of a GPU, a node or a domain goes
/// below zero at any instant, with both ends of every step held, however the steps of a wave overlap.
///
/// ```
/// const auto plan = migration_order{}.run(problem, initial, wanted);
/// if (!plan) return plan.error();
/// const migration_order careful{stop_and_copy<>{}, {.per_node = 2, .per_link = 1}};
/// run_control<deadline<>> control{.stop = deadline<>::after(200ms)};
/// const auto other = careful.run(problem, initial, wanted, in_flight, control);
/// const auto live = migration_order{}.run(cluster, wanted);  // where tasks are and what is free, the cluster says
/// ```
///
/// 1. **Both ends.** A task that moves holds its source until the step ends and its target from the beginning, as if
///    there were two of it. That is also so where the two overlap: between GPUs of one node it takes the node's
///    counters twice, and from GPUs {0, 1} to {1, 2} it takes GPU 1 twice. In-flight moves hold both ends throughout
///    and get no step.
/// 2. **Cycle-breaking moves.** Where moves wait for each other, whether in a cycle of two or because sums of many do
///    not fit, the cheapest set of them is broken: each goes first to a temporary host (a third slot, healthy, of an
///    accepted model) or into host memory, and later to its target. Cheapest by added downtime and `step_cost`. Up
///    to 16 moves that wait for each other: the cheapest set, proven; more: the best that the budget finds.
/// 3. **Drops.** A move that cannot be ordered is dropped and reported, together with the moves that cannot happen
///    without it; their tasks stay where they are. With unbounded host memory nothing is dropped for lack of order.
/// 4. **Time.** A wave lasts as long as its longest step. Steps are entered in the earliest wave that has room, then
///    shifted to waves that last as long anyway.
///
/// `unplaced` at the source is a task that arrives or lies in host memory (`fetch`), at the target one that leaves
/// (`park`). A counter that is below zero at the start only has to take nothing more until it is not. Health and GPU
/// models of targets are not checked, except on a cluster.
///
/// A description: immutable and shareable. Deterministic. Memory O(tasks + counters + touches) for the counters that
/// the moves touch, and a bit for each wave that is full for a limit. Time O(touches log touches) for the rules,
/// O(changes of its counters) to enter each step in a wave, O(steps * waves) for the few passes that shift steps, and
/// the budget for large groups of moves that wait for each other.
template <migration_cost_model Cost = stop_and_copy<>>
class migration_order {
public:
    /// The default cost model with these options.
    explicit migration_order(order_options options) : options_{std::move(options)} {}
    /// @param cost     estimates durations and downtimes
    /// @param options  limits and preferences
    explicit migration_order(Cost cost = {}, order_options options = {})
        : cost_{std::move(cost)}, options_{std::move(options)} {}

    [[nodiscard]] const Cost& cost() const noexcept { return cost_; }                 ///< the cost model
    [[nodiscard]] const order_options& options() const noexcept { return options_; }  ///< limits and preferences

    /// Orders the moves from one placement to another.
    ///
    /// @param initial   where every task is: a slot with as many GPUs as the task wants, or `unplaced`
    /// @param wanted     where every task shall be, likewise
    /// @param in_flight  moves that are being carried out, each task once. They hold both ends, whatever `initial` has
    ///                   for their tasks. A task in flight that is wanted at neither of its ends is dropped as not
    ///                   movable.
    /// @param control    asked to stop (stop or deadline), the run looks no further for fewer cycle-breaking moves,
    ///                   parks tasks rather than look for temporary hosts, drops a group whole rather than piece by
    ///                   piece, and leaves the waves as they are: the plan is valid and complete, with more
    ///                   cycle-breaking moves and longer waves. What remains then takes about ten
    ///                   microseconds a move. Polled at least once per millisecond, outside linear passes.
    ///                   `max_evaluations` is in moves put in order by the search.
    /// @return the plan; or an error that names the entry, if a placement has the wrong size, a slot does not exist, a
    ///         task in flight does not exist or is listed twice, or an option is out of range
    template <stoppable Stop, observer Observer>
    [[nodiscard]] result<migration_plan> run(const problem& p, std::span<const slot> initial,
                                             std::span<const slot> wanted, task_moves in_flight,
                                             run_control<Stop, Observer>& control) const {
        if (const auto ok = detail::check_order_input(p, initial, wanted, in_flight, options_); !ok) return ok.error();
        notify::begin(control.observer, {.total = wanted.size()});
        detail::order_control watched{control};
        detail::order_engine engine{p, detail::migration_estimates::of(cost_), options_, watched};
        return ended(engine.run(initial, wanted, in_flight), control.observer);
    }
    /// The same without a stop: with the default budget a run takes about half a second more than its linear part.
    [[nodiscard]] result<migration_plan> run(const problem& p, std::span<const slot> initial,
                                             std::span<const slot> wanted, task_moves in_flight = {}) const {
        run_control<> control;
        return run(p, initial, wanted, in_flight, control);
    }

    /// Orders the moves from where the tasks of a cluster are to another placement. Every step fits when its turn
    /// comes, by `cluster::begin_move` and `cluster::place`, as long as nothing else takes room: reservations, tasks
    /// that move already and over-committed places are in the cluster's ledger. A move to a slot that takes nothing new
    /// (closed, not healthy, another GPU model) is dropped as not admissible.
    ///
    /// @param wanted   where the task of each position shall be; entries of vacant positions are not looked at. A task
    ///                 that moves and is wanted at neither of its ends is dropped as not movable
    /// @param control  as above
    /// @return the plan, for `start_migration(cluster, ...)`; or an error that names the entry, if `wanted` has the
    ///         wrong size, a slot does not exist, or an option is out of range
    template <stoppable Stop, observer Observer>
    [[nodiscard]] result<migration_plan> run(const cluster& c, std::span<const slot> wanted,
                                             run_control<Stop, Observer>& control) const {
        if (const auto ok = detail::check_order_input(c, wanted, options_); !ok) return ok.error();
        notify::begin(control.observer, {.total = wanted.size()});
        detail::order_control watched{control};
        const problem p = c.problem();
        detail::order_engine engine{p, detail::migration_estimates::of(cost_), options_, watched};
        detail::order_input input{c, wanted};
        return ended(engine.run(input), control.observer);
    }
    /// The same without a stop.
    [[nodiscard]] result<migration_plan> run(const cluster& c, std::span<const slot> wanted) const {
        run_control<> control;
        return run(c, wanted, control);
    }
    /// The same for some moves; all other tasks stay where they are.
    ///
    /// @param moves  each of another task, from the slot where it is
    /// @return       an error also if a task does not exist, is listed twice, or is not at `from`
    template <stoppable Stop, observer Observer>
    [[nodiscard]] result<migration_plan> run(const cluster& c, task_moves moves,
                                             run_control<Stop, Observer>& control) const {
        detail::flat<slot> wanted;
        if (const auto ok = detail::read_moves(c, moves, wanted); !ok) return ok.error();
        return run(c, wanted.view(), control);
    }
    /// The same without a stop.
    [[nodiscard]] result<migration_plan> run(const cluster& c, task_moves moves) const {
        run_control<> control;
        return run(c, moves, control);
    }

private:
    template <class Observer>
    [[nodiscard]] static migration_plan ended(migration_plan plan, Observer& observer) {
        notify::end(observer, {.done = plan.steps.size(),
                               .total = plan.steps.size(),
                               .evaluations = plan.evaluations,
                               .objective = plan.downtime});
        return plan;
    }

    Cost cost_{};
    order_options options_;
};
migration_order() -> migration_order<>;
migration_order(order_options) -> migration_order<>;
template <migration_cost_model C>
migration_order(C) -> migration_order<C>;
template <migration_cost_model C>
migration_order(C, order_options) -> migration_order<C>;

}  // namespace berth::inline v0
