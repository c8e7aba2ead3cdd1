// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <cmath>
#include <limits>

namespace berth::inline v0 {

/// The quantile of the standard normal distribution: Acklam's rational approximation, relative error below 1.2e-9.
///
/// @param p  probability, in (0, 1)
[[nodiscard]] inline double normal_quantile(double p) noexcept {
    BERTH_ASSERT(p > 0.0 && p < 1.0, "berth: normal_quantile needs a probability between 0 and 1");
    const auto tail = [](double q) {
        const double above =
            ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734) *
                 q +
             4.374664141464968) *
                q +
            2.938163982698783;
        const double below =
            (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) *
                q +
            1.0;
        return above / below;
    };
    constexpr double edge = 0.02425;
    if (p < edge) return tail(std::sqrt(-2.0 * std::log(p)));
    if (p > 1.0 - edge) return -tail(std::sqrt(-2.0 * std::log(1.0 - p)));
    const double q = p - 0.5;
    const double r = q * q;
    const double above = ((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
                           1.383577518672690e+02) *
                              r -
                          3.066479806614716e+01) *
                             r +
                         2.506628277459239;
    const double below = ((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
                           6.680131188771972e+01) *
                              r -
                          1.328068155288572e+01) *
                             r +
                         1.0;
    return q * above / below;
}

/// Both ends of an interval.
struct interval {
    double low = 0.0;   ///< lower end
    double high = 0.0;  ///< upper end

    /// True if the value lies within, ends included.
    [[nodiscard]] constexpr bool holds(double value) const noexcept { return value >= low && value <= high; }
};

/// What a model expects of a positive quantity (seconds, steps a second, watts): a normal distribution of its natural
/// logarithm. A deviation of 0.1 is about 10 %. By default nothing is known.
struct log_estimate {
    double mean = 0.0;                                           ///< of the logarithm
    double deviation = std::numeric_limits<double>::infinity();  ///< of the logarithm, 0 or more

    /// True if anything is known. An unknown quantity is neither 0 nor 1: do not read its `median`.
    [[nodiscard]] bool known() const noexcept { return std::isfinite(deviation); }
    /// The value that is exceeded as often as not.
    [[nodiscard]] double median() const noexcept { return std::exp(mean); }
    /// The expected value, above the median because large errors are larger upwards.
    [[nodiscard]] double average() const noexcept { return std::exp(mean + 0.5 * deviation * deviation); }
    /// The value that is not exceeded with probability p, in (0, 1).
    [[nodiscard]] double quantile(double p) const noexcept { return std::exp(mean + deviation * normal_quantile(p)); }
    /// The central interval that holds the value with this probability, in (0, 1): 0.8 is from the 10 % to the 90 %
    /// quantile.
    [[nodiscard]] berth::interval interval(double probability) const noexcept {
        const double reach = deviation * normal_quantile(0.5 + 0.5 * probability);
        return {std::exp(mean - reach), std::exp(mean + reach)};
    }

    /// The estimate of `work` / this quantity: seconds of a known amount of work from its speed. `work` is above 0.
    [[nodiscard]] log_estimate into(double work) const noexcept { return {std::log(work) - mean, deviation}; }

    /// Equal members.
    friend bool operator==(const log_estimate&, const log_estimate&) = default;
};

}  // namespace berth::inline v0
