// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Increases of a counter that may be reset: by a reboot, a driver reload, an exporter that starts anew.
///
/// - The first value is where counting begins: what happened before is unknown.
/// - A value below the last one is a reset; what it shows now has been counted since.
/// - A counter that shows its value from before the reset again was not reset: an exporter had shown nothing.
struct counter_increase {
    std::uint8_t restored_within = 5;  ///< samples after a reset in which the old value may show again

    /// The last value.
    struct state {
        double last = std::numeric_limits<double>::quiet_NaN();  ///< NaN: none yet
        double before_reset = 0.0;                               ///< the value before the last reset
        double at_reset = 0.0;                                   ///< the value at the last reset
        std::uint8_t samples_left = 0;                           ///< in which it may show again
    };
    /// What was counted since the sample before; NaN for the first. O(1).
    ///
    /// @param x  the counter, 0 or more
    [[nodiscard]] double observe(state& s, double x) const noexcept {
        if (s.last != s.last) {
            s.last = x;
            return std::numeric_limits<double>::quiet_NaN();
        }
        double more = x - s.last;
        if (more < 0.0) {
            s.before_reset = s.last;
            s.at_reset = x;
            s.samples_left = restored_within;
            s.last = x;
            return x;
        }
        if (s.samples_left > 0) {
            --s.samples_left;
            if (more > 0.0) {
                if (x >= s.before_reset && s.last == s.at_reset) more = x - s.before_reset;
                s.samples_left = 0;
            }
        }
        s.last = x;
        return more;
    }
};

}  // namespace berth::inline v0
