// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of balancing, each a plain const value or a lambda:
//
//   migration_trigger     when tasks have to leave a place      balance/triggers/*.hpp
//   movability            which moves are allowed               balance/movability.hpp
//   move_valuation        whether a gain is worth its cost      balance/payback.hpp
//   move_budget           how much may move in one round        balance/migration_budget.hpp
//   migration_cost_model  how long a move takes                 migrate/order/migration_cost.hpp
//   fragmentation_cost    how much of a node is unusable        balance/defragment/fragmentation_cost.hpp
//
// `balancer` (balance/balancer.hpp) combines the first five, `defragment` (balance/defragment/defragment.hpp) takes the
// movability, the cost model and the fragmentation cost.

#include "berth/balance/projected_state.hpp"
#include "berth/core/index.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <concepts>
#include <cstddef>
#include <vector>

namespace berth::inline v0 {

/// A place that tasks have to leave, and why.
struct alarm {
    std::size_t trigger = 0;  ///< position of the trigger in the balancer's list; filled in by the balancer
    const char* reason = "";  ///< the trigger's name
    node_index node{};        ///< the node; always valid
    gpu_mask gpus = 0;        ///< the GPUs of the node concerned; 0: the whole node, tasks without GPU included
    double pressure = 0.0;    ///< the measured number that raised the alarm, in the trigger's unit
    task_index waiting{};     ///< valid: room is to be made for this task, and the moves are all or none

    /// Equal in all but the text.
    friend constexpr bool operator==(const alarm& a, const alarm& b) noexcept {
        return a.trigger == b.trigger && a.node == b.node && a.gpus == b.gpus && a.pressure == b.pressure &&
               a.waiting == b.waiting;
    }
};

/// The state of a trigger in one balancer, kept from round to round.
///
/// 1. `s.update(now)` reads a new observation, once a round, before anything is chosen. Hysteresis belongs here: an
///    alarm begins at one threshold and ends below another.
/// 2. `s.alarms(now, out)` appends the active alarms, in the order of nodes or GPUs. The balancer fills in
///    `alarm::trigger`.
/// 3. `s.wants(now, alarm)` is true while the alarm's place has to lose more tasks, given the moves chosen so far.
/// 4. `s.gain(now, alarm, move)` is what the move saves per second. It is above 0 only if the target ends up better
///    than the source was: then no two places trade tasks for ever.
/// 5. `s.admits(now, move)` is true if the target stays below this trigger's limit with the task. The balancer asks
///    every trigger about every move, so that none undoes the work of another. A place where the number was not
///    measured raises no alarm (2) and admits nothing (5).
///
/// Optional members:
///
/// 6. `s.gain_falls_with_load(now)`: true if, among targets of one GPU, the gain never rises with the target's load.
///    The search then starts with the least loaded GPU and ends early.
/// 7. `static constexpr bool urgent = true`: tasks leave even within their cooldown, and even if the move costs more
///    than it gains, or they end soon.
/// 8. `static constexpr bool drains = true`: every task has to leave its places. Tasks of higher priority get room
///    first, and those tasks of a gang that are on such places leave together or not at all.
/// 9. `s.forget(node_index)`, `s.forget(gpu_index)`, `s.forget(task_index)`: the node, GPU or task at this position of
///    a cluster is another one than in the round before.
/// 10. `static constexpr bool needs_load = true`: without the task's own load the gain of a move is unknown.
///
/// All are deterministic; 2 to 6 are const, and 3 to 6 do not allocate. A run control does not interrupt them: keep 1
/// and 2 at O(tasks + GPUs), and 3 to 5 at O(tasks of a node).
template <class S>
concept migration_trigger_state =
    std::copy_constructible<S> && requires(S& s, const S& c, const projected_state& now, const alarm& a,
                                           const task_move& r, std::vector<alarm>& out) {
        s.update(now);
        c.alarms(now, out);
        { c.wants(now, a) } -> std::convertible_to<bool>;
        { c.gain(now, a, r) } -> std::convertible_to<double>;
        { c.admits(now, r) } -> std::convertible_to<bool>;
    };

/// A reason to move tasks: load, temperature, power, health, ... A small const description with two members:
/// `t.name()`, the text of its alarms, and `t.prepare(problem)`, the state for one balancer. Write one for a reason
/// that only your scheduler knows:
///
/// ```
/// struct maintenance {
///     std::span<const double> begins;                            // per node, seconds
///     static constexpr const char* name() { return "maintenance"; }
///     struct state { ... };                                      // a migration_trigger_state
///     state prepare(const berth::problem&) const { return {begins}; }
/// };
/// berth::balancer{berth::triggers{maintenance{begins}, berth::load_above{}}}
/// ```
///
/// The whole of it: `examples/own_trigger.cpp`.
template <class T>
concept migration_trigger = std::copy_constructible<T> && requires(const T& t, const problem& p) {
    { t.name() } -> std::convertible_to<const char*>;
    { t.prepare(p) } -> migration_trigger_state;
};

/// Which moves are allowed, whatever they gain: a predicate `m(move)`, read-only and deterministic. Both ends of the
/// move are placed. Write one for pinned tasks, transports that cannot be quiesced, or checkpoints bound to a chip:
///
/// ```
/// const auto stays = [](const berth::task_move& r) { return r.task.value() != 3; };
/// berth::move_choice{berth::payback{}, stays}
/// ```
template <class M>
concept movability = std::copy_constructible<M> && requires(const M& m, const task_move& r) {
    { m(r) } -> std::convertible_to<bool>;
};

/// Compares the gain of a move with its cost, in one unit. Read-only and deterministic.
///
/// - `w.estimate(problem, move)`: duration, downtime and bytes of the move;
/// - `w.gain(rate, remaining)`: the value of a gain of `rate` per second for a task that ends in `remaining` seconds;
///   never falls in either;
/// - `w.cost(estimate)`: the cost of the move, 0 or more.
///
/// `payback` is the default. Write one where downtime has another value for every task:
///
/// ```
/// struct by_contract {
///     berth::migration_estimate estimate(const berth::problem& p, const berth::task_move& r) const;
///     double gain(double rate, double remaining) const { return rate * std::min(remaining, 600.0); }
///     double cost(const berth::migration_estimate& e) const { return 5.0 * e.downtime; }
/// };
/// ```
template <class W>
concept move_valuation = std::copy_constructible<W> && requires(const W& w, const problem& p, const task_move& r,
                                                                const migration_estimate& e, double x) {
    { w.estimate(p, r) } -> std::same_as<migration_estimate>;
    { w.gain(x, x) } -> std::convertible_to<double>;
    { w.cost(e) } -> std::convertible_to<double>;
};

/// What is left of a budget in one round. `s.begin(now)` opens a round and debits the moves in flight; `allows(move,
/// estimate)` tests; `spend` and `refund`, with the same arguments, debit and credit. O(1) each but `begin`.
template <class S>
concept move_budget_state = std::copy_constructible<S> && requires(S& s, const S& c, const projected_state& now,
                                                                   const task_move& r, const migration_estimate& e) {
    s.begin(now);
    { c.allows(r, e) } -> std::convertible_to<bool>;
    s.spend(r, e);
    s.refund(r, e);
};

/// How much may move in one round: `b.prepare(problem)` yields the state for one balancer. `migration_budget` limits
/// moves, bytes, nodes and links; write one for other limits, say for each tenant:
///
/// ```
/// struct two_moves {
///     struct state {
///         int left = 0;
///         void begin(const berth::projected_state&) { left = 2; }
///         bool allows(const berth::task_move&, const berth::migration_estimate&) const { return left > 0; }
///         void spend(const berth::task_move&, const berth::migration_estimate&) { --left; }
///         void refund(const berth::task_move&, const berth::migration_estimate&) { ++left; }
///     };
///     state prepare(const berth::problem&) const { return {}; }
/// };
/// ```
template <class B>
concept move_budget = std::copy_constructible<B> && requires(const B& b, const problem& p) {
    { b.prepare(p) } -> move_budget_state;
};

}  // namespace berth::inline v0
