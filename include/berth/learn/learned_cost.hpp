// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/exponential.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/learn/detail/learn_text.hpp"
#include "berth/learn/learned_cost_form.hpp"
#include "berth/learn/log_estimate.hpp"
#include "berth/learn/log_regression.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0 {

/// How a `learned_cost` learns. Deviations are those of the priors, of the logarithm of the cost, all above 0. They fit
/// features about 0 with deviations about 1 (`feature/scaling.hpp`), best logarithms of quantities.
struct learned_cost_options {
    log_regression_options regression{};                      ///< noise, forgetting, outliers, intervals
    double level = 3.0;                                       ///< the cost of all on all
    double task_feature = 1.0;                                ///< slope along a feature of tasks
    double gpu_feature = 1.0;                                 ///< slope along a feature of GPUs
    double product = 0.0;                                     ///< slope along a product of both; 0: without products
    double start = std::numeric_limits<double>::quiet_NaN();  ///< the typical cost before any is known; NaN: unknown
};

/// A cost model that learns: duration, power, or any other positive cost of a task on a GPU, from the features of both.
///
///     log c(t, g) = level + sum_j w_j t_j + sum_k v_k g_k (+ sum_jk u_jk t_j g_k)
///
/// It is a `cost_model` like any other, so greedy scores, searches and matrices of costs take it; its value is the
/// median. `predict` adds how sure it is. A task of a kind never seen is predicted from its features. Features that are
/// logarithms make it a product of powers: seconds = a · GFLOP^0.97 / GFLOPS^0.9.
///
/// Deterministic in the order of observations, see `recursive_ridge`. One evaluation is O(features), or O(products).
class learned_cost {
public:
    static constexpr std::size_t max_features = learned_cost_form::max_features;  ///< of a task, and of a GPU

    /// Makes one that knows nothing yet. Fails if there are more features than `max_features`.
    ///
    /// @param task_features  columns of a task row
    /// @param gpu_features   columns of a GPU row
    /// @param options        how to learn
    [[nodiscard]] static result<learned_cost> make(std::size_t task_features, std::size_t gpu_features,
                                                   learned_cost_options options = {}) {
        if (task_features > max_features || gpu_features > max_features) {
            return detail::refuse(error_code::limit_exceeded,
                                  {"learned cost: ", task_features, " task features and ", gpu_features,
                                   " GPU features, expected at most ", max_features});
        }
        if (!std::isnan(options.start) && !(options.start > 0.0 && std::isfinite(options.start))) {
            return error{error_code::invalid_value, "learned cost: start is not a finite number above 0"};
        }
        learned_cost made{task_features, gpu_features, options};
        recursive_ridge& to = made.regression_.coefficients();
        (void)to.append(options.level, std::isnan(options.start) ? 0.0 : std::log(options.start));
        for (std::size_t j = 0; j < task_features; ++j) (void)to.append(options.task_feature);
        for (std::size_t k = 0; k < gpu_features; ++k) (void)to.append(options.gpu_feature);
        if (options.product > 0.0) {
            for (std::size_t i = 0; i < task_features * gpu_features; ++i) (void)to.append(options.product);
        }
        return made;
    }

    /// The cost of a pair: the median.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const noexcept {
        const recursive_ridge& known = regression_.coefficients();
        const regressors row = regressors_of(task, gpu);
        double sum = 0.0;
        for (std::size_t i = 0; i < row.size; ++i) sum += known.coefficient(i) * row.items[i].value;
        return detail::exponential(sum);
    }
    /// The model as it is now, to be copied to threads and devices.
    [[nodiscard]] learned_cost_form form() const noexcept {
        learned_cost_form now{.task_features = task_features_, .gpu_features = gpu_features_, .products = products_};
        const recursive_ridge& known = regression_.coefficients();
        for (std::size_t i = 0; i < known.size(); ++i) now.coefficients[i] = known.coefficient(i);
        return now;
    }
    /// The cost of a pair, and how sure it is.
    [[nodiscard]] log_estimate predict(feature_row task, feature_row gpu) const noexcept {
        const regressors row = regressors_of(task, gpu);
        return regression_.predict({row.items.data(), row.size});
    }
    /// Learns from a measurement. Refuses a cost that is not finite or not above 0, features that are not finite, and
    /// rows of another width.
    ///
    /// @return how well it was foreseen
    result<surprise> observe(feature_row task, feature_row gpu, double cost) {
        if (!std::isfinite(cost) || !(cost > 0.0)) {
            return error{error_code::invalid_value, "learned cost: the observed cost is not a finite number above 0"};
        }
        if (task.size() != task_features_ || gpu.size() != gpu_features_) {
            return detail::refuse(error_code::inconsistent,
                                  {"learned cost: rows have ", task.size(), " and ", gpu.size(), " features, expected ",
                                   task_features_, " and ", gpu_features_});
        }
        for (const auto& [what, features] : {std::pair{"task", task}, std::pair{"GPU", gpu}}) {
            for (std::size_t j = 0; j < features.size(); ++j) {
                if (std::isfinite(features[j])) continue;
                return detail::refuse(error_code::invalid_value,
                                      {"learned cost: ", what, " feature ", j, " is not a finite number"});
            }
        }
        const regressors row = regressors_of(task, gpu);
        return regression_.observe({row.items.data(), row.size}, cost);
    }

    /// The regression beneath: its coefficients are level, task features, GPU features, products (task-major).
    [[nodiscard]] const log_regression& regression() const noexcept { return regression_; }

    /// All that was learned, as text; `load` reads it.
    [[nodiscard]] std::string save() const {
        detail::learn_writer out;
        out.line("berth-learned-cost").count(1).count(task_features_).count(gpu_features_).count(products_ ? 1 : 0);
        regression_.write(out);
        return std::move(out).text();
    }
    /// Reads the text of `save`. Learns on exactly as the saved one would.
    [[nodiscard]] static result<learned_cost> load(std::string_view text) {
        detail::learn_reader in{text};
        in.line("berth-learned-cost");
        if (in.count("version", 1) != 1) in.refuse("version", "is not 1");
        const std::size_t tasks = in.count("task features", max_features);
        const std::size_t gpus = in.count("GPU features", max_features);
        const bool products = in.count("products", 1) == 1;
        learned_cost made{tasks, gpus, {.product = products ? 1.0 : 0.0}};
        made.regression_ = log_regression::read(in);
        in.finish();
        const std::size_t expected = 1 + tasks + gpus + (products ? tasks * gpus : 0);
        if (in.ok() && made.regression_.coefficients().size() != expected) {
            in.refuse("coefficients", "are not as many as the features need");
        }
        if (!in.ok()) return in.failure();
        return made;
    }

private:
    struct regressors {
        std::array<regressor, 1 + 2 * max_features + max_features * max_features> items;
        std::size_t size = 0;
    };

    learned_cost(std::size_t task_features, std::size_t gpu_features, const learned_cost_options& options)
        : task_features_{task_features},
          gpu_features_{gpu_features},
          products_{options.product > 0.0},
          regression_{options.regression} {}

    [[nodiscard]] regressors regressors_of(feature_row task, feature_row gpu) const noexcept {
        BERTH_ASSERT(task.size() == task_features_ && gpu.size() == gpu_features_,
                     "berth: learned_cost reads rows of the width that it was made for");
        regressors row;
        const auto add = [&row](double value) {
            row.items[row.size] = {row.size, value};
            ++row.size;
        };
        add(1.0);
        for (const double value : task) add(value);
        for (const double value : gpu) add(value);
        if (!products_) return row;
        for (const double t : task) {
            for (const double g : gpu) add(t * g);
        }
        return row;
    }

    std::size_t task_features_;
    std::size_t gpu_features_;
    bool products_;
    log_regression regression_;
};

static_assert(cost_model<learned_cost>);

}  // namespace berth::inline v0
