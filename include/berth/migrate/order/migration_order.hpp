// SPDX-License-Identifier: Apache-2.0
#pragma once

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
/// models of targets are not checked.
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
        migration_plan plan = engine.run(initial, wanted, in_flight);
        notify::end(control.observer, {.done = plan.steps.size(),
                                       .total = plan.steps.size(),
                                       .evaluations = plan.evaluations,
                                       .objective = plan.downtime});
        return plan;
    }
    /// The same without a stop: with the default budget a run takes about half a second more than its linear part.
    [[nodiscard]] result<migration_plan> run(const problem& p, std::span<const slot> initial,
                                             std::span<const slot> wanted, task_moves in_flight = {}) const {
        run_control<> control;
        return run(p, initial, wanted, in_flight, control);
    }

private:
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
