// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace berth::inline v0 {

/// How an `interval_scale` follows the errors.
struct interval_scale_options {
    /// The part of all predictions that the interval shall hold, in (0, 1).
    double probability = 0.8;
    /// The part of the way that a late error moves the scale (of its logarithm), above 0.
    double slowest = 0.02;
    /// Bounds of the scale, 0 < least <= 1 <= most.
    double least = 0.5;
    double most = 8.0;  ///< see `least`
};

/// Keeps intervals honest: a factor on all deviations, steered so that intervals of one probability held that part of
/// the predictions *that were made before the value was known*. Each miss widens, each hit narrows by the right ratio
/// (Gibbs and Candès, "Adaptive conformal inference", 2021), so that no distribution of errors is assumed.
class interval_scale {
public:
    /// @param options  the probability and the speed
    explicit interval_scale(interval_scale_options options = {}) noexcept : options_{options} {}

    /// The factor.
    [[nodiscard]] double factor() const noexcept { return std::exp(log_); }
    /// A prediction was judged: its error in units of its own deviation, before the factor.
    ///
    /// @param error      |predicted - observed| / deviation
    /// @param threshold  the normal quantile that belongs to the probability (1.2816 for 0.8)
    void judge(double error, double threshold) noexcept {
        judged_ += 1.0;
        const double step = std::max(options_.slowest, 1.0 / (judged_ + 10.0));  // as if ten were judged before
        log_ += step * ((error > threshold * factor() ? 1.0 : 0.0) - (1.0 - options_.probability));
        log_ = std::clamp(log_, std::log(options_.least), std::log(options_.most));
    }

    /// The options.
    [[nodiscard]] const interval_scale_options& options() const noexcept { return options_; }
    /// Predictions that were judged.
    [[nodiscard]] double judged() const noexcept { return judged_; }
    /// Continues from a state that was saved: what `log_factor` and `judged` were.
    void resume(double log_factor, double judged) noexcept {
        log_ = log_factor;
        judged_ = judged;
    }
    /// The logarithm of the factor.
    [[nodiscard]] double log_factor() const noexcept { return log_; }

private:
    interval_scale_options options_;
    double log_ = 0.0;
    double judged_ = 0.0;
};

}  // namespace berth::inline v0
