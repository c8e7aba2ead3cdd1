// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/counters.hpp"

#include <limits>

namespace berth::inline v0 {

/// What a GPU has used since it is watched, and how far that can be believed.
struct energy_reading {
    double joules = 0.0;       ///< in all, from the counter where it is plausible, else from power
    double from_power = 0.0;   ///< the part of `joules` that was integrated from power
    double unaccounted = 0.0;  ///< seconds for which there was neither
    /// (counter - integrated power) / the larger of both, over about the last window; NaN if they were not both there.
    double disagreement = std::numeric_limits<double>::quiet_NaN();
    double rejected = 0.0;  ///< steps of the counter that no GPU can make
};

/// Energy from a counter, checked against integrated power. Steps that no GPU can make are rejected, resets of the
/// counter are noticed, and where the counter gives nothing the power does, by the trapezoidal rule.
struct energy_meter {
    double max_watts = 2000.0;   ///< above 0: a counter that grows faster is wrong
    double max_gap = 300.0;      ///< seconds, above 0: power is not integrated over longer gaps
    double window = 1800.0;      ///< seconds, above 0: over which both are compared
    counter_increase counter{};  ///< how resets are told

    /// Sums of one GPU.
    struct state {
        energy_reading total{};                                   ///< so far
        counter_increase::state count{};                          ///< of the counter
        double power = std::numeric_limits<double>::quiet_NaN();  ///< the last power, W
        double by_counter = 0.0;                                  ///< fading sum, J
        double by_power = 0.0;                                    ///< fading sum, J
        double span = 0.0;                                        ///< seconds since the counter was read
        double span_power = 0.0;                                  ///< J integrated since then; NaN if power was missing
        double span_filled = 0.0;                                 ///< J since then that are in `total` already
        double span_missing = 0.0;                                ///< seconds since then for which there was no power
    };
    /// Reads a sample. O(1).
    ///
    /// @param step    seconds since the sample before, NaN for the first
    /// @param power   W, 0 or more; NaN if it was not measured
    /// @param energy  J, 0 or more; NaN if it was not measured
    void observe(state& s, double step, double power, double energy) const noexcept {
        if (step >= 0.0) integrate(s, step, power);
        s.power = power;
        if (energy != energy) return;
        const double counted = counter.observe(s.count, energy);
        if (counted > max_watts * (s.span + 1.0)) {
            s.total.rejected += 1.0;
        } else if (counted == counted) {
            // The counter's step holds what power and gaps stood for since it was read.
            s.total.joules += counted - s.span_filled;
            s.total.from_power -= s.span_filled;
            s.total.unaccounted -= s.span_missing;
            if (s.span_power == s.span_power && s.span > 0.0) compare(s, counted);
        }
        s.span = s.span_power = s.span_filled = s.span_missing = 0.0;
    }

private:
    void integrate(state& s, double step, double power) const noexcept {
        s.span += step;
        if (power == power && step <= max_gap) {
            const double joules = (s.power == s.power ? 0.5 * (power + s.power) : power) * step;
            s.total.joules += joules;
            s.total.from_power += joules;
            s.span_power += joules;
            s.span_filled += joules;
        } else {
            s.total.unaccounted += step;
            s.span_missing += step;
            s.span_power = std::numeric_limits<double>::quiet_NaN();
        }
    }
    void compare(state& s, double counted) const noexcept {
        const double kept = window / (window + s.span);
        s.by_counter = kept * s.by_counter + counted;
        s.by_power = kept * s.by_power + s.span_power;
        const double larger = s.by_counter > s.by_power ? s.by_counter : s.by_power;
        s.total.disagreement = larger > 0.0 ? (s.by_counter - s.by_power) / larger : 0.0;
    }
};

}  // namespace berth::inline v0
