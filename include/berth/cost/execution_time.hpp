// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cost/concepts.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// The time that a task takes on a GPU, in seconds: reading, computing, writing.
///
///     c(t, g) = t[data] * in + t[compute] / g[speed] + t[output] * out
///
/// | symbol  | feature            | unit   |
/// |---------|--------------------|--------|
/// | data    | data size          | GB     |
/// | compute | compute complexity | GFLOP  |
/// | output  | output size        | GB     |
/// | speed   | speed of the GPU   | GFLOPS (GFLOP a second), above 0 |
///
/// Data transfer is free by default, because bandwidths differ between machines: for 12 GB/s of PCIe write `1.0 / 12`.
struct execution_time {
    double seconds_per_input_gb = 0.0;   ///< *in*, inverse of the bandwidth, 0 or more
    double seconds_per_output_gb = 0.0;  ///< *out*, inverse of the bandwidth, 0 or more
    std::size_t data = 0;                ///< column of a task row
    std::size_t compute = 1;             ///< column of a task row
    std::size_t output = 2;              ///< column of a task row
    std::size_t speed = 0;               ///< column of a GPU row

    /// The time in seconds.
    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const noexcept {
        BERTH_ASSERT(data < task.size() && compute < task.size() && output < task.size() && speed < gpu.size(),
                     "berth: execution_time reads a column that the feature row does not have");
        return task[data] * seconds_per_input_gb + task[compute] / gpu[speed] + task[output] * seconds_per_output_gb;
    }
};

static_assert(cost_model<execution_time>);

/// Writes one cost per task, for models that need it (C_i of `load_cost`): its cost on a reference GPU. With
/// `execution_time` and free transfer the choice of the reference scales all costs alike.
///
/// @param tasks          features of the tasks, one row each
/// @param reference_gpu  features of the reference GPU
/// @param out            one element for each task
/// @param model          any cost model
template <cost_model C = execution_time>
void execution_costs(matrix_view<const double> tasks, feature_row reference_gpu, std::span<double> out,
                     const C& model = C{}) {
    BERTH_ASSERT(out.size() == tasks.rows(), "berth: execution_costs needs one output element for each task");
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(model(tasks.row(i), reference_gpu));
}

}  // namespace berth::inline v0
