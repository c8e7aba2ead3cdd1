// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/result.hpp"
#include "berth/cuda/detail/packed_pricing.hpp"
#include "berth/cuda/detail/pair_rows.hpp"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/error.cuh"
#include "berth/model/resources.hpp"

#include <cub/block/block_reduce.cuh>
#include <cub/warp/warp_reduce.cuh>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::inline v0 {

namespace detail::rows {

inline constexpr unsigned pricing_warps = 8;
inline constexpr unsigned pricing_lanes = 32;
inline constexpr unsigned pricing_threads = pricing_warps * pricing_lanes;

__device__ inline void add_to(std::uint64_t& to, std::uint64_t what) {
    atomicAdd(reinterpret_cast<unsigned long long*>(&to), static_cast<unsigned long long>(what));
}

/// A warp for each row.
template <class Word>
__global__ void __launch_bounds__(pricing_threads)
    survey_rows(const __grid_constant__ packed_table<Word> table, table_survey* all) {
    using reduce_row = cub::WarpReduce<row_survey>;
    using reduce_block = cub::BlockReduce<std::uint64_t, static_cast<int>(pricing_threads)>;
    __shared__ union {
        typename reduce_row::TempStorage rows[pricing_warps];
        typename reduce_block::TempStorage block;
    } storage;
    const unsigned warp = threadIdx.x / pricing_lanes;
    const unsigned lane = threadIdx.x % pricing_lanes;
    table_survey mine;
    for (std::size_t t = std::size_t{blockIdx.x} * pricing_warps + warp; t < table.tasks;
         t += std::size_t{gridDim.x} * pricing_warps) {
        const row_survey row =
            reduce_row{storage.rows[warp]}.Reduce(survey_row(table, t, lane, pricing_lanes), merge_surveys{});
        __syncwarp();
        if (lane == 0) {
            mine.spread += row.spread();
            mine.most += row.most;
            mine.unplaceable += row.fitting == 0 ? 1 : 0;
        }
    }
    __syncthreads();
    const std::uint64_t spread = reduce_block{storage.block}.Sum(mine.spread);
    __syncthreads();
    const std::uint64_t most = reduce_block{storage.block}.Sum(mine.most);
    __syncthreads();
    const std::uint64_t unplaceable = reduce_block{storage.block}.Sum(mine.unplaceable);
    if (threadIdx.x == 0) {
        add_to(all->spread, spread);
        add_to(all->most, most);
        add_to(all->unplaceable, unplaceable);
    }
}

/// A warp for each row finds its cheapest GPU and adds the task's load there. `totals` is the sum of least costs, then
/// the loads. Sums are of integers, so the order of threads does not matter.
template <class Word>
__global__ void __launch_bounds__(pricing_threads)
    price_rows(const __grid_constant__ priced_rows<packed_pairs<Word>> rows, std::size_t tasks, cost_counting count,
               std::uint64_t* totals) {
    using reduce_row = cub::WarpReduce<priced_gpu>;
    using reduce_block = cub::BlockReduce<std::uint64_t, static_cast<int>(pricing_threads)>;
    __shared__ union {
        typename reduce_row::TempStorage rows[pricing_warps];
        typename reduce_block::TempStorage block;
    } storage;
    const unsigned warp = threadIdx.x / pricing_lanes;
    const unsigned lane = threadIdx.x % pricing_lanes;
    std::uint64_t mine = 0;
    for (std::size_t t = std::size_t{blockIdx.x} * pricing_warps + warp; t < tasks;
         t += std::size_t{gridDim.x} * pricing_warps) {
        const priced_gpu least =
            reduce_row{storage.rows[warp]}.Reduce(lowest<cheaper>(rows, t, lane, pricing_lanes), cheaper{});
        __syncwarp();
        if (lane == 0) {
            mine += count(least.reduced);
            add_to(totals[1 + least.gpu], static_cast<std::uint64_t>(least.load));
        }
    }
    __syncthreads();
    const std::uint64_t sum = reduce_block{storage.block}.Sum(mine);
    if (threadIdx.x == 0) add_to(totals[0], sum);
}

/// Visits the rows of a packed table that lies on a device. Keeps the first error.
template <class Word>
class device_rows {
public:
    device_rows(const packed_table<Word>& table, cudaStream_t stream) : table_{table}, stream_{stream} {}

    /// Allocates all memory and copies the table.
    [[nodiscard]] result<void> prepare() {
        auto words = cuda::to_device(std::span{table_.words, table_.tasks * table_.gpus}, stream_);
        if (!words) return words.error();
        auto capacities = cuda::to_device(std::span{table_.capacities, table_.gpus}, stream_);
        if (!capacities) return capacities.error();
        auto prices = cuda::device_buffer<double>::allocate(table_.gpus);
        if (!prices) return prices.error();
        auto totals = cuda::device_buffer<std::uint64_t>::allocate(1 + table_.gpus);
        if (!totals) return totals.error();
        auto surveyed = cuda::device_buffer<table_survey>::allocate(1);
        if (!surveyed) return surveyed.error();
        words_ = std::move(*words);
        capacities_ = std::move(*capacities);
        prices_ = std::move(*prices);
        totals_ = std::move(*totals);
        survey_ = std::move(*surveyed);
        back_.resize(totals_.size());
        table_.words = words_.data();
        table_.capacities = capacities_.data();
        return cuda::wait_for(stream_);
    }
    [[nodiscard]] bool survey(table_survey& all) {
        if (!ok(survey_.clear(stream_))) return false;
        survey_rows<<<blocks(), pricing_threads, 0, stream_>>>(table_, survey_.data());
        return ok(cuda::check_launch("bound_assignments, a survey of the costs")) &&
               ok(survey_.download({&all, 1}, stream_)) && ok(cuda::wait_for(stream_));
    }
    [[nodiscard]] bool price(std::span<const double> prices, const cost_counting& count, std::uint64_t& sum,
                             flat<amount>& loads) {
        if (!ok(prices_.upload(prices, stream_)) || !ok(totals_.clear(stream_))) return false;
        const priced_rows<packed_pairs<Word>> rows{{table_.words, table_.gpus}, table_.capacities, prices_.data()};
        price_rows<<<blocks(), pricing_threads, 0, stream_>>>(rows, table_.tasks, count, totals_.data());
        if (!ok(cuda::check_launch("bound_assignments, prices")) ||
            !ok(totals_.download({back_.data(), back_.size()}, stream_)) || !ok(cuda::wait_for(stream_))) {
            return false;
        }
        sum = back_[0];
        for (std::size_t g = 0; g < table_.gpus; ++g) loads[g] = static_cast<amount>(back_[1 + g]);
        return true;
    }

    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const berth::error& failure() const noexcept { return failure_; }

private:
    [[nodiscard]] bool ok(const result<void>& outcome) {
        if (outcome) return true;
        failure_ = outcome.error();
        failed_ = true;
        return false;
    }
    [[nodiscard]] unsigned blocks() const noexcept {
        const std::size_t wanted = (table_.tasks + pricing_warps - 1) / pricing_warps;
        return static_cast<unsigned>(wanted < 4096 ? wanted : 4096);
    }

    packed_table<Word> table_;
    cudaStream_t stream_;
    cuda::device_buffer<Word> words_;
    cuda::device_buffer<amount> capacities_;
    cuda::device_buffer<double> prices_;
    cuda::device_buffer<std::uint64_t> totals_;
    cuda::device_buffer<table_survey> survey_;
    flat<std::uint64_t> back_;
    berth::error failure_{};
    bool failed_ = false;
};

template <class Word>
[[nodiscard]] result<lagrangian_bound> bound_on_device(const packed_problem& p, const bound_options& options,
                                                       cudaStream_t stream) {
    device_rows<Word> rows{p.table<Word>(), stream};
    if (auto ok = rows.prepare(); !ok) return ok.error();
    lagrangian_bound bound = bound_by(rows, p, options);
    if (rows.failed()) return rows.failure();
    return bound;
}

}  // namespace detail::rows

namespace cuda {

/// The Lagrangian bound of a large problem and its prices, on a device: equal to `bound_packed` bit for bit. The table
/// is copied once; every iteration reads it on the device, uploads prices and downloads loads. Faster than the host
/// from some millions of pairs on; below, an iteration on the host takes less time than the transfers.
///
/// Waits for the stream. Allocates the table (4 or 8 bytes for every pair) and little else before the first iteration;
/// fails without a device, and if the device has too little memory. O(iterations × tasks × GPUs).
[[nodiscard]] inline result<lagrangian_bound> bound_assignments(const packed_problem& p, const bound_options& options,
                                                                cudaStream_t stream) {
    return p.word_bits() == 32 ? detail::rows::bound_on_device<std::uint32_t>(p, options, stream)
                               : detail::rows::bound_on_device<std::uint64_t>(p, options, stream);
}

}  // namespace cuda

}  // namespace berth::inline v0
