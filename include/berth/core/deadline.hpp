// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <chrono>
#include <utility>

// Not reached from the light entries: <chrono> costs more compile time than a greedy run, and few runs need a clock.

namespace berth::inline v0 {

/// Stops a run at a point in time; the stop inside it may end the run earlier:
///
/// ```
/// run_control<deadline<>>{.stop = deadline<>::after(std::chrono::milliseconds{50})}
/// run_control{.stop = deadline{when, token}}        // deduced; clang before 17 needs the type
/// ```
///
/// Runs with a deadline do not reproduce: how far a run comes by then varies. An evaluation budget does.
///
/// @tparam Stop  another reason to stop
template <stoppable Stop = never_stop>
struct deadline {
    using clock = std::chrono::steady_clock;  ///< the clock of every deadline

    clock::time_point when = clock::time_point::max();  ///< the end; the maximum: never
    Stop stop{};                                        ///< may end the run earlier
    clock::time_point begun = clock::now();             ///< the start, for `elapsed`

    /// A deadline that starts now.
    ///
    /// @param time   from now to the end
    /// @param inner  may end the run earlier
    [[nodiscard]] static deadline after(clock::duration time, Stop inner = {}) {
        const clock::time_point now = clock::now();
        return {now + time, std::move(inner), now};
    }

    /// True if the inner stop ends the run.
    [[nodiscard]] bool stop_requested() const { return stop.stop_requested(); }
    /// True from `when` on. Reads the clock.
    [[nodiscard]] bool deadline_reached() const { return clock::now() >= when; }
    /// True if there is an end.
    [[nodiscard]] bool bounded() const noexcept { return when != clock::time_point::max(); }
    /// The share of the time from `begun` to `when` that has passed: 0 at the start, 1 from `when` on. Reads the clock.
    [[nodiscard]] double elapsed() const {
        const clock::time_point now = clock::now();
        if (now >= when || when <= begun) return 1.0;
        const double used = std::chrono::duration<double>(now - begun).count();
        return used > 0.0 ? used / std::chrono::duration<double>(when - begun).count() : 0.0;
    }
};

template <stoppable Stop = never_stop>
deadline(std::chrono::steady_clock::time_point, Stop = {}) -> deadline<Stop>;

static_assert(stoppable<deadline<>>);

}  // namespace berth::inline v0
