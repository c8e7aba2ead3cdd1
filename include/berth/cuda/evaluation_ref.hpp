// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace berth::inline v0 {

/// A packed problem for kernels of your own: passed by value, owns nothing, valid as long as the owner of its table. On
/// the host it refers to a `packed_problem`, on a device to a `cuda::evaluation`. Positions are unchecked.
///
/// ```
/// __global__ void mine(berth::evaluation_ref<std::uint32_t> problem, ...) {
///     values[i] = problem.value_of(genes, loads);
/// }
/// ```
template <class Word>
struct evaluation_ref {
    detail::packed_table<Word> table{};  ///< costs, loads and capacities

    using word = Word;  ///< of the table: a cost and a load

    /// Number of tasks.
    [[nodiscard]] BERTH_HD constexpr std::size_t tasks() const noexcept { return table.tasks; }
    /// Number of GPUs.
    [[nodiscard]] BERTH_HD constexpr std::size_t gpus() const noexcept { return table.gpus; }
    /// Capacity of a GPU.
    [[nodiscard]] BERTH_HD constexpr amount capacity(std::size_t gpu) const noexcept { return table.capacities[gpu]; }
    /// Cost of a task on a GPU, in units above the task's cheapest GPU.
    [[nodiscard]] BERTH_HD constexpr std::uint64_t cost(std::size_t task, std::size_t gpu) const noexcept {
        return detail::packing<Word>::cost(table.words[task * table.gpus + gpu]);
    }
    /// Load of a task on a GPU.
    [[nodiscard]] BERTH_HD constexpr amount load(std::size_t task, std::size_t gpu) const noexcept {
        return static_cast<amount>(detail::packing<Word>::load(table.words[task * table.gpus + gpu]));
    }
    /// Cost and excess of an individual, computed by one thread. O(tasks + GPUs).
    ///
    /// @param genes   the GPU of every task
    /// @param loads   a word for each GPU, `stride` words apart; holds the loads afterwards
    /// @param stride  1 or more
    template <gene Gene>
    [[nodiscard]] BERTH_HD assignment_value value_of(const Gene* genes, Word* loads,
                                                     std::size_t stride = 1) const noexcept {
        for (std::size_t g = 0; g < table.gpus; ++g) loads[g * stride] = 0;
        const std::uint64_t sum = detail::add_genes(table.words, table.gpus, genes, table.tasks, loads, stride);
        return detail::finish(table, sum, loads, nullptr, stride);
    }
};
static_assert(std::is_trivially_copyable_v<evaluation_ref<std::uint32_t>>);

}  // namespace berth::inline v0
