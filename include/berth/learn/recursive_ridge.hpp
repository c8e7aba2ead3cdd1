// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/result.hpp"
#include "berth/feature/eigen.hpp"
#include "berth/learn/detail/learn_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Length: the recursion, the release and the text share the matrices.

namespace berth::inline v0 {

/// One regressor that is not 0: the position of its coefficient, and its value.
struct regressor {
    std::size_t position = 0;  ///< of the coefficient
    double value = 1.0;        ///< finite
};

/// How a `recursive_ridge` learns.
struct ridge_options {
    /// Standard deviation of one observation about the linear model, above 0.
    double noise = 0.07;
    /// Observations after which an earlier one counts half, above 0. Infinite: nothing is forgotten. What is forgotten
    /// falls back to the prior.
    double half_life = std::numeric_limits<double>::infinity();
};

/// Ridge regression that learns one observation at a time (recursive least squares): y = sum of coefficient × regressor
/// + noise. Every coefficient has a normal prior of its own, which is what the ridge is; the answer has a variance.
///
/// The state is exactly that of a weighted ridge over all observations so far. Weights are halved in steps, 1/32 of the
/// half-life apart, by which the matrices are also computed afresh, so that rounding does not build up.
///
/// Deterministic: sums run in a fixed order whatever the width of the machine's vectors. Eigen is used for whole rows
/// (a × b + c element by element) and never for sums of products or for factorisations, which it orders by the width of
/// vectors and the size of caches.
///
/// With d coefficients and k regressors in a row: `predict` O(k²), `observe` and `release` O(d²), a step of forgetting
/// O(d³). Memory 16 d² bytes; `append` doubles it now and then.
class recursive_ridge {
public:
    /// Mean and variance of the sum, without the noise of an observation.
    struct answer {
        double mean = 0.0;      ///< expected value
        double variance = 0.0;  ///< 0 or more
    };

    /// @param options  how to learn
    explicit recursive_ridge(ridge_options options = {}) : options_{options} {
        BERTH_ASSERT(options.noise > 0.0, "berth: ridge_options::noise is above 0");
        BERTH_ASSERT(options.half_life > 0.0, "berth: ridge_options::half_life is above 0");
        const double step =
            std::isfinite(options.half_life) ? std::max(1.0, std::floor(options.half_life / 32.0)) : 0.0;
        step_ = static_cast<std::size_t>(step);
        if (step_ > 0) kept_ = std::exp2(-step / options.half_life);
    }

    /// The options.
    [[nodiscard]] const ridge_options& options() const noexcept { return options_; }
    /// The number of coefficients.
    [[nodiscard]] std::size_t size() const noexcept { return weights_.size(); }
    /// Adds a coefficient, independent of all others until something is observed.
    ///
    /// @param deviation  of its prior, above 0
    /// @param mean       of its prior
    /// @return its position
    std::size_t append(double deviation, double mean = 0.0) {
        BERTH_ASSERT(deviation > 0.0 && std::isfinite(mean), "berth: a coefficient has a finite prior");
        const std::size_t at = size();
        if (at == capacity()) reserve(std::max<std::size_t>(16, 2 * at));
        weights_.push_back(mean);
        moment_.push_back(0.0);
        prior_.push_back({mean, 1.0 / (deviation * deviation)});
        covariance_(index(at), index(at)) = deviation * deviation;
        return at;
    }
    /// The present value of a coefficient.
    [[nodiscard]] double coefficient(std::size_t at) const noexcept { return weights_[at]; }
    /// The standard deviation of a coefficient.
    [[nodiscard]] double deviation(std::size_t at) const noexcept {
        return std::sqrt(std::max(0.0, covariance_(index(at), index(at))));
    }

    /// What a row of regressors adds up to. Positions that occur twice add up.
    [[nodiscard]] answer predict(std::span<const regressor> row) const noexcept {
        answer sum;
        for (const regressor& x : row) {
            BERTH_ASSERT(x.position < size(), "berth: a regressor of a coefficient that does not exist");
            sum.mean += weights_[x.position] * x.value;
            for (const regressor& y : row) {
                sum.variance += x.value * y.value * covariance_(index(x.position), index(y.position));
            }
        }
        sum.variance = std::max(0.0, sum.variance);
        return sum;
    }

    /// Learns from one observation.
    ///
    /// @param row     its regressors
    /// @param y       the observed value, finite
    /// @param weight  counts as this many observations, in (0, 1e6]; below 1 for one that is doubted
    void observe(std::span<const regressor> row, double y, double weight = 1.0) {
        BERTH_ASSERT(std::isfinite(y) && weight > 0.0 && weight <= 1e6, "berth: an observation is finite");
        const double information = weight / (options_.noise * options_.noise);
        const auto d = index(size());
        gain_.setZero(index(capacity()));
        for (const regressor& x : row) {
            BERTH_ASSERT(x.position < size() && std::isfinite(x.value), "berth: a regressor without coefficient");
            gain_.head(d) += x.value * covariance_.row(index(x.position)).head(d).transpose().array();
            moment_[x.position] += information * x.value * y;
            for (const regressor& z : row) {
                information_(index(x.position), index(z.position)) += information * (x.value * z.value);
            }
        }
        const answer before = predict(row);
        const double scale = before.variance + 1.0 / information;
        const double surprise = (y - before.mean) / scale;
        const double shrink = 1.0 / scale;
        for (Eigen::Index i = 0; i < d; ++i) {
            weights_[static_cast<std::size_t>(i)] += gain_[i] * surprise;
            if (gain_[i] == 0.0) continue;
            // In this order, so that both triangles stay equal bit for bit.
            covariance_.row(i).head(d).array() -= (gain_[i] * gain_.head(d).transpose()) * shrink;
        }
        ++observed_;
        if (step_ == 0 ? observed_ % 4096 == 0 : observed_ % step_ == 0) forget();
    }

    /// Lets a coefficient go: it has changed by an unknown amount of this deviation, all else stays as it was known.
    /// Coefficients keep their values. For changes that were detected.
    void release(std::size_t at, double deviation) {
        BERTH_ASSERT(at < size() && deviation > 0.0, "berth: a coefficient that exists is released");
        const double added = deviation * deviation;
        covariance_(index(at), index(at)) += added;
        // The inverse of the new covariance (Sherman and Morrison), less the new prior.
        const auto precision = [this](std::size_t i, std::size_t j) {
            return information_(index(i), index(j)) + (i == j ? prior_[i].precision : 0.0);
        };
        const double shrink = 1.0 / (1.0 + added * precision(at, at));
        std::vector<double> column(size());
        for (std::size_t i = 0; i < size(); ++i) column[i] = precision(i, at);
        prior_[at] = {weights_[at], 1.0 / (1.0 / prior_[at].precision + added)};
        for (std::size_t i = 0; i < size(); ++i) {
            for (std::size_t j = 0; j < size(); ++j) {
                double& element = information_(index(i), index(j));
                if (i != at && j != at) {
                    element -= added * shrink * (column[i] * column[j]);
                } else if (i != j) {
                    element *= shrink;
                } else {
                    element = std::max(0.0, column[at] * shrink - prior_[at].precision);
                }
            }
        }
        // The sums that make the present values the answer under the new information.
        for (std::size_t i = 0; i < size(); ++i) {
            double sum = prior_[i].precision * (weights_[i] - prior_[i].mean);
            for (std::size_t j = 0; j < size(); ++j) sum += information_(index(i), index(j)) * weights_[j];
            moment_[i] = sum;
        }
    }

    /// All that was learned, as text; `load` reads it.
    [[nodiscard]] std::string save() const {
        detail::learn_writer out;
        write(out);
        return std::move(out).text();
    }
    /// Reads the text of `save`. Learns on exactly as the saved one would.
    [[nodiscard]] static result<recursive_ridge> load(std::string_view text) {
        detail::learn_reader in{text};
        recursive_ridge made = read(in);
        in.finish();
        if (!in.ok()) return in.failure();
        return made;
    }

private:
    friend class log_regression;

    struct prior {
        double mean = 0.0;
        double precision = 0.0;
    };

    [[nodiscard]] static Eigen::Index index(std::size_t i) noexcept { return static_cast<Eigen::Index>(i); }
    [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(covariance_.rows()); }
    void reserve(std::size_t capacity) {
        row_major_matrix larger = row_major_matrix::Zero(index(capacity), index(capacity));
        larger.topLeftCorner(index(size()), index(size())) = covariance_.topLeftCorner(index(size()), index(size()));
        covariance_.swap(larger);
        larger.setZero(index(capacity), index(capacity));
        larger.topLeftCorner(index(size()), index(size())) = information_.topLeftCorner(index(size()), index(size()));
        information_.swap(larger);
    }
    void forget() {
        information_ *= kept_;
        for (double& sum : moment_) sum *= kept_;
        solve();
    }
    /// Covariance and coefficients from the information. Gauss-Jordan in place; a positive definite matrix needs no
    /// pivoting.
    void solve() {
        const auto d = index(size());
        covariance_ = information_;
        for (Eigen::Index i = 0; i < d; ++i) covariance_(i, i) += prior_[static_cast<std::size_t>(i)].precision;
        for (Eigen::Index k = 0; k < d; ++k) {
            const double inverse = 1.0 / covariance_(k, k);
            covariance_(k, k) = 1.0;
            covariance_.row(k).head(d) *= inverse;
            for (Eigen::Index i = 0; i < d; ++i) {
                const double factor = covariance_(i, k);
                if (i == k || factor == 0.0) continue;
                covariance_(i, k) = 0.0;
                covariance_.row(i).head(d).array() -= factor * covariance_.row(k).head(d).array();
            }
        }
        for (std::size_t i = 0; i < size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) covariance_(index(j), index(i)) = covariance_(index(i), index(j));
        }
        for (std::size_t i = 0; i < size(); ++i) {
            double sum = 0.0;
            for (std::size_t j = 0; j < size(); ++j) {
                sum += covariance_(index(i), index(j)) * (moment_[j] + prior_[j].precision * prior_[j].mean);
            }
            weights_[i] = sum;
        }
    }

    void write(detail::learn_writer& out) const {
        out.line("ridge").number(options_.noise).number(options_.half_life).count(size()).count(observed_);
        for (std::size_t i = 0; i < size(); ++i) {
            out.line("coefficient").number(weights_[i]).number(moment_[i]).number(prior_[i].mean);
            out.number(prior_[i].precision);
            for (std::size_t j = 0; j <= i; ++j) out.number(covariance_(index(i), index(j)));
            for (std::size_t j = 0; j <= i; ++j) out.number(information_(index(i), index(j)));
        }
    }
    [[nodiscard]] static recursive_ridge read(detail::learn_reader& in) {
        in.line("ridge");
        ridge_options options;
        options.noise = in.positive("noise");
        options.half_life = in.positive("half-life", true);
        const std::size_t count = in.count("coefficients", in.length());
        const std::size_t observed = in.count("observations", std::numeric_limits<std::size_t>::max());
        if (!in.ok()) return recursive_ridge{};
        recursive_ridge made{options};
        made.observed_ = observed;
        for (std::size_t i = 0; i < count && in.ok(); ++i) {
            in.line("coefficient");
            const double weight = in.number("value");
            const double moment = in.number("moment");
            const double mean = in.number("prior mean");
            const double precision = in.positive("prior precision");
            if (!in.ok()) break;
            (void)made.append(1.0, mean);
            made.weights_[i] = weight;
            made.moment_[i] = moment;
            made.prior_[i] = {mean, precision};
            for (row_major_matrix* matrix : {&made.covariance_, &made.information_}) {
                for (std::size_t j = 0; j <= i && in.ok(); ++j) {
                    const double value = in.number("matrix element");
                    (*matrix)(index(i), index(j)) = value;
                    (*matrix)(index(j), index(i)) = value;
                }
            }
            if (in.ok() && !(made.covariance_(index(i), index(i)) > 0.0)) in.refuse("variance", "not above 0");
        }
        return made;
    }

    ridge_options options_;
    std::size_t step_ = 0;  // observations from one step of forgetting to the next; 0: none
    double kept_ = 1.0;     // what a step leaves of a weight
    std::size_t observed_ = 0;
    std::vector<double> weights_;
    std::vector<double> moment_;  // sum of weight × regressor × value / noise²
    std::vector<prior> prior_;
    row_major_matrix covariance_;   // of the coefficients
    row_major_matrix information_;  // sum of weight × regressor × regressor / noise²
    Eigen::ArrayXd gain_;
};

}  // namespace berth::inline v0
