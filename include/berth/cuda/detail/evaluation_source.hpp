// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/batch/evaluate_tile.hpp"
#include "berth/core/config.hpp"
#include "berth/cuda/pair_functor.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace berth::inline v0::detail::evaluation {

/// Cost and load of one gene.
template <class Word>
struct gene_entry {
    Word load = 0;
    std::uint64_t summand = 0;
};

/// Costs and loads from a packed table. A row has an element for each GPU; rows share nothing.
template <class Word>
struct table_source {
    packed_table<Word> table{};

    using word = Word;
    using unit = Word;
    static constexpr bool in_table = true;

    [[nodiscard]] BERTH_HD std::size_t tasks() const noexcept { return table.tasks; }
    [[nodiscard]] BERTH_HD std::size_t gpus() const noexcept { return table.gpus; }
    [[nodiscard]] BERTH_HD amount capacity(std::size_t gpu) const noexcept { return table.capacities[gpu]; }
    [[nodiscard]] BERTH_HD std::size_t row_units() const noexcept { return table.gpus; }
    [[nodiscard]] BERTH_HD const unit* row(std::size_t task) const noexcept { return table.words + task * table.gpus; }
    [[nodiscard]] BERTH_HD std::size_t fixed_units() const noexcept { return 0; }
    [[nodiscard]] BERTH_HD const unit* fixed() const noexcept { return nullptr; }
    [[nodiscard]] BERTH_HD gene_entry<Word> look(const unit* row, const unit* /*fixed*/,
                                                 std::size_t gpu) const noexcept {
        const Word pair = row[gpu];
        return {packing<Word>::load(pair), packing<Word>::summand(pair)};
    }
    [[nodiscard]] BERTH_HD double cost(std::uint64_t sum, std::uint64_t loads) const noexcept {
        return static_cast<double>(table.base + static_cast<std::int64_t>(packing<Word>::cost_of_sum(sum, loads))) *
               table.unit;
    }
};

/// Costs and loads from features. A row has a task's features; all rows share those of the GPUs, which are `pitch`
/// apart: an odd number, so that lanes reading different GPUs read from different banks.
template <pair_functor Functor>
struct feature_source {
    Functor pair;
    const float* task_features = nullptr;
    const float* gpu_features = nullptr;
    const amount* capacities = nullptr;
    std::size_t task_count = 0;
    std::size_t gpu_count = 0;
    std::size_t task_width = 0;
    std::size_t pitch = 1;
    double cost_unit = 1.0;

    using word = std::uint32_t;
    using unit = float;
    static constexpr bool in_table = false;

    [[nodiscard]] BERTH_HD std::size_t tasks() const noexcept { return task_count; }
    [[nodiscard]] BERTH_HD std::size_t gpus() const noexcept { return gpu_count; }
    [[nodiscard]] BERTH_HD amount capacity(std::size_t gpu) const noexcept { return capacities[gpu]; }
    [[nodiscard]] BERTH_HD std::size_t row_units() const noexcept { return task_width; }
    [[nodiscard]] BERTH_HD const unit* row(std::size_t task) const noexcept {
        return task_features + task * task_width;
    }
    [[nodiscard]] BERTH_HD std::size_t fixed_units() const noexcept { return gpu_count * pitch; }
    [[nodiscard]] BERTH_HD const unit* fixed() const noexcept { return gpu_features; }
    [[nodiscard]] BERTH_HD gene_entry<word> look(const unit* row, const unit* fixed, std::size_t gpu) const noexcept {
        const pair_units units = pair(row, fixed + gpu * pitch);
        return {units.load, static_cast<std::uint64_t>(units.cost)};
    }
    [[nodiscard]] BERTH_HD double cost(std::uint64_t sum, std::uint64_t /*loads*/) const noexcept {
        return static_cast<double>(static_cast<std::int64_t>(sum)) * cost_unit;
    }
    [[nodiscard]] BERTH_HD static constexpr std::size_t pitch_of(std::size_t width) noexcept { return width | 1U; }
};

static_assert(std::is_trivially_copyable_v<table_source<std::uint32_t>>);

}  // namespace berth::inline v0::detail::evaluation
