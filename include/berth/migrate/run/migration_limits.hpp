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

/// How long an action may take and how often it is tried on the way forward.
struct action_limit {
    double seconds = 60.0;       ///< at least
    double of_duration = 0.0;    ///< and this many times the step's own duration on top
    std::uint32_t attempts = 3;  ///< then the move is taken back, as long as the source is held
};

/// What becomes of moves under way when a run is asked to stop.
enum class on_stop : std::uint8_t {
    finish,    ///< they are carried through
    roll_back  ///< they are taken back, but for tasks that are restored at the target already
};

/// Timeouts, retries and pauses of a run. A description.
struct migration_limits {
    /// By `migration_action`. A restore is tried once: where a failed one destroys the image, a second one destroys it, too.
    std::array<action_limit, migration_action_count> of{{{.seconds = 30.0},
                                                         {.seconds = 30.0},
                                                         {.seconds = 120.0, .of_duration = 4.0},
                                                         {.seconds = 120.0, .of_duration = 4.0},
                                                         {.seconds = 120.0, .of_duration = 4.0, .attempts = 1},
                                                         {.seconds = 30.0, .attempts = 8},
                                                         {.seconds = 60.0, .attempts = 8},
                                                         {.seconds = 120.0, .of_duration = 4.0},
                                                         {.seconds = 30.0},
                                                         {.seconds = 60.0}}};
    std::uint32_t last_resort = 100;  ///< attempts of an action that has no alternative; then the step is unresolved
    double settle_seconds = 600.0;    ///< how long the executor may not know what is true; then the step is unresolved
    double pause = 1.0;               ///< seconds before a second attempt; doubles up to `longest_pause`
    double longest_pause = 60.0;
    std::size_t most_in_flight = std::numeric_limits<std::size_t>::max();  ///< steps at the same time, besides the wave
    std::size_t most_failures =
        std::numeric_limits<std::size_t>::max();  ///< steps that fail before the run is given up
    on_stop when_stopped = on_stop::finish;

    /// Of one action: `limits[migration_action::restore].attempts = 2`.
    [[nodiscard]] constexpr action_limit& operator[](migration_action action) noexcept {
        return of[static_cast<std::size_t>(action)];
    }
    [[nodiscard]] constexpr const action_limit& operator[](migration_action action) const noexcept {
        return of[static_cast<std::size_t>(action)];
    }
    [[nodiscard]] constexpr double timeout(migration_action action, double duration) const noexcept {
        const action_limit& limit = (*this)[action];
        return limit.seconds + limit.of_duration * duration;
    }
    [[nodiscard]] constexpr std::uint32_t attempts(migration_action action,
                                                   migration_direction direction) const noexcept {
        return direction == migration_direction::back ? last_resort : (*this)[action].attempts;
    }
    /// Seconds to wait after so many failures in a row.
    [[nodiscard]] constexpr double pause_after(std::uint32_t failures) const noexcept {
        double seconds = pause;
        for (std::uint32_t i = 1; i < failures && seconds < longest_pause; ++i) seconds *= 2.0;
        return seconds < longest_pause ? seconds : longest_pause;
    }
};

}  // namespace berth::inline v0
