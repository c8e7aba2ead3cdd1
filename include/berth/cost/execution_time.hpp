// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cost/concepts.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// How long a task runs on a GPU, in seconds, from what it reads, computes and writes:
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
/// Moving data is free by default, because its price is a bandwidth of your machines that no default can guess: 12 GB/s of
/// PCIe is `1.0 / 12`. The default of `execution_costs`; any other `cost_model` takes its place.
struct execution_time {
    double seconds_per_input_gb = 0.0;
    double seconds_per_output_gb = 0.0;
    std::size_t data = 0;     ///< column of a task row
    std::size_t compute = 1;  ///< column of a task row
    std::size_t output = 2;   ///< column of a task row
    std::size_t speed = 0;    ///< column of a GPU row

    [[nodiscard]] double operator()(feature_row task, feature_row gpu) const noexcept {
        BERTH_ASSERT(data < task.size() && compute < task.size() && output < task.size() && speed < gpu.size(),
                     "berth: execution_time reads a column that the feature row does not have");
        return task[data] * seconds_per_input_gb + task[compute] / gpu[speed] + task[output] * seconds_per_output_gb;
    }
};

static_assert(cost_model<execution_time>);

/// C_i of every task for models that want one number for each task (`load_cost`): its cost on one reference GPU. The choice of
/// reference scales all costs alike when speed enters as a quotient, so any GPU of the fleet will do there.
template <cost_model C = execution_time>
void execution_costs(matrix_view<const double> tasks, feature_row reference_gpu, std::span<double> out,
                     const C& model = C{}) {
    BERTH_ASSERT(out.size() == tasks.rows(), "berth: execution_costs needs one place for each task");
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(model(tasks.row(i), reference_gpu));
}

}  // namespace berth::inline v0
