// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/result.hpp"
#include "berth/cuda/detail/cost_tile.hpp"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/device_cost.hpp"
#include "berth/cuda/error.cuh"

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

namespace berth::inline v0 {

namespace detail {

/// A block for each tile: copies the features of its tasks and GPUs to shared memory once, then divides the pairs among
/// its threads.
template <class Model>
__global__ void __launch_bounds__(cost_tile<Model>::threads)
    fill_costs(const __grid_constant__ cost_tile<Model> tile, std::size_t tiles_across, std::size_t tiles) {
    extern __shared__ double features[];
    for (std::size_t i = blockIdx.x; i < tiles; i += gridDim.x) {
        const std::size_t task = i / tiles_across * cost_tile<Model>::tasks_of_tile;
        const std::size_t gpu = i % tiles_across * cost_tile<Model>::gpus_of_tile;
        tile.fetch(features, task, gpu, threadIdx.x);
        __syncthreads();
        tile.fill(features, task, gpu, threadIdx.x);
        __syncthreads();
    }
}

}  // namespace detail

namespace cuda {

/// Bytes of shared memory that a kernel has without opting in to more.
inline constexpr std::size_t usual_shared = std::size_t{48} << 10U;

/// Computes the cost of every pair from features, on the device: `out(t, g)` for row t of `tasks` and row g of `gpus`.
/// All views point to device memory. Queued on the stream; allocates nothing.
///
/// @param model  the `device_form` of a model of the library, or a functor of your own
/// @return success, or an error: more than 256 features of a task and a GPU together, a failed launch
///
/// O(tasks × GPUs): reads the features once for a tile of 32 × 64 pairs and writes 8 bytes for each pair.
template <device_cost_model Model>
[[nodiscard]] result<void> fill_costs(const Model& model, matrix_view<const double> tasks,
                                      matrix_view<const double> gpus, matrix_view<double> out, cudaStream_t stream) {
    using tile = detail::cost_tile<Model>;
    BERTH_ASSERT(out.rows() == tasks.rows() && out.cols() == gpus.rows(),
                 "berth: fill_costs needs a matrix with a row for each task and a column for each GPU");
    if (out.rows() == 0 || out.cols() == 0) return {};
    if (tasks.cols() + gpus.cols() > tile::most_features) {
        return detail::refuse(error_code::limit_exceeded, {"fill_costs: ", tasks.cols(), " and ", gpus.cols(),
                                                           " features, a device takes at most ", tile::most_features});
    }
    const std::size_t across = (out.cols() + tile::gpus_of_tile - 1) / tile::gpus_of_tile;
    const std::size_t tiles = (out.rows() + tile::tasks_of_tile - 1) / tile::tasks_of_tile * across;
    const tile work{model, tasks, gpus, out};
    const std::size_t bytes = work.shared_doubles() * sizeof(double);
    if (bytes > usual_shared) {
        int device = 0;
        int most = 0;
        if (auto ok = check(cudaGetDevice(&device), {"fill_costs"}); !ok) return ok;
        if (auto ok =
                check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), {"fill_costs"});
            !ok) {
            return ok;
        }
        if (auto ok = check(
                cudaFuncSetAttribute(detail::fill_costs<Model>, cudaFuncAttributeMaxDynamicSharedMemorySize, most),
                {"fill_costs, ", most, " bytes of shared memory"});
            !ok) {
            return ok;
        }
    }
    const auto blocks = static_cast<unsigned>(tiles < 65'535 ? tiles : 65'535);
    detail::fill_costs<Model><<<blocks, tile::threads, bytes, stream>>>(work, across, tiles);
    return check_launch("fill_costs");
}

}  // namespace cuda

}  // namespace berth::inline v0
