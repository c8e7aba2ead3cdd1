// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of rebalancing, plain const values and lambdas:
//
//   migration_trigger     when tasks have to leave a place         migrate/triggers/*.hpp
//   movability            which relocations may happen at all      migrate/movability.hpp
//   relocation_pricing    whether a gain is worth its price        migrate/payback.hpp
//   relocation_budget     how much may move in one round           migrate/migration_budget.hpp
//   migration_cost_model  how long a relocation takes              migrate/migration_cost.hpp
//
// `balancer` (migrate/balancer.hpp) puts them together.

#include "berth/core/index.hpp"
#include "berth/migrate/fleet_outlook.hpp"
#include "berth/migrate/migration_cost.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

#include <concepts>
#include <cstddef>
#include <vector>

namespace berth {

/// A place that load has to leave, and why.
struct alarm {
    std::size_t trigger = 0;  ///< which of the balancer's triggers, by position
    const char* reason = "";  ///< the trigger's name
    node_index node{};
    gpu_mask gpus = 0;  ///< the GPUs of the node that are concerned; 0: the node as a whole, tasks without GPU included
    double pressure = 0.0;  ///< in the trigger's own unit
    task_index waiting{};   ///< the task that room has to be made for; relocations are then all or none

    /// Equal in everything but the text.
    friend constexpr bool operator==(const alarm& a, const alarm& b) noexcept {
        return a.trigger == b.trigger && a.node == b.node && a.gpus == b.gpus && a.pressure == b.pressure &&
               a.waiting == b.waiting;
    }
};

/// What a trigger remembers from round to round.
///
/// 1. `s.observe(outlook)` takes in a new observation, once a round, before anything is chosen. Hysteresis lives here: an
///    alarm begins beyond one threshold and ends below another.
/// 2. `s.alarms(outlook, out)` appends the alarms that are on, in the order of places. `alarm::trigger` is filled in by the caller.
/// 3. `s.wants(outlook, alarm)`: whether still more has to leave, given what was chosen since.
/// 4. `s.gain(outlook, alarm, relocation)`: what is saved each second if a task leaves the alarm's place for another. Above 0 only if
///    things strictly improve: afterwards the target is better off than the source was, so no two places can trade
///    tasks for ever.
/// 5. `s.admits(outlook, relocation)`: whether the target, with the task, stays below its own limit. All triggers are asked about
///    every relocation, whichever raised the alarm: what one sends away must not be sent back by another.
///
/// 6. Optional, for speed: `s.gain_falls_with_load(outlook)`, true if among targets of one GPU the gain never rises with the target's
///    load. The least loaded are then looked at first, and the rest not at all.
///
/// 7. Optional: `static constexpr bool urgent = true`: tasks leave even if they were relocated a short while ago.
///
/// Deterministic; 3 to 5 change nothing and do not allocate.
template <class S>
concept migration_trigger_state =
    std::copy_constructible<S> &&
    requires(S& s, const S& c, const fleet_outlook& now, const alarm& a, const relocation& r, std::vector<alarm>& out) {
        s.observe(now);
        c.alarms(now, out);
        { c.wants(now, a) } -> std::convertible_to<bool>;
        { c.gain(now, a, r) } -> std::convertible_to<double>;
        { c.admits(now, r) } -> std::convertible_to<bool>;
    };

/// A reason to relocate tasks: load, temperature, power, health, ... A description: small, const, shared. `t.name()` names it in
/// plans, `t.prepare(problem)` makes the state of one balancer.
template <class T>
concept migration_trigger = std::copy_constructible<T> && requires(const T& t, const problem& p) {
    { t.name() } -> std::convertible_to<const char*>;
    { t.prepare(p) } -> migration_trigger_state;
};

/// Which relocations may happen at all, whatever they gain: `m(relocation)`. Pinned tasks, jobs whose transport cannot be quiesced,
/// GPUs of another chip. Both ends are placed. Read-only and deterministic.
template <class M>
concept movability = std::copy_constructible<M> && requires(const M& m, const relocation& r) {
    { m(r) } -> std::convertible_to<bool>;
};

/// Weighs a gain against the price of getting it.
///
/// `w.estimate(problem, relocation)` says what the relocation takes; `w.gain(rate, remaining)` is what a rate of gain is worth for a
/// task that runs so many seconds more, not falling in either; `w.price(estimate)` is the price, 0 or more.
template <class W>
concept relocation_pricing = std::copy_constructible<W> && requires(const W& w, const problem& p, const relocation& r,
                                                                    const migration_estimate& e, double x) {
    { w.estimate(p, r) } -> std::same_as<migration_estimate>;
    { w.gain(x, x) } -> std::convertible_to<double>;
    { w.price(e) } -> std::convertible_to<double>;
};

/// What is left of a budget in one round: `begin(outlook)` opens a round and counts what is in flight, `allows` asks, `spend` and
/// `refund` are what they say.
template <class S>
concept relocation_budget_state =
    std::copy_constructible<S> &&
    requires(S& s, const S& c, const fleet_outlook& now, const relocation& r, const migration_estimate& e) {
        s.begin(now);
        { c.allows(r, e) } -> std::convertible_to<bool>;
        s.spend(r, e);
        s.refund(r, e);
    };

/// How much may move in one round. `b.prepare(problem)` makes the state of one balancer.
template <class B>
concept relocation_budget = std::copy_constructible<B> && requires(const B& b, const problem& p) {
    { b.prepare(p) } -> relocation_budget_state;
};

}  // namespace berth
