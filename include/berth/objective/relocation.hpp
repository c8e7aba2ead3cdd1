// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include <span>

namespace berth {

/// One task goes from one slot to another; either may be `unplaced`. `from` is where it is before the relocation.
struct relocation {
    task_index task{};
    slot from{};
    slot to{};

    friend constexpr bool operator==(const relocation&, const relocation&) noexcept = default;
};

/// A relocation between two different GPUs of a task that has one GPU before and one after, by their positions in the fleet. What
/// `objective_state` makes of such a relocation once, for all terms that understand it.
struct gpu_relocation {
    task_index task{};
    gpu_index from{};
    gpu_index to{};
};

/// Relocations that happen at the same time: of distinct tasks, in any order.
using relocations = std::span<const relocation>;

}  // namespace berth
