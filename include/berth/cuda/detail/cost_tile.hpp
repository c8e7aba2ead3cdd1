// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cuda/device_cost.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// A cost matrix cut into tiles. The threads of a tile call `fetch`, then, with a barrier between, `fill`.
template <device_cost_model Model>
struct cost_tile {
    static constexpr std::size_t tasks_of_tile = 32;
    static constexpr std::size_t gpus_of_tile = 64;
    static constexpr std::size_t most_features = 256;
    static constexpr unsigned threads = 256;

    Model model;
    matrix_view<const double> tasks;
    matrix_view<const double> gpus;
    matrix_view<double> out;

    /// Doubles that the threads of a tile share. Rows of GPUs are an odd number apart, so that neighbouring threads
    /// read from different banks.
    [[nodiscard]] BERTH_HD constexpr std::size_t shared_doubles() const noexcept {
        return tasks_of_tile * tasks.cols() + gpus_of_tile * gpu_stride();
    }
    BERTH_HD void fetch(double* features, std::size_t first_task, std::size_t first_gpu,
                        std::size_t thread) const noexcept {
        const std::size_t of_tasks = least(tasks_of_tile, tasks.rows() - first_task) * tasks.cols();
        for (std::size_t i = thread; i < of_tasks; i += threads) {
            features[i] = tasks.data()[first_task * tasks.cols() + i];
        }
        double* of_gpus = features + tasks_of_tile * tasks.cols();
        const std::size_t count = least(gpus_of_tile, gpus.rows() - first_gpu) * gpus.cols();
        for (std::size_t i = thread; i < count; i += threads) {
            of_gpus[i / gpus.cols() * gpu_stride() + i % gpus.cols()] = gpus.data()[first_gpu * gpus.cols() + i];
        }
    }
    BERTH_HD void fill(const double* features, std::size_t first_task, std::size_t first_gpu,
                       std::size_t thread) const {
        const std::size_t g = thread % gpus_of_tile;
        if (first_gpu + g >= out.cols()) return;
        const device_row gpu{features + tasks_of_tile * tasks.cols() + g * gpu_stride(), gpus.cols()};
        for (std::size_t t = thread / gpus_of_tile; t < tasks_of_tile && first_task + t < out.rows();
             t += threads / gpus_of_tile) {
            const device_row task{features + t * tasks.cols(), tasks.cols()};
            out.data()[(first_task + t) * out.cols() + first_gpu + g] = static_cast<double>(model(task, gpu));
        }
    }

private:
    [[nodiscard]] BERTH_HD constexpr std::size_t gpu_stride() const noexcept { return gpus.cols() | 1U; }
    [[nodiscard]] BERTH_HD static constexpr std::size_t least(std::size_t a, std::size_t b) noexcept {
        return a < b ? a : b;
    }
};

}  // namespace berth::inline v0::detail
