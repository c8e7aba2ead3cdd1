// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <chrono>
#include <utility>

// Not reached from the light entries: <chrono> costs more compile time than a greedy run, and few runs need a clock.

namespace berth::inline v0 {

/// Ends a run at a point in time; the stop that it wraps may end it earlier:
///
/// ```
/// run_control<deadline<>>{.stop = deadline<>::after(std::chrono::milliseconds{50})}
/// run_control{.stop = deadline{when, token}}        // deduced; clang before 17 wants the type named
/// ```
///
/// A deadline is a courtesy: the same deadline does not give the same plan twice. An evaluation budget does.
template <stoppable Stop = never_stop>
struct deadline {
    using clock = std::chrono::steady_clock;

    clock::time_point when = clock::time_point::max();  ///< the maximum: never
    Stop stop{};
    clock::time_point begun = clock::now();  ///< when the run's time starts to count

    /// A deadline so long after now.
    [[nodiscard]] static deadline after(clock::duration time, Stop inner = {}) {
        const clock::time_point now = clock::now();
        return {now + time, std::move(inner), now};
    }

    [[nodiscard]] bool stop_requested() const { return stop.stop_requested(); }
    [[nodiscard]] bool deadline_reached() const { return clock::now() >= when; }
    [[nodiscard]] bool bounded() const noexcept { return when != clock::time_point::max(); }
    /// The share of the time between `begun` and `when` that is over: 0 at the start, 1 or more from `when` on.
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
