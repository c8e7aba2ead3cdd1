// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include <span>

namespace berth::inline v0 {

/// One task goes from one slot to another; either may be `unplaced`.
struct task_move {
    task_index task{};  ///< the task that moves
    slot from{};        ///< its slot before the move
    slot to{};          ///< its slot after the move

    /// Equal task and slots.
    friend constexpr bool operator==(const task_move&, const task_move&) noexcept = default;
};

/// A move between two different GPUs of a task that has one GPU before and one after. `objective_state` translates such
/// a move once, for all terms that accept this form.
struct gpu_move {
    task_index task{};  ///< the task that moves
    gpu_index from{};   ///< its GPU before the move
    gpu_index to{};     ///< its GPU after the move
};

/// Moves that happen at the same time: of distinct tasks, in any order.
using task_moves = std::span<const task_move>;

}  // namespace berth::inline v0
