// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/alternative_choice.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/linked_gpus.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/balance/balancer.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/balance/migration_budget.hpp"
#include "berth/balance/move_choice.hpp"
#include "berth/balance/payback.hpp"
#include "berth/balance/triggers/overcommitted.hpp"
#include "berth/balance/triggers/unhealthy.hpp"
#include "berth/cost/duration_estimate.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/queue/concepts.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/backfill.hpp"
#include "berth/scheduler/preemption.hpp"

#include <utility>

namespace berth::inline v0 {

/// No relief: what runs somewhere stays there.
struct no_relief {};

/// No watch: health comes from `health` events alone, and readings go to the balancer as they are.
struct no_watch {};

/// Relief of what is over-committed, sick or drained: at once, without a cooldown, and however much time lies between
/// two rounds.
using relief_balancer = balancer<triggers<overcommitted, unhealthy>>;
/// The default of `scheduler_policies::balance`.
[[nodiscard]] inline relief_balancer default_relief() {
    return {.when = triggers{overcommitted{}, unhealthy{.rounds = 1, .recovery_rounds = 1}},
            .limits = observation_limits::none()};
}
/// Moves in waves, none into host memory, which a scheduler does not know.
[[nodiscard]] inline migration_order<> default_move_order() {
    return migration_order<>{order_options{.parking = false}};
}

/// What a scheduler is made of. Every part is a policy that is used elsewhere as well; replace one and keep the rest:
///
/// ```
/// berth::scheduler engine{berth::scheduler_policies<>{}.with_order(berth::shortest_remaining{})};
/// berth::scheduler other{berth::scheduler_policies{}
///                            .with_order(berth::shortest_service{})
///                            .with_placement(berth::greedy{berth::best_fit{}})
///                            .with_preemption(berth::replan{})};
/// ```
///
/// @tparam Order       who goes first: a `queue_order`
/// @tparam Placement   where tasks go: a `greedy`
/// @tparam Balance     when tasks have to move, and where: a `balancer` with a `move_choice`, or `no_relief`
/// @tparam MoveOrder   in which order they move, and what that costs: a `migration_order`
/// @tparam Watch       from readings to health: a `fleet_watch`, or `no_watch`
/// @tparam Preemption  who must leave: a `preemption_policy`
/// @tparam Durations   how long tasks run: a `duration_estimate`; what it does not know is taken from the job
/// @tparam Choice      which of a task's alternatives: an `alternative_choice`
/// @tparam Backfill    what is kept for jobs that do not fit yet: `no_backfill` or `easy_backfill`
template <class Order = by_priority<>, class Placement = greedy<scarcity, linked_gpus<best_scored_gpu>>,
          class Balance = relief_balancer, class MoveOrder = migration_order<>, class Watch = no_watch,
          class Preemption = no_preemption, class Durations = unknown_durations, class Choice = cheapest_first,
          class Backfill = no_backfill>
struct scheduler_policies {
    static_assert(queue_order<Order>,
                  "berth: `order` is a queue order: a function of a const queued_job& that yields a "
                  "number or a queue_key (queue/concepts.hpp)");
    static_assert(preemption_policy<Preemption>,
                  "berth: `preemption` is a function of a claimant, its key, a victim and its key that yields a bool "
                  "(scheduler/preemption.hpp)");
    static_assert(duration_estimate<Durations>,
                  "berth: `durations` is a function of a task_index and a model_index that yields an "
                  "expected_duration (cost/duration_estimate.hpp)");
    static_assert(backfill_policy<Backfill>,
                  "berth: `backfill` is no_backfill, or has the members of easy_backfill (scheduler/backfill.hpp)");

    Order order{};                                ///< who goes first
    Placement placement{};                        ///< where tasks go
    Balance balance = default_relief();           ///< when tasks have to move
    MoveOrder move_order = default_move_order();  ///< in which order
    Watch watch{};                                ///< from readings to health
    Preemption preemption{};                      ///< who must leave
    Durations durations{};                        ///< how long tasks run
    Choice choice{};                              ///< which alternative
    Backfill backfill{};                          ///< what is kept for jobs that do not fit yet

    /// The same with another `order`.
    template <class New>
    [[nodiscard]] constexpr auto with_order(New value) const {
        return scheduler_policies<New, Placement, Balance, MoveOrder, Watch, Preemption, Durations, Choice, Backfill>{
            std::move(value), placement, balance, move_order, watch, preemption, durations, choice, backfill};
    }
    /// The same with another `placement`.
    template <class New>
    [[nodiscard]] constexpr auto with_placement(New value) const {
        return scheduler_policies<Order, New, Balance, MoveOrder, Watch, Preemption, Durations, Choice, Backfill>{
            order, std::move(value), balance, move_order, watch, preemption, durations, choice, backfill};
    }
    /// The same with another `balance`.
    template <class New>
    [[nodiscard]] constexpr auto with_balance(New value) const {
        return scheduler_policies<Order, Placement, New, MoveOrder, Watch, Preemption, Durations, Choice, Backfill>{
            order, placement, std::move(value), move_order, watch, preemption, durations, choice, backfill};
    }
    /// The same with another `move_order`.
    template <class New>
    [[nodiscard]] constexpr auto with_move_order(New value) const {
        return scheduler_policies<Order, Placement, Balance, New, Watch, Preemption, Durations, Choice, Backfill>{
            order, placement, balance, std::move(value), watch, preemption, durations, choice, backfill};
    }
    /// The same with another `watch`.
    template <class New>
    [[nodiscard]] constexpr auto with_watch(New value) const {
        return scheduler_policies<Order, Placement, Balance, MoveOrder, New, Preemption, Durations, Choice, Backfill>{
            order, placement, balance, move_order, std::move(value), preemption, durations, choice, backfill};
    }
    /// The same with another `preemption`.
    template <class New>
    [[nodiscard]] constexpr auto with_preemption(New value) const {
        return scheduler_policies<Order, Placement, Balance, MoveOrder, Watch, New, Durations, Choice, Backfill>{
            order, placement, balance, move_order, watch, std::move(value), durations, choice, backfill};
    }
    /// The same with another `durations`.
    template <class New>
    [[nodiscard]] constexpr auto with_durations(New value) const {
        return scheduler_policies<Order, Placement, Balance, MoveOrder, Watch, Preemption, New, Choice, Backfill>{
            order, placement, balance, move_order, watch, preemption, std::move(value), choice, backfill};
    }
    /// The same with another `choice`.
    template <class New>
    [[nodiscard]] constexpr auto with_choice(New value) const {
        return scheduler_policies<Order, Placement, Balance, MoveOrder, Watch, Preemption, Durations, New, Backfill>{
            order, placement, balance, move_order, watch, preemption, durations, std::move(value), backfill};
    }
    /// The same with another `backfill`.
    template <class New>
    [[nodiscard]] constexpr auto with_backfill(New value) const {
        return scheduler_policies<Order, Placement, Balance, MoveOrder, Watch, Preemption, Durations, Choice, New>{
            order, placement, balance, move_order, watch, preemption, durations, choice, std::move(value)};
    }
};

}  // namespace berth::inline v0
