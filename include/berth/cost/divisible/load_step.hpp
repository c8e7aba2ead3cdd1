// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Load of one task on one GPU: some or all of the task.
struct task_piece {
    task_index task{};  ///< the task
    gpu_index gpu{};    ///< where it is
    amount load = 0;    ///< not done yet, in thousandths of a unit of load, above 0

    /// Equal members.
    friend constexpr bool operator==(const task_piece&, const task_piece&) noexcept = default;
};

/// Load of a task that moves from one GPU to another.
struct load_shift {
    task_index task{};  ///< the task
    gpu_index from{};   ///< not valid: it was not placed before
    gpu_index to{};     ///< the new place
    amount load = 0;    ///< in thousandths of a unit of load, above 0

    /// Equal members.
    friend constexpr bool operator==(const load_shift&, const load_shift&) noexcept = default;
};

/// Load that must leave its GPU, or is not placed, and fits nowhere else.
struct stranded_load {
    task_index task{};  ///< the task
    gpu_index at{};     ///< where it stays; not valid: it is not placed
    amount load = 0;    ///< in thousandths of a unit of load, above 0

    /// Equal members.
    friend constexpr bool operator==(const stranded_load&, const stranded_load&) noexcept = default;
};

/// The changes of one step, in the order in which they were decided.
struct load_step {
    std::vector<load_shift> shifts;       ///< load that moved
    std::vector<stranded_load> stranded;  ///< load that fits nowhere
};

/// Which tasks may be cut, and into which pieces.
struct piece_options {
    std::span<const std::uint8_t> divisible{};  ///< per task, not 0: may be cut; empty: all may
    amount min_piece = 1;                       ///< smallest piece of a task that is cut, 1 or more, in thousandths
};

}  // namespace berth::inline v0
