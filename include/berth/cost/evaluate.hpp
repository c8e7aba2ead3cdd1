// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cost/concepts.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// Writes the cost of one task on every GPU. Calls the model's `row` if it has one, else the model once per GPU. Does
/// not allocate.
///
/// @param model  the cost model
/// @param task   features of the task
/// @param gpus   features of the GPUs, one row each
/// @param out    one element for each row of `gpus`
template <cost_model C>
void cost_row(const C& model, feature_row task, matrix_view<const double> gpus, std::span<double> out) {
    BERTH_ASSERT(out.size() == gpus.rows(), "berth: cost_row needs one output element for each GPU");
    if constexpr (row_cost_model<C>) {
        model.row(task, gpus, out);
    } else {
        for (std::size_t g = 0; g < out.size(); ++g) out[g] = static_cast<double>(model(task, gpus.row(g)));
    }
}

/// Writes the cost of every pair. Calls the model's `fill` if it has one, else its `row`, else the model once per pair.
/// Does not allocate.
///
/// @param model  the cost model
/// @param tasks  features of the tasks, one row each
/// @param gpus   features of the GPUs, one row each
/// @param out    a row for each task, a column for each GPU
template <cost_model C>
void fill_costs(const C& model, matrix_view<const double> tasks, matrix_view<const double> gpus,
                matrix_view<double> out) {
    BERTH_ASSERT(out.rows() == tasks.rows() && out.cols() == gpus.rows(),
                 "berth: fill_costs needs a matrix with a row for each task and a column for each GPU");
    if constexpr (bulk_cost_model<C>) {
        model.fill(tasks, gpus, out);
    } else {
        for (std::size_t t = 0; t < tasks.rows(); ++t) cost_row(model, tasks.row(t), gpus, out.row(t));
    }
}

}  // namespace berth::inline v0
