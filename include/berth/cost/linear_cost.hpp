// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/concepts.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A weighted sum over the task's features followed by the GPU's:
///
///     c(t, g) = (bias + sum_j w_j * t_j) + sum_k v_k * g_k
///
/// Scale features of different units before you weigh them (`feature/scaling.hpp`). Task and GPU do not interact in a
/// linear cost, so that without further constraints every task prefers the same GPU: combine it in `weighted_terms`
/// with a term in which they do.
///
/// Made by `make_linear_cost`. One evaluation is O(features); `fill` is O((tasks + GPUs) × features + tasks × GPUs).
class linear_cost {
public:
    /// The cost of a pair.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const noexcept {
        return task_part(task) + gpu_part(gpu);
    }
    /// The costs of one task, see `cost_row`.
    void row(feature_row task, matrix_view<const double> gpus, std::span<double> out) const noexcept {
        const double part = task_part(task);
        for (std::size_t g = 0; g < out.size(); ++g) out[g] = part + gpu_part(gpus.row(g));
    }
    /// The costs of all pairs, see `fill_costs`.
    void fill(matrix_view<const double> tasks, matrix_view<const double> gpus, matrix_view<double> out) const noexcept {
        if (out.rows() == 0 || out.cols() == 0) return;
        const std::span<double> first = out.row(0);  // holds the GPUs' parts until the last loop
        for (std::size_t g = 0; g < first.size(); ++g) first[g] = gpu_part(gpus.row(g));
        for (std::size_t t = 1; t < out.rows(); ++t) {
            const double part = task_part(tasks.row(t));
            const std::span<double> costs = out.row(t);
            for (std::size_t g = 0; g < costs.size(); ++g) costs[g] = part + first[g];
        }
        const double part = task_part(tasks.row(0));
        for (double& cost : first) cost = part + cost;
    }

    /// w, one for each task feature.
    [[nodiscard]] std::span<const double> task_weights() const noexcept { return task_weights_; }
    /// v, one for each GPU feature.
    [[nodiscard]] std::span<const double> gpu_weights() const noexcept { return gpu_weights_; }
    /// The constant summand.
    [[nodiscard]] double bias() const noexcept { return bias_; }

private:
    friend result<linear_cost> make_linear_cost(std::vector<double> task_weights, std::vector<double> gpu_weights,
                                                double bias);
    linear_cost() = default;

    [[nodiscard]] double task_part(feature_row task) const noexcept {
        BERTH_ASSERT(task.size() == task_weights_.size(),
                     "berth: linear_cost has a weight for each task feature, in order");
        double sum = bias_;
        for (std::size_t j = 0; j < task.size(); ++j) sum += task_weights_[j] * task[j];
        return sum;
    }
    [[nodiscard]] double gpu_part(feature_row gpu) const noexcept {
        BERTH_ASSERT(gpu.size() == gpu_weights_.size(),
                     "berth: linear_cost has a weight for each GPU feature, in order");
        double sum = 0.0;
        for (std::size_t k = 0; k < gpu.size(); ++k) sum += gpu_weights_[k] * gpu[k];
        return sum;
    }

    std::vector<double> task_weights_;
    std::vector<double> gpu_weights_;
    double bias_ = 0.0;
};

static_assert(bulk_cost_model<linear_cost> && row_cost_model<linear_cost>);

/// Makes a linear cost. Fails if a weight or the bias is not finite; the error names it.
///
/// @param task_weights  w, one for each task feature, in the order of columns
/// @param gpu_weights   v, one for each GPU feature, in the order of columns
/// @param bias          constant summand
[[nodiscard]] inline result<linear_cost> make_linear_cost(std::vector<double> task_weights,
                                                          std::vector<double> gpu_weights, double bias = 0.0) {
    const auto check = [](const char* field, const std::vector<double>& weights) -> result<void> {
        for (std::size_t j = 0; j < weights.size(); ++j) {
            if (std::isfinite(weights[j])) continue;
            return detail::refuse(error_code::invalid_value,
                                  {"linear cost: ", field, "[", j, "] is not a finite number"});
        }
        return {};
    };
    if (auto ok = check("task_weights", task_weights); !ok) return ok.error();
    if (auto ok = check("gpu_weights", gpu_weights); !ok) return ok.error();
    if (!std::isfinite(bias)) return error{error_code::invalid_value, "linear cost: bias is not a finite number"};
    linear_cost model;
    model.task_weights_ = std::move(task_weights);
    model.gpu_weights_ = std::move(gpu_weights);
    model.bias_ = bias;
    return model;
}

}  // namespace berth::inline v0
