// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cost/concepts.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// The cost of one task on every GPU: `out[g]` for row g of `gpus`. Uses the model's own `row` if it has one.
template <cost_model C>
void cost_row(const C& model, feature_row task, matrix_view<const double> gpus, std::span<double> out) {
    BERTH_ASSERT(out.size() == gpus.rows(), "berth: cost_row needs one place for each GPU");
    if constexpr (row_cost_model<C>) {
        model.row(task, gpus, out);
    } else {
        for (std::size_t g = 0; g < out.size(); ++g) out[g] = static_cast<double>(model(task, gpus.row(g)));
    }
}

/// The cost of every pair: `out(t, g)` for row t of `tasks` and row g of `gpus`. Uses the model's own `fill`, else its own
/// `row`, else one call for each pair. Does not allocate.
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
