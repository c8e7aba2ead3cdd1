// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include <span>

namespace berth::inline v0 {

/// One task goes from one slot to another; either may be `unplaced`. `from` is where it is before the move.
struct task_move {
    task_index task{};
    slot from{};
    slot to{};

    friend constexpr bool operator==(const task_move&, const task_move&) noexcept = default;
};

/// A move between two different GPUs of a task that has one GPU before and one after, by their positions in the fleet. What
/// `objective_state` makes of such a move once, for all terms that understand it.
struct gpu_move {
    task_index task{};
    gpu_index from{};
    gpu_index to{};
};

/// Moves that happen at the same time: of distinct tasks, in any order.
using task_moves = std::span<const task_move>;

}  // namespace berth::inline v0
