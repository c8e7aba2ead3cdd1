// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/task_order.hpp"
#include "berth/allocate/greedy/tie_break.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/migrate/order/costs/links.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_journal.hpp"
#include "berth/migrate/run/migration_ledger.hpp"
#include "berth/migrate/run/migration_protocol.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/concepts.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

/// Minimal models of the library's concepts. Each has what its concept requires and nothing else: no default
/// constructor, no comparison, results that convert to `bool` or `double` and are neither. A function template of yours
/// that compiles with an archetype uses nothing beyond the concept; the library's own templates are tested so.
///
/// ```
/// template <migration_trigger T>
/// void my_function(const T&);
/// static_assert(requires(archetypes::trigger t) { my_function(t); });
/// ```
///
/// The members do nothing that is useful: archetypes are for compiling, and run without error where their answers are
/// valid (a trigger that never raises an alarm, an executor whose actions all fail).
namespace berth::inline v0::archetypes {

/// The base of all archetypes: copies, but has no default constructor and cannot be assigned.
struct only_copies {
    explicit constexpr only_copies(int) noexcept {}       ///< from any number
    only_copies(const only_copies&) = default;            ///< copies
    only_copies& operator=(const only_copies&) = delete;  ///< cannot be assigned
    ~only_copies() = default;                             ///< trivial
};

/// Converts to `bool`, always false.
struct truth {
    constexpr operator bool() const noexcept { return false; }  ///< false
};

/// Converts to `double`, always 1.
struct number {
    constexpr operator double() const noexcept { return 1.0; }  ///< 1
};

/// Converts to `double`, always 0.
struct zero {
    constexpr operator double() const noexcept { return 0.0; }  ///< 0
};

/// Models `stoppable`; never stops.
struct stop : only_copies {
    using only_copies::only_copies;                            ///< from any number
    [[nodiscard]] truth stop_requested() const { return {}; }  ///< false
};

/// Models `observer` with one hook.
struct end_observer : only_copies {
    using only_copies::only_copies;  ///< from any number
    void on_end(const progress&) {}  ///< ignored
};

/// Models `cost_model`.
struct cost : only_copies {
    using only_copies::only_copies;                                   ///< from any number
    number operator()(feature_row, feature_row) const { return {}; }  ///< 1
};

/// Models `placement_score` without `prepare`.
struct score : only_copies {
    using only_copies::only_copies;                            ///< from any number
    double operator()(const candidate&) const { return 0.0; }  ///< no preference
};

/// Models `gpu_selection` by a rule.
struct gpu_choice : only_copies {
    using only_copies::only_copies;  ///< from any number
    /// The lowest GPUs that fit.
    gpu_mask operator()(const node_view&, const demand_view& demand, gpu_mask fitting) const {
        gpu_mask chosen = 0;
        for (std::size_t i = 0; i < demand.gpus; ++i) {
            chosen |= fitting & (~fitting + 1);
            fitting &= fitting - 1;
        }
        return chosen;
    }
};

/// Models `tie_break`.
struct node_ranks : only_copies {
    using only_copies::only_copies;  ///< from any number
    /// Nodes by position.
    [[nodiscard]] std::vector<node_index> rank(const fleet& machines) const { return lowest_index{}.rank(machines); }
};

/// Models `task_order`.
struct order : only_copies {
    using only_copies::only_copies;                                                            ///< from any number
    std::vector<task_index> operator()(const problem& p) const { return arrival_order{}(p); }  ///< by position
};

/// Models `term` by a constant.
struct constant_term : only_copies {
    using only_copies::only_copies;  ///< from any number
    /// Models `term_state`.
    struct state : only_copies {
        using only_copies::only_copies;                            ///< from any number
        [[nodiscard]] number value() const { return {}; }          ///< 1
        [[nodiscard]] zero delta(task_moves) const { return {}; }  ///< 0
        void apply(task_moves) {}                                  ///< nothing changes
    };
    [[nodiscard]] const char* name() const { return "constant"; }                                  ///< of the term
    [[nodiscard]] state prepare(const problem&, std::span<const slot>) const { return state{0}; }  ///< of a run
};

/// Models `migration_trigger`; never raises an alarm.
struct trigger : only_copies {
    using only_copies::only_copies;  ///< from any number
    /// Models `migration_trigger_state`.
    struct state : only_copies {
        using only_copies::only_copies;                                                       ///< from any number
        void update(const projected_state&) {}                                                ///< ignored
        void alarms(const projected_state&, std::vector<alarm>&) const {}                     ///< none
        [[nodiscard]] truth wants(const projected_state&, const alarm&) const { return {}; }  ///< false
        [[nodiscard]] zero gain(const projected_state&, const alarm&, const task_move&) const { return {}; }  ///< 0
        [[nodiscard]] truth admits(const projected_state&, const task_move&) const { return {}; }             ///< false
    };
    [[nodiscard]] const char* name() const { return "never"; }              ///< in plans
    [[nodiscard]] state prepare(const problem&) const { return state{0}; }  ///< of one balancer
};

/// Models `movability`; no task may move.
struct pinned : only_copies {
    using only_copies::only_copies;                          ///< from any number
    truth operator()(const task_move&) const { return {}; }  ///< false
};

/// Models `move_budget`; allows nothing.
struct budget : only_copies {
    using only_copies::only_copies;  ///< from any number
    /// Models `move_budget_state`.
    struct state : only_copies {
        using only_copies::only_copies;        ///< from any number
        void begin(const projected_state&) {}  ///< ignored
        [[nodiscard]] truth allows(const task_move&, const migration_estimate&) const { return {}; }  ///< false
        void spend(const task_move&, const migration_estimate&) {}                                    ///< ignored
        void refund(const task_move&, const migration_estimate&) {}                                   ///< ignored
    };
    [[nodiscard]] state prepare(const problem&) const { return state{0}; }  ///< of one balancer
};

/// Models `migration_cost_model`: a second for every move.
struct migration_cost : only_copies {
    using only_copies::only_copies;  ///< from any number
    migration_estimate operator()(const problem&, const task_move&) const { return {1.0, 1.0, 0}; }  ///< a second
};

/// Models `link_bandwidth`: one byte per second.
struct link : only_copies {
    using only_copies::only_copies;                                                 ///< from any number
    number operator()(const problem&, node_index, node_index) const { return {}; }  ///< 1
};

/// Models `task_quantity`: nothing.
struct quantity : only_copies {
    using only_copies::only_copies;                                   ///< from any number
    zero operator()(const problem&, task_index) const { return {}; }  ///< 0
};

/// Models `migration_executor`: every action fails, and nothing has happened.
struct executor : only_copies {
    using only_copies::only_copies;                                ///< from any number
    void start(migration_action, const migration_job&, double) {}  ///< ignored
    action_status poll(migration_action, const migration_job&, double) { return action_status::failed; }  ///< failed
    void abort(migration_action, const migration_job&, double) {}                                         ///< ignored
    migration_state query(const migration_job& job, double) { return before_migration(job.move); }        ///< as before
};

/// Models `migration_journal`: keeps nothing.
struct journal : only_copies {
    using only_copies::only_copies;  ///< from any number
    /// True as a type that only converts.
    struct yes {
        constexpr operator bool() const noexcept { return true; }  ///< true
    };
    yes write(std::string_view, journal_write) { return {}; }  ///< ignored
};

/// Models `migration_ledger`: has room for everything.
struct ledger : only_copies {
    using only_copies::only_copies;                      ///< from any number
    journal::yes begin(const task_move&) { return {}; }  ///< true
    void finish(const task_move&) {}                     ///< ignored
    void cancel(const task_move&) {}                     ///< ignored
    void lose(const task_move&) {}                       ///< ignored
};

static_assert(stoppable<stop> && observer<end_observer> && cost_model<cost> && placement_score<score>);
static_assert(gpu_selection<gpu_choice> && tie_break<node_ranks> && task_order<order> && term<constant_term>);
static_assert(migration_trigger<trigger> && movability<pinned> && move_budget<budget>);
static_assert(migration_cost_model<migration_cost> && link_bandwidth<link> && task_quantity<quantity>);
static_assert(migration_executor<executor> && migration_journal<journal> && migration_ledger<ledger>);

}  // namespace berth::inline v0::archetypes
