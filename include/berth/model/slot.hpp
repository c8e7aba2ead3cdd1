// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// GPUs of one node, bit i for its i-th GPU.
using gpu_mask = std::uint64_t;

/// A mask with the `n` lowest GPUs, n <= 64.
[[nodiscard]] BERTH_HD constexpr gpu_mask first_gpus(std::size_t n) noexcept {
    return n >= 64 ? ~gpu_mask{0} : (gpu_mask{1} << n) - 1;
}

/// The position of the lowest GPU of a mask that is not empty.
[[nodiscard]] constexpr std::size_t lowest_gpu(gpu_mask gpus) noexcept {
    return static_cast<std::size_t>(std::countr_zero(gpus));
}

/// The number of GPUs in a mask.
[[nodiscard]] constexpr std::size_t gpu_count(gpu_mask gpus) noexcept {
    return static_cast<std::size_t>(std::popcount(gpus));
}

/// True if a mask has at least `wanted` GPUs. Cheaper than counting for the small numbers that tasks want.
[[nodiscard]] constexpr bool has_gpus(gpu_mask gpus, std::size_t wanted) noexcept {
    for (; wanted > 1 && gpus != 0; --wanted) gpus &= gpus - 1;
    return wanted == 0 || gpus != 0;
}

/// One task's place: a node and some of its GPUs (none for a task that needs only the host).
struct slot {
    node_index node{};
    gpu_mask gpus = 0;

    [[nodiscard]] constexpr bool placed() const noexcept { return node.valid(); }
    friend constexpr bool operator==(const slot&, const slot&) noexcept = default;
};

/// The slot of a task that has no place.
inline constexpr slot unplaced{};

/// A slot, or `unplaced`, for every task of a workload.
using assignment = std::vector<slot>;

}  // namespace berth::inline v0
