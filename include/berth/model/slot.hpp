// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// A set of GPUs of one node: bit i for its i-th GPU.
using gpu_mask = std::uint64_t;

/// The mask of the first `n` GPUs, n <= 64.
[[nodiscard]] BERTH_HD constexpr gpu_mask first_gpus(std::size_t n) noexcept {
    return n >= 64 ? ~gpu_mask{0} : (gpu_mask{1} << n) - 1;
}

/// The position of the lowest GPU of a mask; 64 if the mask is empty.
[[nodiscard]] constexpr std::size_t lowest_gpu(gpu_mask gpus) noexcept {
    return static_cast<std::size_t>(std::countr_zero(gpus));
}

/// The number of GPUs in a mask.
[[nodiscard]] constexpr std::size_t gpu_count(gpu_mask gpus) noexcept {
    return static_cast<std::size_t>(std::popcount(gpus));
}

/// True if a mask has at least `wanted` GPUs. Faster than `gpu_count` for the small numbers that tasks demand.
[[nodiscard]] constexpr bool has_gpus(gpu_mask gpus, std::size_t wanted) noexcept {
    for (; wanted > 1 && gpus != 0; --wanted) gpus &= gpus - 1;
    return wanted == 0 || gpus != 0;
}

/// The place of one task: a node and some of its GPUs, none for a task without GPUs. A default-constructed slot is
/// `unplaced`.
struct slot {
    node_index node{};  ///< not valid: the task has no place
    gpu_mask gpus = 0;  ///< GPUs of that node

    /// True if the slot has a node. Whether a fleet has such a slot is answered by `fleet::has`.
    [[nodiscard]] constexpr bool placed() const noexcept { return node.valid(); }
    /// The same node and GPUs.
    friend constexpr bool operator==(const slot&, const slot&) noexcept = default;
};

/// The slot of a task that is not placed.
inline constexpr slot unplaced{};

/// One slot for each task of a workload, `unplaced` for a task without a place.
using assignment = std::vector<slot>;

}  // namespace berth::inline v0
