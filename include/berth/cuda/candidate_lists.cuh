// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cuda/detail/pair_rows.hpp"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/error.cuh"
#include "berth/model/resources.hpp"

#include <cub/warp/warp_reduce.cuh>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

namespace detail::rows {

inline constexpr unsigned warps_of_block = 8;
inline constexpr unsigned lanes_of_warp = 32;

/// A warp for each task finds the first GPU of the row, then the next after it, and so on. The row stays in the cache.
template <class Pairs>
__global__ void __launch_bounds__(warps_of_block* lanes_of_warp)
    list_candidates(const __grid_constant__ priced_rows<Pairs> rows, std::size_t tasks, std::uint32_t width,
                    std::uint32_t* lists) {
    using reduce = cub::WarpReduce<priced_gpu>;
    __shared__ typename reduce::TempStorage storage[warps_of_block];
    const unsigned warp = threadIdx.x / lanes_of_warp;
    const unsigned lane = threadIdx.x % lanes_of_warp;
    for (std::size_t t = std::size_t{blockIdx.x} * warps_of_block + warp; t < tasks;
         t += std::size_t{gridDim.x} * warps_of_block) {
        priced_gpu last;
        for (std::uint32_t i = 0; i < width; ++i) {
            const priced_gpu mine = i == 0 ? lowest<first_in_list>(rows, t, lane, lanes_of_warp)
                                           : next_in_list(rows, t, last, lane, lanes_of_warp);
            last = reduce{storage[warp]}.Reduce(mine, first_in_list{});
            __syncwarp();
            last.reduced = __shfl_sync(0xffffffffU, last.reduced, 0);
            last.load = __shfl_sync(0xffffffffU, last.load, 0);
            last.gpu = __shfl_sync(0xffffffffU, last.gpu, 0);
            if (lane == 0) lists[t * width + i] = last.gpu;
        }
    }
}

}  // namespace detail::rows

namespace cuda {

/// An assignment problem in tables in device memory; owns nothing.
struct device_tables {
    matrix_view<const double> costs;     ///< a row for each task, a column for each GPU
    matrix_view<const amount> loads;     ///< of the same shape
    std::span<const amount> capacities;  ///< one for each GPU
};

/// Computes `candidate_lists` on the device: the same GPUs in the same order. All addresses are in device memory.
/// Queued on the stream; allocates nothing.
///
/// @param prices  of capacity, one for each GPU: `lagrangian_bound::prices`
/// @param width   GPUs for each task, at most the number of GPUs
/// @param lists   `width` positions for each task
///
/// O(tasks × GPUs × width); equal to the host's bit for bit (products and sums are not fused).
[[nodiscard]] inline result<void> list_candidates(const device_tables& p, std::span<const double> prices,
                                                  std::size_t width, std::span<std::uint32_t> lists,
                                                  cudaStream_t stream) {
    namespace rows = detail::rows;
    const std::size_t tasks = p.costs.rows();
    const std::size_t gpus = p.costs.cols();
    BERTH_ASSERT(p.loads.rows() == tasks && p.loads.cols() == gpus && p.capacities.size() == gpus &&
                     prices.size() == gpus,
                 "berth: list_candidates takes tables of the same shape and a price for each GPU");
    BERTH_ASSERT(width <= gpus && lists.size() == tasks * width,
                 "berth: list_candidates writes at most every GPU of every task");
    if (tasks == 0 || width == 0) return {};
    const rows::priced_rows<rows::matrix_pairs> priced{
        {p.costs.data(), p.loads.data(), gpus}, p.capacities.data(), prices.data()};
    const std::size_t wanted = (tasks + rows::warps_of_block - 1) / rows::warps_of_block;
    const auto blocks = static_cast<unsigned>(wanted < 65'535 ? wanted : 65'535);
    rows::list_candidates<<<blocks, rows::warps_of_block * rows::lanes_of_warp, 0, stream>>>(
        priced, tasks, static_cast<std::uint32_t>(width), lists.data());
    return check_launch("list_candidates");
}

}  // namespace cuda

}  // namespace berth::inline v0
