// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"
#include "berth/migrate/run/migration_executor.hpp"
#include "berth/migrate/run/migration_protocol.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// How long an action may take and how often it is tried while the move goes forward.
struct action_limit {
    double seconds = 60.0;           ///< timeout, apart from the step's duration
    double of_duration = 0.0;        ///< added to it, as a multiple of the step's own duration
    std::uint32_t max_attempts = 3;  ///< after which the move is taken back, while the source is held
};

/// What happens to moves under way when a run is asked to stop.
enum class on_stop : std::uint8_t {
    finish,    ///< they are completed
    roll_back  ///< they are taken back, except for tasks that are restored at the target already
};

/// Timeouts, retries and pauses of a run. A description.
struct migration_limits {
    /// By `migration_action`. A restore is tried once, because a failed one may have destroyed the image.
    std::array<action_limit, migration_action_count> of{{{.seconds = 30.0},
                                                         {.seconds = 30.0},
                                                         {.seconds = 120.0, .of_duration = 4.0},
                                                         {.seconds = 120.0, .of_duration = 4.0},
                                                         {.seconds = 120.0, .of_duration = 4.0, .max_attempts = 1},
                                                         {.seconds = 30.0, .max_attempts = 8},
                                                         {.seconds = 60.0, .max_attempts = 8},
                                                         {.seconds = 120.0, .of_duration = 4.0},
                                                         {.seconds = 30.0},
                                                         {.seconds = 60.0}}};
    /// Attempts of an action that takes a move back, for which there is no alternative; then the step is unresolved.
    std::uint32_t max_attempts_back = 100;
    /// Seconds in which `query` may yield `unknown`; then the step is unresolved.
    double settle_seconds = 600.0;
    double pause = 1.0;       ///< seconds before a second attempt; doubles with every further one
    double max_pause = 60.0;  ///< seconds at which it stops doubling
    /// Seconds by which a call of `advance` may come later than `wake_at`; what is beyond them does not count. So a
    /// clock that jumps ahead lets no more time out than what was nearly due.
    double max_late = 60.0;
    /// Maximum number of steps at the same time, within a wave.
    std::size_t max_in_flight = std::numeric_limits<std::size_t>::max();
    /// Number of failed steps at which the run is given up.
    std::size_t max_failures = std::numeric_limits<std::size_t>::max();
    on_stop when_stopped = on_stop::finish;  ///< what happens to moves under way

    /// Of one action: `limits[migration_action::restore].max_attempts = 2`.
    [[nodiscard]] constexpr action_limit& operator[](migration_action action) noexcept {
        return of[static_cast<std::size_t>(action)];
    }
    /// Of one action.
    [[nodiscard]] constexpr const action_limit& operator[](migration_action action) const noexcept {
        return of[static_cast<std::size_t>(action)];
    }
    /// Seconds that an action may take.
    ///
    /// @param duration  of its step, in seconds
    [[nodiscard]] constexpr double timeout(migration_action action, double duration) const noexcept {
        const action_limit& limit = (*this)[action];
        return limit.seconds + limit.of_duration * duration;
    }
    /// How often an action is tried.
    [[nodiscard]] constexpr std::uint32_t attempts(migration_action action,
                                                   migration_direction direction) const noexcept {
        return direction == migration_direction::back ? max_attempts_back : (*this)[action].max_attempts;
    }
    /// Seconds to wait after a number of failures in a row.
    [[nodiscard]] constexpr double pause_after(std::uint32_t failures) const noexcept {
        double seconds = pause;
        for (std::uint32_t i = 1; i < failures && seconds < max_pause; ++i) seconds *= 2.0;
        return seconds < max_pause ? seconds : max_pause;
    }
};

}  // namespace berth::inline v0
