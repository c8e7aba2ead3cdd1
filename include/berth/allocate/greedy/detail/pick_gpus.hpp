// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// The `wanted` GPUs that come first by `before(free share a, free share b)`, ties to the lowest position.
template <class Before>
[[nodiscard]] constexpr gpu_mask pick_gpus(const node_view& node, std::size_t wanted, gpu_mask fitting, Before before) {
    if (gpu_count(fitting) == wanted) return fitting;
    gpu_mask picked = 0;
    for (std::size_t k = 0; k < wanted; ++k) {
        std::size_t best = lowest_gpu(fitting);
        for (gpu_mask rest = fitting & (fitting - 1); rest != 0; rest &= rest - 1) {
            const std::size_t i = lowest_gpu(rest);
            if (before(node.free_share(i), node.free_share(best))) best = i;
        }
        picked |= gpu_mask{1} << best;
        fitting &= ~(gpu_mask{1} << best);
    }
    return picked;
}

/// True if an earlier GPU of the mask equals GPU i in model, capacities and free counters.
[[nodiscard]] constexpr bool repeats_earlier_gpu(const node_view& node, gpu_mask fitting, std::size_t i) {
    const auto alike = [&](std::size_t j) {
        if (node.free_share(i) != node.free_share(j) || node.model(i) != node.model(j)) return false;
        const auto capacity_i = node.fleet->capacity(node.fleet->gpu(node.index, i));
        const auto capacity_j = node.fleet->capacity(node.fleet->gpu(node.index, j));
        for (std::size_t r = 0; r < node.gpu_counters; ++r) {
            if (node.free_gpu(i)[r] != node.free_gpu(j)[r] || capacity_i[r] != capacity_j[r]) return false;
        }
        return true;
    };
    for (gpu_mask rest = fitting & first_gpus(i); rest != 0; rest &= rest - 1) {
        if (alike(lowest_gpu(rest))) return true;
    }
    return false;
}

/// For a task on one GPU: the GPU with the best `value(shares)` of the node's free shares without the task, one
/// evaluation for equal GPUs. A later GPU wins only by more than `margin`.
template <class Shares, class Value>
[[nodiscard]] constexpr scored_gpus<double> best_gpu_by_shares(const candidate& c, gpu_mask fitting, Shares shares,
                                                               double margin, Value value) {
    scored_gpus<double> found{};
    for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
        const std::size_t i = lowest_gpu(rest);
        if (repeats_earlier_gpu(c.node, fitting, i)) continue;
        const amount left = c.node.free_share(i);
        shares.replace(left, left - c.demand.gpu[0]);
        const double v = value(shares);
        shares.replace(left - c.demand.gpu[0], left);
        if (found.gpus == 0 || v > found.value + margin) found = {v, gpu_mask{1} << i};
    }
    return found;
}

/// True if a mask has exactly `wanted` GPUs. Cheaper than counting for the small numbers that tasks want.
[[nodiscard]] constexpr bool has_exactly(gpu_mask gpus, std::size_t wanted) noexcept {
    return has_gpus(gpus, wanted) && !has_gpus(gpus, wanted + 1);
}

}  // namespace berth::inline v0::detail
