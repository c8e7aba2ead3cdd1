// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/model/resources.hpp"
#include "berth/objective/task_move.hpp"

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// The commands that an executor carries out. The first seven carry a move out, in this order; the other three take it
/// back.
enum class migration_action : std::uint8_t {
    reserve,     ///< holds the target's capacity, so that a restore cannot run out of memory
    lock,        ///< the task stops at the source
    checkpoint,  ///< its state becomes an image; the source's capacity stays held
    transfer,    ///< the image is at the target, too; for a task that is parked: in host memory
    restore,     ///< the image becomes a task at the target, still stopped
    unlock,      ///< it runs there
    release,     ///< gives the source's capacity back, and discards the image there
    /// The image becomes a task at the source again, still stopped; whatever is at the target is destroyed first.
    restore_back,
    unlock_back,  ///< it runs at the source
    cancel,       ///< gives the target's capacity back, and discards the image there
};
/// Number of actions.
inline constexpr std::size_t migration_action_count = 10;

/// The enumerator's name, as in the journal.
[[nodiscard]] constexpr const char* to_string(migration_action action) noexcept {
    constexpr const char* names[] = {"reserve", "lock",    "checkpoint",   "transfer",    "restore",
                                     "unlock",  "release", "restore_back", "unlock_back", "cancel"};
    return names[static_cast<std::size_t>(action)];
}

/// Where the task of a move is, in the order in which a move passes through.
enum class task_location : std::uint8_t {
    unknown,           ///< not known at the moment: a machine does not answer
    runs_at_source,    ///< nothing has happened to it yet, or all was taken back
    locked_at_source,  ///< stopped, its state still in place
    suspended,         ///< an image at the source's end, or in host memory if it was parked before
    arrived,           ///< an image at the target's end, complete, or in host memory if it is being parked
    locked_at_target,  ///< restored there, stopped
    runs_at_target,    ///< restored there and unlocked
    lost,              ///< it runs nowhere, and no image of it can be restored
    elsewhere,         ///< at neither end, or in another move
};
/// Number of locations.
inline constexpr std::size_t task_location_count = 9;

/// The enumerator's name, as in the journal.
[[nodiscard]] constexpr const char* to_string(task_location where) noexcept {
    constexpr const char* names[] = {"unknown",        "runs_at_source", "locked_at_source",
                                     "suspended",      "arrived",        "locked_at_target",
                                     "runs_at_target", "lost",           "elsewhere"};
    return names[static_cast<std::size_t>(where)];
}

/// What is true of a move at both ends. An end that is `unplaced` holds host memory instead of counters.
struct migration_state {
    task_location task = task_location::unknown;  ///< where the task is
    bool source_held = false;                     ///< the source's capacity is not given back yet
    bool target_held = false;                     ///< the target's capacity is reserved or in use
    bool image_at_source = false;  ///< `restore_back` is possible even if the task is restored at the target
    bool busy = false;             ///< an action is still under way, so that the rest may change by itself

    friend constexpr bool operator==(const migration_state&, const migration_state&) noexcept = default;
};

/// Orders all commands to an executor: later runs have a larger `run`, later commands of a run a larger `serial`. A
/// command that was sent before the scheduler crashed and arrives after its successor's is recognised by its smaller
/// token.
struct fencing_token {
    std::uint64_t run = 0;     ///< larger than that of every earlier run
    std::uint64_t serial = 0;  ///< of the command in the run

    friend constexpr auto operator<=>(const fencing_token&, const fencing_token&) noexcept = default;
};

/// One move as an executor sees it. A plain value; between two calls about the same step only the token changes. In a
/// run on a cluster the positions of tasks and nodes are those of the cluster at the start, after a restart of the
/// scheduler those of the cluster then; a position at which nothing is belongs to a node that has left.
struct migration_job {
    task_move move{};       ///< an end that is `unplaced` is host memory: the task is parked, or fetched
    fencing_token token{};  ///< of the command
    std::size_t step = 0;   ///< position in the plan, the same after a restart of the scheduler
    amount bytes = 0;       ///< of state, from the workload
    task_handle task{};     ///< on a cluster, where another task may take the position later; else not valid
};

/// State of an action that was started.
enum class action_status : std::uint8_t {
    pending,  ///< still under way
    done,     ///< it has had its whole effect
    failed,   ///< it has ended otherwise; `query` has what is true now
};

/// Carries moves out: your code, over whatever moves tasks in your system. Write one to connect `migration_run` to your
/// cluster. The scheduler polls; nothing blocks. `now` is in seconds of a clock that goes on across restarts of the
/// scheduler.
///
/// ```
/// struct my_executor {
///     void start(migration_action action, const migration_job& job, double now);
///     action_status poll(migration_action action, const migration_job& job, double now);
///     void abort(migration_action action, const migration_job& job, double now);
///     migration_state query(const migration_job& job, double now);
/// };
/// ```
///
/// 1. `e.start(action, job, now)` begins an action and returns at once. Actions of one job are started one at a time,
///    each after the one before has ended; actions of different jobs overlap freely.
/// 2. `e.poll(action, job, now)` yields the state of the action that was started last with this token. Once it has
///    yielded `done` or `failed` it goes on yielding that. An action that was never started, or was refused, is
///    `failed`.
/// 3. `e.abort(action, job, now)` requests an early end of an action that takes too long. It may be ignored.
/// 4. `e.query(job, now)` yields what is true at both ends, whoever brought it about. It is called after a failure,
///    after a timeout, and after a restart of the scheduler. What cannot be found out now is `unknown`.
/// 5. **Fencing tokens.** A `start` whose token is smaller than one seen before for that task (in a `start` or a
///    `query`), or equal to that of an earlier `start`, changes nothing. So duplicate and stale commands are ignored.
/// 6. **Nothing happens by itself.** Capacity is held until `release` or `cancel`, a task stays stopped until it is
///    unlocked, an image stays until one of these discards it.
/// 7. **Loss** is a fact that `query` reports, not an answer of an action: a failed restore whose image is intact is
///    `arrived`, one that has destroyed it is `lost`. Both ends of a lost task stay held until `release` and `cancel`,
///    like any other task's.
///
/// 8. **Nodes and tasks that go** (on a cluster). What is on a node that has left is gone: the run takes nothing there
/// as
///    held, whatever `query` yields, and starts no action there. Who retires or releases a task that moves ends it at
///    both ends; the run aborts an action that is under way and never asks again.
///
/// `migration_run` never restores a task before its target is reserved, and never gives up the source before the task
/// runs at the target. `testing/simulated_executor.hpp` is a model for tests, `examples/own_executor.cpp` an executor
/// of one's own; `docs/executor.md` has the table of states.
template <class E>
concept migration_executor = requires(E& e, migration_action action, const migration_job& job, double now) {
    e.start(action, job, now);
    { e.poll(action, job, now) } -> std::same_as<action_status>;
    e.abort(action, job, now);
    { e.query(job, now) } -> std::same_as<migration_state>;
};

}  // namespace berth::inline v0
