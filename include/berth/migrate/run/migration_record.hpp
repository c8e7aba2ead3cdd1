// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_protocol.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// What a step of a run is doing.
enum class migration_phase : std::uint8_t {
    waiting,   ///< not begun
    intended,  ///< an action is decided on, and goes to the journal before it is started
    acting,    ///< the action was started
    settling,  ///< it failed, took too long, or the scheduler was restarted: the executor is queried
    pausing,   ///< until the action is tried again
    ended,     ///< has an outcome
};

/// How a step ended.
enum class migration_outcome : std::uint8_t {
    open,         ///< it has not ended
    done,         ///< the task is at the target
    rolled_back,  ///< the task is at the source, and the target is free again
    lost,         ///< the executor lost the task; nothing is held any more
    invalid,      ///< never begun, because earlier steps of its task, or for its room, have failed
    not_begun,    ///< the run was stopped or given up before
    unresolved,   ///< could not be ended: both ends stay held until it is (`migration_run::reopen`)
    /// On a cluster: the task was retired, released or placed by somebody else meanwhile. The run has let go of it, and
    /// touches nothing of it or of what has its position now.
    gone,
};
/// Number of outcomes.
inline constexpr std::size_t migration_outcome_count = 8;

/// The enumerator's name, as in the journal.
[[nodiscard]] constexpr const char* to_string(migration_outcome outcome) noexcept {
    constexpr const char* names[] = {"open",    "done",      "rolled_back", "lost",
                                     "invalid", "not_begun", "unresolved",  "gone"};
    return names[static_cast<std::size_t>(outcome)];
}

/// Why a step did not go as planned.
enum class migration_failure : std::uint8_t {
    none,             ///< nothing failed
    no_room,          ///< the target has no room: something that should have left is still there
    not_there,        ///< the task is not where the step begins
    failed,           ///< an action failed as often as the limits allow
    timed_out,        ///< an action took longer than the limits allow, as often as they allow
    terminal,         ///< the executor reports the task lost
    silent,           ///< `query` yields `unknown` for too long
    contradiction,    ///< the executor reports an impossible state
    interrupted,      ///< the run was asked to stop
    too_many_failed,  ///< the run was given up at `migration_limits::max_failures`
    task_gone,        ///< on a cluster: the task was retired
    node_gone,        ///< on a cluster: the node of an end has left
    not_healthy,      ///< on a cluster: the target, or a GPU of it, is not healthy or missing
    closed,           ///< on a cluster: the target's node is closed
};
/// Number of failures.
inline constexpr std::size_t migration_failure_count = 14;

/// The enumerator's name, as in the journal.
[[nodiscard]] constexpr const char* to_string(migration_failure failure) noexcept {
    constexpr const char* names[] = {"none",      "no_room",   "not_there",     "failed",      "timed_out",
                                     "terminal",  "silent",    "contradiction", "interrupted", "too_many_failed",
                                     "task_gone", "node_gone", "not_healthy",   "closed"};
    return names[static_cast<std::size_t>(failure)];
}

/// One step of a run: a plain value, one line of the saved text. Times are seconds of the scheduler's clock.
struct migration_record {
    migration_phase phase = migration_phase::waiting;              ///< what it is doing
    migration_outcome outcome = migration_outcome::open;           ///< how it ended
    migration_direction direction = migration_direction::forward;  ///< forward, or being taken back
    migration_action action = migration_action::reserve;           ///< decided on last
    migration_failure failure = migration_failure::none;           ///< the last one, even if it was overcome
    migration_action failed = migration_action::reserve;           ///< the action that had it
    migration_state known{};                                       ///< the last known state
    std::uint32_t attempts = 0;                                    ///< of `action` that failed in a row
    std::uint64_t serial = 0;                                      ///< of the token that it was started with
    double since = 0.0;     ///< when `action` was decided on; while `pausing`, when that ends
    double begun = 0.0;     ///< when the step began
    double ended = 0.0;     ///< when it ended
    double stopped = 0.0;   ///< since when the task has not run, if it does not run by `known`
    double downtime = 0.0;  ///< seconds so far in which the task did not run

    friend bool operator==(const migration_record&, const migration_record&) = default;
};

/// True from the beginning of a step to its end, and for an unresolved one: both ends are held.
[[nodiscard]] constexpr bool under_way(const migration_record& r) noexcept {
    return r.outcome == migration_outcome::unresolved ||
           (r.outcome == migration_outcome::open && r.phase != migration_phase::waiting);
}

/// What the positions in the plan of a run on a cluster meant when they were written: nodes, GPUs and tasks come and go
/// and are reported in any order, so a run is resumed by names. Each list is in ascending order of positions. Empty for
/// a run that is not on a cluster.
struct migration_names {
    /// A task of the plan. One without a name is known by the generation of its position.
    struct task {
        task_index at{};               ///< its position
        std::uint32_t generation = 0;  ///< of the position's occupant
        std::string name{};            ///< may be empty

        friend bool operator==(const task&, const task&) = default;
    };
    /// A node of the plan.
    struct node {
        node_index at{};     ///< its position
        std::string name{};  ///< not empty

        friend bool operator==(const node&, const node&) = default;
    };
    /// A GPU of the plan that has a UUID. One without is known by its position on the node.
    struct gpu {
        node_index node{};         ///< the position of its node
        std::size_t position = 0;  ///< on the node
        std::string uuid{};        ///< not empty

        friend bool operator==(const gpu&, const gpu&) = default;
    };
    std::vector<task> tasks{};  ///< of the plan
    std::vector<node> nodes{};  ///< of the plan
    std::vector<gpu> gpus{};    ///< of the plan, those with a UUID

    friend bool operator==(const migration_names&, const migration_names&) = default;
};

/// The position of tasks of a plan, and of nodes that tasks leave, that were no longer there when the run was resumed; of
/// nodes that tasks go to it is one more.
inline constexpr std::size_t gone_position = 999'999'998;

/// All that has to survive a crash of the scheduler: the plan and the state of each step. A plain value;
/// `migration_journal.hpp` has its text form.
struct migration_progress {
    std::uint64_t run = 0;                         ///< larger than that of every run before, see `fencing_token`
    std::uint64_t serial = 0;                      ///< the last one used
    std::uint64_t fingerprint = 0;                 ///< of the names of the plan's tasks and nodes
    std::uint64_t actions = 0;                     ///< started so far
    std::uint64_t retries = 0;                     ///< of them, those that had failed before
    stop_reason stopped = stop_reason::completed;  ///< another one once the run was asked to end early
    bool given_up = false;                         ///< because too many steps had failed
    migration_plan plan{};                         ///< steps and waves; `dropped` is not kept
    std::vector<migration_record> records{};       ///< one for each step
    migration_names names{};                       ///< of a run on a cluster

    friend bool operator==(const migration_progress&, const migration_progress&) = default;
};

}  // namespace berth::inline v0
