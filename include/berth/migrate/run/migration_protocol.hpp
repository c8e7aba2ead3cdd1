// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/run/migration_executor.hpp"
#include "berth/objective/task_move.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// Whether a move is being carried out or taken back.
enum class migration_direction : std::uint8_t {
    forward,  ///< to the target
    back      ///< to the source
};

/// What a move needs next.
struct protocol_step {
    /// An action, an end, or a question.
    enum class kind : std::uint8_t {
        act,           ///< start `action`
        done,          ///< the task is at the target, and only there
        undone,        ///< the task is at the source, and only there
        lost,          ///< the executor has lost the task; nothing is held any more
        wait,          ///< not known yet: query again
        not_here,      ///< the task is at neither end
        contradiction  ///< an impossible state was reported, such as a suspended task whose source was given back
    };
    kind what = kind::wait;                                        ///< whether to act, wait or end
    migration_action action = migration_action::reserve;           ///< to start if `what` is `act`
    migration_direction direction = migration_direction::forward;  ///< `back` where the move cannot go forward

    friend constexpr bool operator==(const protocol_step&, const protocol_step&) noexcept = default;
};

/// The state machine of a move: the next action follows from where the task is, what is held, and the direction, and
/// from nothing that only the scheduler remembers. So a scheduler decides the same after a restart, after a failure,
/// and if everything succeeds.
///
/// | the task | forward | back |
/// |---|---|---|
/// | runs at source | reserve; with the target held, lock | cancel; with the target free, undone |
/// | locked at source | checkpoint (target not held: back) | unlock_back |
/// | suspended | transfer (target not held: back) | restore_back |
/// | arrived | restore (target not held: back) | restore_back |
/// | locked at target | unlock | restore_back if the source has an image, else unlock |
/// | runs at target | release; with the source free, done | the same: nothing to take back |
/// | lost | cancel, release, then lost | the same |
/// | **parked** (to host): arrived | release; with the source free, done | restore_back; with the source free, done |
/// | **fetched** (from host): suspended | reserve; target held: transfer | cancel; target free: undone |
/// | fetched: arrived | restore | cancel |
/// | fetched: locked at target | unlock | unlock |
///
/// O(1), without state.
[[nodiscard]] constexpr protocol_step next_action(const task_move& move, migration_direction direction,
                                                  const migration_state& seen) noexcept {
    using enum migration_action;
    using kind = protocol_step::kind;
    const bool parks = !move.to.placed();
    const bool fetches = !move.from.placed();
    const bool back = direction == migration_direction::back;
    const auto act = [&](migration_action action) { return protocol_step{kind::act, action, direction}; };
    const auto end = [&](kind what) { return protocol_step{what, reserve, direction}; };
    const auto go_back = [&] { return next_action(move, migration_direction::back, seen); };
    if (seen.busy) return end(kind::wait);
    switch (seen.task) {
        case task_location::unknown: return end(kind::wait);
        case task_location::elsewhere: return end(kind::not_here);
        case task_location::lost:
            return seen.target_held ? act(cancel) : seen.source_held ? act(release) : end(kind::lost);
        case task_location::runs_at_target:
            if (!seen.target_held || parks) return end(kind::contradiction);
            return seen.source_held ? act(release) : end(kind::done);
        case task_location::locked_at_target:
            if (!seen.target_held || parks) return end(kind::contradiction);
            return act(back && !fetches && seen.source_held && seen.image_at_source ? restore_back : unlock);
        case task_location::arrived:
            if (parks && !seen.source_held) return end(kind::done);
            if (!seen.source_held) return end(kind::contradiction);
            if (!back) return parks ? act(release) : seen.target_held ? act(restore) : go_back();
            if (!fetches) return act(restore_back);
            return seen.target_held ? act(cancel) : end(kind::contradiction);
        case task_location::suspended:
            if (!seen.source_held) return end(kind::contradiction);
            if (!back && !seen.target_held) return fetches ? act(reserve) : go_back();
            if (!back) return act(transfer);
            if (!fetches) return act(restore_back);
            return seen.target_held ? act(cancel) : end(kind::undone);
        case task_location::locked_at_source:
            if (!seen.source_held || fetches) return end(kind::contradiction);
            if (back) return act(unlock_back);
            return seen.target_held ? act(checkpoint) : go_back();
        case task_location::runs_at_source:
            if (!seen.source_held || fetches) return end(kind::contradiction);
            if (back) return seen.target_held ? act(cancel) : end(kind::undone);
            return act(seen.target_held ? lock : reserve);
    }
    return end(kind::contradiction);
}

/// What is true once an action has had its effect, from what was true before. It assumes that a restore keeps no image
/// at the source; if an executor keeps one, `query` reports it. O(1).
[[nodiscard]] constexpr migration_state after(migration_action action, migration_state seen) noexcept {
    using enum task_location;
    switch (action) {
        case migration_action::reserve: seen.target_held = true; break;
        case migration_action::lock: seen.task = locked_at_source; break;
        case migration_action::checkpoint:
            seen.task = suspended;
            seen.image_at_source = true;
            break;
        case migration_action::transfer: seen.task = arrived; break;
        case migration_action::restore:
            seen.task = locked_at_target;
            seen.image_at_source = false;
            break;
        case migration_action::unlock: seen.task = runs_at_target; break;
        case migration_action::release:
            seen.source_held = false;
            seen.image_at_source = false;
            break;
        case migration_action::restore_back:
            seen.task = locked_at_source;
            seen.image_at_source = false;
            break;
        case migration_action::unlock_back: seen.task = runs_at_source; break;
        case migration_action::cancel:
            seen.target_held = false;
            if (seen.task == arrived) seen.task = suspended;
            break;
    }
    return seen;
}

/// What is true of a move before its first action.
[[nodiscard]] constexpr migration_state before_migration(const task_move& move) noexcept {
    const bool fetches = !move.from.placed();
    return {.task = fetches ? task_location::suspended : task_location::runs_at_source,
            .source_held = true,
            .target_held = false,
            .image_at_source = fetches,
            .busy = false};
}

/// True while the task runs, at either end.
[[nodiscard]] constexpr bool runs(task_location where) noexcept {
    return where == task_location::runs_at_source || where == task_location::runs_at_target;
}

}  // namespace berth::inline v0
