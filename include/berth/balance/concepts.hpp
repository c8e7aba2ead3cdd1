// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of rebalancing, plain const values and lambdas:
//
//   migration_trigger     when tasks have to leave a place         migrate/triggers/*.hpp
//   movability            which moves may happen at all      balance/movability.hpp
//   move_valuation    whether a gain is worth its price        balance/payback.hpp
//   move_budget     how much may move in one round           balance/migration_budget.hpp
//   migration_cost_model  how long a move takes              migrate/order/migration_cost.hpp
//
// `balancer` (balance/balancer.hpp) puts them together.

#include "berth/core/index.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <concepts>
#include <cstddef>
#include <vector>

namespace berth::inline v0 {

/// A place that load has to leave, and why.
struct alarm {
    std::size_t trigger = 0;  ///< which of the balancer's triggers, by position
    const char* reason = "";  ///< the trigger's name
    node_index node{};
    gpu_mask gpus = 0;  ///< the GPUs of the node that are concerned; 0: the node as a whole, tasks without GPU included
    double pressure = 0.0;  ///< in the trigger's own unit
    task_index waiting{};   ///< the task that room has to be made for; moves are then all or none

    /// Equal in everything but the text.
    friend constexpr bool operator==(const alarm& a, const alarm& b) noexcept {
        return a.trigger == b.trigger && a.node == b.node && a.gpus == b.gpus && a.pressure == b.pressure &&
               a.waiting == b.waiting;
    }
};

/// What a trigger remembers from round to round.
///
/// 1. `s.update(projected)` takes in a new observation, once a round, before anything is chosen. Hysteresis lives here: an
///    alarm begins beyond one threshold and ends below another.
/// 2. `s.alarms(projected, out)` appends the alarms that are on, in the order of places. `alarm::trigger` is filled in by the caller.
/// 3. `s.wants(projected, alarm)`: whether still more has to leave, given what was chosen since.
/// 4. `s.gain(projected, alarm, move)`: what is saved each second if a task leaves the alarm's place for another. Above 0 only if
///    things strictly improve: afterwards the target is better off than the source was, so no two places can trade
///    tasks for ever.
/// 5. `s.admits(projected, move)`: whether the target, with the task, stays below its own limit. All triggers are asked about
///    every move, whichever raised the alarm: what one sends away must not be sent back by another.
///
/// 6. Optional, for speed: `s.gain_falls_with_load(projected)`, true if among targets of one GPU the gain never rises with the target's
///    load. The least loaded are then looked at first, and the rest not at all.
///
/// 7. Optional: `static constexpr bool urgent = true`: tasks leave even if they were moved a short while ago.
///
/// Deterministic; 3 to 5 change nothing and do not allocate.
template <class S>
concept migration_trigger_state =
    std::copy_constructible<S> &&
    requires(S& s, const S& c, const projected_state& now, const alarm& a, const task_move& r, std::vector<alarm>& out) {
        s.update(now);
        c.alarms(now, out);
        { c.wants(now, a) } -> std::convertible_to<bool>;
        { c.gain(now, a, r) } -> std::convertible_to<double>;
        { c.admits(now, r) } -> std::convertible_to<bool>;
    };

/// A reason to move tasks: load, temperature, power, health, ... A description: small, const, shared. `t.name()` names it in
/// plans, `t.prepare(problem)` makes the state of one balancer.
template <class T>
concept migration_trigger = std::copy_constructible<T> && requires(const T& t, const problem& p) {
    { t.name() } -> std::convertible_to<const char*>;
    { t.prepare(p) } -> migration_trigger_state;
};

/// Which moves may happen at all, whatever they gain: `m(move)`. Pinned tasks, jobs whose transport cannot be quiesced,
/// GPUs of another chip. Both ends are placed. Read-only and deterministic.
template <class M>
concept movability = std::copy_constructible<M> && requires(const M& m, const task_move& r) {
    { m(r) } -> std::convertible_to<bool>;
};

/// Weighs a gain against the price of getting it.
///
/// `w.estimate(problem, move)` says what the move takes; `w.gain(rate, remaining)` is what a rate of gain is worth for a
/// task that runs so many seconds more, not falling in either; `w.price(estimate)` is the price, 0 or more.
template <class W>
concept move_valuation = std::copy_constructible<W> && requires(const W& w, const problem& p, const task_move& r,
                                                                    const migration_estimate& e, double x) {
    { w.estimate(p, r) } -> std::same_as<migration_estimate>;
    { w.gain(x, x) } -> std::convertible_to<double>;
    { w.price(e) } -> std::convertible_to<double>;
};

/// What is left of a budget in one round: `begin(projected)` opens a round and counts what is in flight, `allows` asks, `spend` and
/// `refund` are what they say.
template <class S>
concept move_budget_state =
    std::copy_constructible<S> &&
    requires(S& s, const S& c, const projected_state& now, const task_move& r, const migration_estimate& e) {
        s.begin(now);
        { c.allows(r, e) } -> std::convertible_to<bool>;
        s.spend(r, e);
        s.refund(r, e);
    };

/// How much may move in one round. `b.prepare(problem)` makes the state of one balancer.
template <class B>
concept move_budget = std::copy_constructible<B> && requires(const B& b, const problem& p) {
    { b.prepare(p) } -> move_budget_state;
};

}  // namespace berth::inline v0
