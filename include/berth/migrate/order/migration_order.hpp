// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/costs/stop_and_copy.hpp"
#include "berth/migrate/order/detail/migration_estimates.hpp"
#include "berth/migrate/order/detail/order_engine.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <span>
#include <utility>

namespace berth::inline v0 {

/// Puts moves into an order that always fits: waves of steps, such that no counter of a GPU, a node or a domain goes below
/// zero at any instant, with both ends of every step held, however the steps of a wave overlap.
///
/// ```
/// const migration_plan plan = migration_order{}.run(problem, observed, wanted);
/// const migration_order careful{stop_and_copy<>{}, {.per_node = 2, .per_link = 1}};
/// const migration_plan other = careful.run(problem, observed, wanted, in_flight);
/// ```
///
/// 1. **Both ends.** A task that moves holds its source until the step ends and its target from the beginning, as if there were two
///    of it. That is also so where the two overlap: between GPUs of one node it takes the node's counters twice, and from
///    GPUs {0, 1} to {1, 2} it takes GPU 1 twice. In-flight moves hold both ends throughout and are not touched.
/// 2. **Breakers.** Where moves wait for each other, whether in a cycle of two or because sums of many do not fit, the
///    cheapest set of them is broken: each steps aside to a third slot (healthy, of an accepted model) or into host memory, by
///    added downtime. Up to 16 moves that wait for each other: the cheapest set, proven; more: a good one.
/// 3. **Drops.** What cannot be ordered is dropped and reported, together with what cannot happen without it; these tasks stay
///    where they are. With host memory without bound nothing is dropped for lack of order.
/// 4. **Time.** A wave lasts as long as its longest step. Steps are entered in the earliest wave that has room, then shifted to
///    waves that last as long anyway.
///
/// `unplaced` at the source is a task that arrives or lies in host memory (`fetch`), at the target one that leaves (`park`). A counter
/// that is below zero to begin with only has to take nothing more until it is not. Targets are taken as they are: health and
/// GPU models are the business of whoever wanted them.
///
/// A description: immutable and shareable. Deterministic. Memory O(tasks + counters + steps × waves); time O(touches log touches)
/// and the effort allowed for large knots.
template <migration_cost_model Cost = stop_and_copy<>>
class migration_order {
public:
    explicit migration_order(order_options options) : options_{std::move(options)} {}
    explicit migration_order(Cost cost = {}, order_options options = {})
        : cost_{std::move(cost)}, options_{std::move(options)} {}

    [[nodiscard]] const Cost& cost() const noexcept { return cost_; }
    [[nodiscard]] const order_options& options() const noexcept { return options_; }

    /// Both placements have a slot or `unplaced` for every task. Tasks that are in flight are held by `in_flight`, whatever
    /// `observed` says of them; wanted anywhere but at one of their ends, they are dropped as not movable.
    [[nodiscard]] migration_plan run(const problem& p, std::span<const slot> observed, std::span<const slot> wanted,
                                     task_moves in_flight = {}) const {
        detail::order_engine engine{p, detail::migration_estimates::of(cost_), options_};
        return engine.run(observed, wanted, in_flight);
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
