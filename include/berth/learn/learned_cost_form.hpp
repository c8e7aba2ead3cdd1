// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/exponential.hpp"
#include "berth/core/rounded.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// A `learned_cost` as it is now, without what it needs to learn: a small struct without pointers that threads and
/// devices can copy. A `device_cost_model` (`cuda/device_cost.hpp`), equal to the model bit for bit.
///
/// ```
/// const berth::learned_cost_form now = model.form();       // later observations do not change it
/// ```
struct learned_cost_form {
    static constexpr std::size_t max_features = 16;  ///< of a task, and of a GPU

    std::size_t task_features = 0;  ///< columns of a task row
    std::size_t gpu_features = 0;   ///< columns of a GPU row
    bool products = false;          ///< there is a coefficient for each product of both
    /// Level, task features, GPU features, products (task-major).
    double coefficients[1 + 2 * max_features + max_features * max_features] = {};

    /// The cost of a pair: the median. `Row` has `size()` and `operator[]`: a `feature_row` or a `device_row`.
    template <class Row>
    [[nodiscard]] BERTH_HD double operator()(const Row& task, const Row& gpu) const noexcept {
        BERTH_ASSERT(task.size() == task_features && gpu.size() == gpu_features,
                     "berth: learned_cost reads rows of the width that it was made for");
        const double* next = coefficients;
        double sum = *next++;
        for (std::size_t j = 0; j < task_features; ++j) sum = detail::sum_of(sum, detail::product_of(*next++, task[j]));
        for (std::size_t k = 0; k < gpu_features; ++k) sum = detail::sum_of(sum, detail::product_of(*next++, gpu[k]));
        for (std::size_t j = 0; products && j < task_features; ++j) {
            for (std::size_t k = 0; k < gpu_features; ++k) {
                sum = detail::sum_of(sum, detail::product_of(*next++, detail::product_of(task[j], gpu[k])));
            }
        }
        return detail::exponential(sum);
    }
};

}  // namespace berth::inline v0
