// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_protocol.hpp"

#include <cstddef>
#include <cstdint>
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
};
/// Number of outcomes.
inline constexpr std::size_t migration_outcome_count = 7;

/// The enumerator's name, as in the journal.
[[nodiscard]] constexpr const char* to_string(migration_outcome outcome) noexcept {
    constexpr const char* names[] = {"open", "done", "rolled_back", "lost", "invalid", "not_begun", "unresolved"};
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
};
/// Number of failures.
inline constexpr std::size_t migration_failure_count = 10;

/// The enumerator's name, as in the journal.
[[nodiscard]] constexpr const char* to_string(migration_failure failure) noexcept {
    constexpr const char* names[] = {"none",     "no_room", "not_there",     "failed",      "timed_out",
                                     "terminal", "silent",  "contradiction", "interrupted", "too_many_failed"};
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

    friend bool operator==(const migration_progress&, const migration_progress&) = default;
};

}  // namespace berth::inline v0
