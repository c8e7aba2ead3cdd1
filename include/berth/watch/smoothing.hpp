// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/concepts.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

// Smoothing, for `fleet_watch`:
//
//   latest_value           the last sample as it is
//   exponential_smoothing  load and power: noise is averaged away, old samples fade with time, not with their number
//   gated_smoothing        temperature: the same, and a jump is believed only when the next sample agrees
//
// No moving window: it would need memory for each sample, and fading by time has the same effect at irregular steps.

/// Believes the last sample as it is. Its doubt is 0.
struct latest_value {
    /// The last sample.
    struct state {
        double value = std::numeric_limits<double>::quiet_NaN();  ///< as it came
    };
    /// Always believed.
    bool observe(state& s, double /*step*/, double x) const noexcept {
        s.value = x;
        return true;
    }
    /// The last sample.
    [[nodiscard]] double value(const state& s) const noexcept { return s.value; }
    /// Always 0.
    [[nodiscard]] double doubt(const state&, double /*age*/) const noexcept { return 0.0; }
};

/// A mean that fades with time: a sample that comes `step` seconds after the last one weighs step / (step +
/// time_constant). So samples at irregular steps weigh what they stand for, and after a gap the old mean is forgotten.
struct exponential_smoothing {
    double time_constant = 60.0;  ///< seconds, above 0
    double gap = 600.0;           ///< seconds, above 0: after a longer step the mean starts anew

    /// Mean and variance.
    struct state {
        double value = std::numeric_limits<double>::quiet_NaN();  ///< the mean
        double variance = 0.0;                                    ///< of the samples about the mean
    };
    /// Always believed.
    bool observe(state& s, double step, double x) const noexcept {
        if (s.value != s.value || !(step >= 0.0 && step <= gap)) {
            s = {x, 0.0};
            return true;
        }
        const double weight = step / (step + time_constant);
        const double off = x - s.value;
        s.value += weight * off;
        s.variance = (1.0 - weight) * (s.variance + weight * off * off);
        return true;
    }
    /// The mean.
    [[nodiscard]] double value(const state& s) const noexcept { return s.value; }
    /// The standard deviation of samples, growing with the square root of the age as of a random walk.
    [[nodiscard]] double doubt(const state& s, double age) const noexcept {
        return std::sqrt(s.variance * (1.0 + age / time_constant));
    }
};

/// The same for a quantity whose sensor may lie: a sample that is more than `jump` off the mean is believed only if the
/// next one agrees with it, and then at once and in full. A sensor that jumped to and fro several times needs more
/// samples that agree.
struct gated_smoothing {
    double time_constant = 60.0;        ///< seconds, above 0
    double gap = 600.0;                 ///< seconds, above 0: after a longer step the mean starts anew
    double jump = 8.0;                  ///< in the quantity's unit, above 0
    std::uint8_t confirm = 2;           ///< samples that agree on a jump, 1 or more
    double restless = 2.0;              ///< jumps taken back, within about an hour, after which the sensor is restless
    std::uint8_t confirm_restless = 6;  ///< samples that agree on a jump of a restless sensor, 1 or more

    /// Mean, variance and the jump that is not believed yet.
    struct state {
        exponential_smoothing::state mean{};  ///< of the samples believed
        double jumped = 0.0;                  ///< the last sample that was not believed
        double taken_back = 0.0;              ///< fading number of jumps that were taken back
        double waited = 0.0;                  ///< seconds since the last sample believed
        std::uint8_t agree = 0;               ///< samples that agree on the jump
    };
    /// False while a jump is not believed.
    bool observe(state& s, double step, double x) const noexcept {
        if (s.mean.value != s.mean.value || !(step >= 0.0 && step <= gap)) {
            s = {.mean = {x, 0.0}};
            return true;
        }
        s.taken_back *= 3600.0 / (3600.0 + step);
        s.waited += step;
        if (std::abs(x - s.mean.value) <= jump) {
            if (s.agree > 0) s.taken_back += 1.0;
            s.agree = 0;
            const double since = s.waited;
            s.waited = 0.0;
            return plain().observe(s.mean, since, x);
        }
        // A ramp goes on past its last sample: it agrees if it is no nearer to the mean, on the same side.
        const bool back = (x > s.mean.value) != (s.jumped > s.mean.value) ||
                          std::abs(x - s.mean.value) < std::abs(s.jumped - s.mean.value) - jump;
        if (s.agree > 0 && back) {
            s.taken_back += 1.0;
            s.agree = 0;
        }
        s.jumped = x;
        ++s.agree;
        if (s.agree < (s.taken_back >= restless ? confirm_restless : confirm)) return false;
        s.mean.value = x;
        s.agree = 0;
        s.waited = 0.0;
        return true;
    }
    /// The mean.
    [[nodiscard]] double value(const state& s) const noexcept { return s.mean.value; }
    /// As of `exponential_smoothing`; at least the distance to a jump that is not believed yet.
    [[nodiscard]] double doubt(const state& s, double age) const noexcept {
        const double known = plain().doubt(s.mean, age + s.waited);
        const double open = s.agree > 0 ? std::abs(s.jumped - s.mean.value) : 0.0;
        return known > open ? known : open;
    }

private:
    [[nodiscard]] exponential_smoothing plain() const noexcept { return {time_constant, gap * 2.0}; }
};

static_assert(smoothing<latest_value> && smoothing<exponential_smoothing> && smoothing<gated_smoothing>);

}  // namespace berth::inline v0
