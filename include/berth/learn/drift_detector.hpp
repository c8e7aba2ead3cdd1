// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <algorithm>

namespace berth::inline v0 {

/// When errors are no longer chance.
struct drift_options {
    double slack = 0.75;     ///< errors below this many deviations are chance, 0 or more
    double threshold = 6.0;  ///< the sum of what is above the slack that is an alarm, above 0
    double clip = 3.0;       ///< one error counts at most this many deviations: an outlier is no drift
};

/// Tells a lasting change from noise and outliers: sums up by how much errors exceed chance in one direction, upwards
/// and downwards apart (Page's cumulative sums). An alarm needs at least threshold / (clip - slack) errors; by default
/// three. O(1).
class drift_detector {
public:
    /// @param options  sensitivity
    explicit drift_detector(drift_options options = {}) noexcept : options_{options} {
        BERTH_ASSERT(options.threshold > 0.0 && options.clip > options.slack,
                     "berth: drift_options::clip is above the slack");
    }

    /// An error in units of its deviation, predicted before it was learned from.
    ///
    /// @return true at an alarm; the sums then start anew
    bool observe(double error) noexcept {
        const double clipped = std::clamp(error, -options_.clip, options_.clip);
        up_ = std::max(0.0, up_ + clipped - options_.slack);
        down_ = std::max(0.0, down_ - clipped - options_.slack);
        if (up_ < options_.threshold && down_ < options_.threshold) return false;
        reset();
        return true;
    }
    /// Forgets the errors.
    void reset() noexcept { up_ = down_ = 0.0; }

    /// The sum of positive errors.
    [[nodiscard]] double up() const noexcept { return up_; }
    /// The sum of negative errors.
    [[nodiscard]] double down() const noexcept { return down_; }
    /// Continues from sums that were saved.
    void resume(double up, double down) noexcept {
        up_ = up;
        down_ = down;
    }

private:
    drift_options options_;
    double up_ = 0.0;
    double down_ = 0.0;
};

}  // namespace berth::inline v0
