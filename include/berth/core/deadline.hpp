// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <chrono>

// Not included by berth.hpp: <chrono> costs more compile time than a greedy run, and few runs need a clock.

namespace berth {

/// Ends a run at a point in time; what it wraps may end it before:
///
/// ```
/// run_control<deadline<>>{.stop = {.when = std::chrono::steady_clock::now() + std::chrono::milliseconds{50}}}
/// run_control{.stop = deadline{when, token}}        // deduced; clang before 17 wants the type named
/// ```
///
/// A courtesy: the same deadline does not give the same plan twice. An evaluation budget does.
template <stoppable Stop = never_stop>
struct deadline {
    std::chrono::steady_clock::time_point when = std::chrono::steady_clock::time_point::max();
    Stop stop{};

    [[nodiscard]] bool stop_requested() const { return stop.stop_requested(); }
    [[nodiscard]] bool deadline_reached() const { return std::chrono::steady_clock::now() >= when; }
};

template <stoppable Stop = never_stop>
deadline(std::chrono::steady_clock::time_point, Stop = {}) -> deadline<Stop>;

static_assert(stoppable<deadline<>>);

}  // namespace berth
