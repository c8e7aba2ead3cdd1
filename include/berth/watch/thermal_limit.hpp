// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/watch/concepts.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Temperature against a limit. It is bad when the smoothed temperature was within `guard` of the limit for `confirm`
/// samples, and good again below `leave`. The guard is there because the limit is one of the true temperature, and what
/// is measured is late and noisy.
///
/// A drained GPU is idle and cools even if its fan is broken. So it is good again when it is within `margin` of its
/// own usual temperature at such a load; where that is unknown, when it would be below `leave` at the load at which it
/// became hot; and in any case after `probation` seconds below `leave`.
///
/// A temperature that no GPU has is not believed; nor is one at which the GPU would slow itself down while it says that
/// it does not.
struct thermal_limit {
    double limit = 85.0;         ///< °C
    double guard = 1.5;          ///< °C, 0 or more
    double leave = 78.0;         ///< °C, less than `limit - guard`
    std::uint8_t confirm = 2;    ///< samples in a row, 1 or more
    double margin = 3.0;         ///< °C, above 0
    double per_load = 30.0;      ///< °C by which every GPU warms at least from idle to full load, 0 or more
    double probation = 86400.0;  ///< seconds, 0 or more
    double slowdown = 92.0;      ///< °C at which every GPU slows itself down
    std::uint64_t slows = 0x68;  ///< NVML: hardware slowdown, software and hardware thermal slowdown
    double lowest = 1.0;         ///< °C, what a GPU can have at least
    double highest = 130.0;      ///< °C, what a GPU can have at most

    /// What is kept.
    struct state {
        std::uint8_t count = 0;  ///< samples in a row at the limit
        bool hot = false;        ///< until it is below `leave`
        double load = 0.0;       ///< at which it became hot, NaN: unknown
        double cool_for = 0.0;   ///< seconds below `leave` as it is
        double usual[2] = {};    ///< °C when idle and when busy: means of about a day
        double seen[2] = {};     ///< seconds behind them, at most a day
    };
    /// See `health_check`.
    [[nodiscard]] evidence judge(state& s, const gpu_view& v) const noexcept {
        const double at = v.temperature.value;
        if (!(at >= lowest && at <= highest)) return {};
        const auto& reasons = v.sample.throttle_reasons;
        if (at >= slowdown && reasons && (*reasons & slows) == 0) {
            return {severity::warning, "temperature that the throttle reasons deny, °C", at};
        }
        if (s.hot && !cooled(s, v)) return {severity::bad, "temperature above the limit, °C", at};
        s.hot = false;
        if (at < limit - guard) {
            s.count = 0;
            learn(s, v);
            return {severity::good};
        }
        if (++s.count < confirm) return {severity::warning, "temperature near the limit, °C", at};
        s.hot = true;
        s.load = v.load.value;
        s.count = 0;
        s.cool_for = 0.0;
        return {severity::bad, "temperature above the limit, °C", at};
    }

private:
    /// 0: idle, 1: busy, 2: neither, or unknown.
    [[nodiscard]] static std::size_t load_class(const gpu_view& v) noexcept {
        return v.load.value < 0.25 ? 0 : v.load.value > 0.6 ? 1 : 2;
    }
    static void learn(state& s, const gpu_view& v) noexcept {
        constexpr double day = 86400.0;
        const std::size_t c = load_class(v);
        const double off = v.sample.temperature - v.temperature.value;
        const bool settled = off < 2.0 && off > -2.0;  // not on its way from one load to another
        if (c == 2 || !settled || !(v.step > 0.0)) return;
        s.seen[c] = s.seen[c] + v.step < day ? s.seen[c] + v.step : day;
        const double weight = v.step < s.seen[c] ? v.step / s.seen[c] : 1.0;
        s.usual[c] += weight * (v.temperature.value - s.usual[c]);
    }
    [[nodiscard]] bool cooled(state& s, const gpu_view& v) const noexcept {
        const double at = v.temperature.value;
        if (at >= leave) {
            s.cool_for = 0.0;
            return false;
        }
        s.cool_for += v.step >= 0.0 ? v.step : 0.0;
        if (s.cool_for >= probation) return true;
        const std::size_t c = load_class(v);
        if (c < 2 && s.seen[c] >= 1800.0) return at < s.usual[c] + margin;
        const double more = per_load * (s.load - v.load.value);
        return !(more > 0.0 && at + more >= leave);
    }
};

static_assert(health_check<thermal_limit>);

}  // namespace berth::inline v0
