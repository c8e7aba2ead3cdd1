// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

namespace berth::inline v0 {

/// Steps between the samples of one exporter, whose clock may be set back or ahead.
///
/// A sample of the same time is one that was seen before. One of an earlier time is late; but if the next one goes on
/// from there, the clock was set back. A time ahead is a gap: smoothing starts anew after a long one.
struct sample_steps {
    double max_step = 600.0;  ///< seconds, above 0: a late sample and the next one are not further apart

    /// The last times.
    struct state {
        double last = std::numeric_limits<double>::quiet_NaN();  ///< of the last sample that was news
        double late = std::numeric_limits<double>::quiet_NaN();  ///< of a late one after it
    };
    /// Seconds since the last sample that was news, NaN for the first; nothing if this one is no news. O(1).
    [[nodiscard]] std::optional<double> observe(state& s, double time) const noexcept {
        constexpr double none = std::numeric_limits<double>::quiet_NaN();
        if (s.last != s.last || time > s.last) {
            const double step = time - s.last;
            s = {time, none};
            return step;
        }
        if (time == s.last) return std::nullopt;
        if (time > s.late && time - s.late <= max_step) {
            const double step = time - s.late;
            s = {time, none};
            return step;
        }
        if (time != s.late) s.late = time;
        return std::nullopt;
    }
};

/// Seconds that have passed by a clock that may be set back or ahead: a step back, or ahead by more than `max_step`,
/// counts as `usual`. So a clock that is set makes nothing old, and nothing young.
struct elapsed_time {
    double usual = 60.0;      ///< seconds, above 0
    double max_step = 600.0;  ///< seconds, not below `usual`

    /// What has passed.
    struct state {
        double last = std::numeric_limits<double>::quiet_NaN();  ///< the last time
        double elapsed = 0.0;                                    ///< seconds, never falling
    };
    /// The seconds that passed since the time before; 0 for the first. O(1).
    double advance(state& s, double now) const noexcept {
        double step = s.last == s.last ? now - s.last : 0.0;
        if (step < 0.0 || step > max_step) step = usual;
        s.last = now;
        s.elapsed += step;
        return step;
    }
};

}  // namespace berth::inline v0
