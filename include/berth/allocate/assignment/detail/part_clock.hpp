// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/run_control.hpp"

#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

template <class Stop>
concept has_clock = requires(const Stop& stop) {
    stop.deadline_reached();
    stop.elapsed();
};

/// The stop of one part of a run: the run's own, with its clock cut to the part's share of the time.
template <has_clock Stop>
struct part_clock {
    Stop stop;
    double begin = 0.0;  ///< share of the run's time when the part begins
    double end = 1.0;    ///< share of the run's time when the part ends

    [[nodiscard]] bool stop_requested() const { return stop.stop_requested(); }
    [[nodiscard]] bool deadline_reached() const {
        return stop.deadline_reached() || (end < 1.0 && stop.elapsed() >= end);
    }
    [[nodiscard]] bool bounded() const {
        if constexpr (requires { stop.bounded(); }) {
            return stop.bounded();
        } else {
            return true;
        }
    }
    [[nodiscard]] double elapsed() const {
        const double now = stop.elapsed();
        if (now >= end) return 1.0;
        return now > begin ? (now - begin) / (end - begin) : 0.0;
    }
};

template <class Stop>
struct part_stop {
    using type = Stop;
};
template <has_clock Stop>
struct part_stop<Stop> {
    using type = part_clock<Stop>;
};
template <class Stop>
struct part_stop<part_clock<Stop>> {
    using type = part_clock<Stop>;
};
/// The type of a part's stop; without a clock the run's own.
template <class Stop>
using part_stop_t = typename part_stop<Stop>::type;

/// A clock from now to a share of the time that is left.
///
/// @param share  above 0, at most 1
template <has_clock Stop>
[[nodiscard]] part_clock<Stop> cut_clock(const Stop& stop, double share) {
    const double now = stop.elapsed();
    return {stop, now, share < 1.0 ? now + share * (1.0 - now) : 1.0};
}
template <class Stop>
[[nodiscard]] part_clock<Stop> cut_clock(const part_clock<Stop>& of_part, double share) {
    const double now = of_part.stop.elapsed();
    return {of_part.stop, now, share < 1.0 ? now + share * (of_part.end - now) : of_part.end};
}

/// True if a clock bounds the run and no evaluation budget does.
template <class Control>
[[nodiscard]] bool is_timed(const Control& control) {
    return control.max_evaluations == std::numeric_limits<std::uint64_t>::max() && control.bounded();
}

/// The stop of a part that gets a share of the time left, if only a clock bounds the run. A budget, which reproduces,
/// is shared out in evaluations alone.
template <class Stop, class Observer>
[[nodiscard]] part_stop_t<Stop> stop_of_part(const run_control<Stop, Observer>& control, double share) {
    if constexpr (has_clock<Stop>) {
        return cut_clock(control.stop, is_timed(control) ? share : 1.0);
    } else {
        return control.stop;
    }
}

}  // namespace berth::inline v0::detail
