// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"
#include "berth/model/resources.hpp"

#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// Cost, excess, balance and moves of one individual of a population. Integers except for the cost, so equal on every
/// device and on the host.
struct assignment_measures {
    assignment_value value{};  ///< cost and excess
    amount largest_load = 0;   ///< of a GPU: the makespan, if loads are times
    amount least_load = 0;     ///< of a GPU
    /// Sum of the squares of loads over GPUs; exact while the loads of all tasks together stay below 2^32, as they do
    /// with 32-bit words, and modulo 2^64 beyond.
    std::uint64_t squared_loads = 0;
    std::uint64_t moved_weight = 0;  ///< sum of the weights of tasks that are not on their initial GPU

    /// Difference between the largest and the least load.
    [[nodiscard]] BERTH_HD constexpr amount spread() const noexcept { return largest_load - least_load; }
    friend constexpr bool operator==(const assignment_measures&, const assignment_measures&) noexcept = default;
};

/// The GPU of a task that does not run yet, in an initial placement: it counts as moved nowhere.
inline constexpr std::uint32_t no_initial_gpu = 0xffff'ffffU;

/// The GPUs on which tasks run now, and the weights of moving them. Views of host memory, read by
/// `cuda::evaluator::prepare`.
struct initial_placement {
    std::span<const std::uint32_t> gpus{};     ///< of each task: a position or `no_initial_gpu`; empty: none runs
    std::span<const std::uint32_t> weights{};  ///< of each task; empty: all are 1
};

}  // namespace berth::inline v0
