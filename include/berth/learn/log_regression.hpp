// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/result.hpp"
#include "berth/learn/detail/learn_text.hpp"
#include "berth/learn/interval_scale.hpp"
#include "berth/learn/log_estimate.hpp"
#include "berth/learn/recursive_ridge.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0 {

/// How a `log_regression` learns.
struct log_regression_options {
    ridge_options ridge{};  ///< noise (of the logarithm: 0.07 is 7 %) and forgetting
    /// An observation that is more than this many deviations off counts less, by the ratio (Huber's weight): one wild
    /// value moves nothing, many alike do. Above 0.
    double outlier = 2.5;
    /// Predictions with a larger deviation than this were guesses: they tell nothing about the intervals.
    double judged_below = 0.7;
    interval_scale_options intervals{};  ///< how intervals are kept honest
};

/// How well an observation was foreseen.
struct surprise {
    double error = 0.0;     ///< (observed - predicted) / deviation, in logarithms
    bool foreseen = false;  ///< true if the prediction was no mere guess
};

/// Learns a positive quantity from regressors: ridge regression of its logarithm that doubts outliers and knows how
/// sure it is. `learned_cost` and `class_speed` are made of it; use it where your regressors are neither rows of
/// features nor classes and GPU models.
///
/// Deterministic, see `recursive_ridge`. Costs as there.
class log_regression {
public:
    /// @param options  how to learn
    explicit log_regression(log_regression_options options = {})
        : options_{options},
          ridge_{options.ridge},
          model_scale_{options.intervals},
          noise_scale_{options.intervals},
          threshold_{normal_quantile(0.5 + 0.5 * options.intervals.probability)} {
        BERTH_ASSERT(options.outlier > 0.0, "berth: log_regression_options::outlier is above 0");
    }

    /// The options.
    [[nodiscard]] const log_regression_options& options() const noexcept { return options_; }
    /// The coefficients: `append` and `release` there.
    [[nodiscard]] recursive_ridge& coefficients() noexcept { return ridge_; }
    /// The coefficients.
    [[nodiscard]] const recursive_ridge& coefficients() const noexcept { return ridge_; }
    /// The factor on deviations of the model that experience taught: how far off it was where it had to generalise.
    [[nodiscard]] double interval_factor() const noexcept { return model_scale_.factor(); }
    /// The factor on the noise that experience taught: how far off it was where little but noise was left to foresee.
    [[nodiscard]] double noise_factor() const noexcept { return noise_scale_.factor(); }

    /// What is expected of the next observation with these regressors.
    ///
    /// @param row      the regressors that have coefficients
    /// @param unknown  variance of what has none yet
    [[nodiscard]] log_estimate predict(std::span<const regressor> row, double unknown = 0.0) const noexcept {
        const auto sum = ridge_.predict(row);
        return {sum.mean, deviation_of(sum.variance + unknown)};
    }

    /// Learns from an observation.
    ///
    /// @param row    its regressors
    /// @param value  finite and above 0
    /// @return how well it was foreseen
    surprise observe(std::span<const regressor> row, double value) {
        BERTH_ASSERT(std::isfinite(value) && value > 0.0, "berth: log_regression learns finite values above 0");
        const double y = std::log(value);
        const auto sum = ridge_.predict(row);
        const double off = y - sum.mean;
        const double spread = std::sqrt(sum.variance + noise_variance());
        const surprise seen{off / deviation_of(sum.variance), spread <= options_.judged_below};
        if (seen.foreseen) {
            // Apart, because many measurements of what is known well would else make it sure of what it never saw.
            interval_scale& judged = sum.variance > noise_variance() ? model_scale_ : noise_scale_;
            judged.judge(std::abs(off) / spread, threshold_);
        }
        const double size = std::abs(seen.error);
        ridge_.observe(row, y, size > options_.outlier ? options_.outlier / size : 1.0);
        return seen;
    }

    /// All that was learned, as text; `load` reads it.
    [[nodiscard]] std::string save() const {
        detail::learn_writer out;
        write(out);
        return std::move(out).text();
    }
    /// Reads the text of `save`. Learns on exactly as the saved one would.
    [[nodiscard]] static result<log_regression> load(std::string_view text) {
        detail::learn_reader in{text};
        log_regression made = read(in);
        in.finish();
        if (!in.ok()) return in.failure();
        return made;
    }

private:
    friend class learned_cost;
    friend class class_speed;
    friend class learned_migration;

    [[nodiscard]] double noise_variance() const noexcept { return options_.ridge.noise * options_.ridge.noise; }
    [[nodiscard]] double deviation_of(double variance) const noexcept {
        const double model = model_scale_.factor();
        const double noise = noise_scale_.factor();
        return std::sqrt(model * model * variance + noise * noise * noise_variance());
    }
    void write(detail::learn_writer& out) const {
        const interval_scale_options& about = options_.intervals;
        out.line("log-regression").number(options_.outlier).number(options_.judged_below);
        out.number(about.probability).number(about.slowest).number(about.least).number(about.most);
        for (const interval_scale* scale : {&model_scale_, &noise_scale_}) {
            out.number(scale->log_factor()).number(scale->judged());
        }
        ridge_.write(out);
    }
    [[nodiscard]] static log_regression read(detail::learn_reader& in) {
        log_regression_options options;
        in.line("log-regression");
        options.outlier = in.positive("outlier");
        options.judged_below = in.positive("judged-below", true);
        options.intervals.probability = in.positive("probability");
        if (!(options.intervals.probability < 1.0)) in.refuse("probability", "is not below 1");
        options.intervals.slowest = in.positive("slowest");
        options.intervals.least = in.positive("least");
        options.intervals.most = in.positive("most");
        if (options.intervals.least > 1.0 || options.intervals.most < 1.0) in.refuse("least", "the bounds exclude 1");
        double scales[4] = {};
        for (double& value : scales) value = in.number("interval scale");
        recursive_ridge ridge = recursive_ridge::read(in);
        if (!in.ok()) return log_regression{};
        options.ridge = ridge.options();
        log_regression made{options};
        made.ridge_ = std::move(ridge);
        made.model_scale_.resume(scales[0], scales[1]);
        made.noise_scale_.resume(scales[2], scales[3]);
        return made;
    }

    log_regression_options options_;
    recursive_ridge ridge_;
    interval_scale model_scale_;
    interval_scale noise_scale_;
    double threshold_;  // normal quantile of the interval
};

}  // namespace berth::inline v0
