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

/// Relocations that happen at the same time: of distinct tasks, in any order.
using relocations = std::span<const relocation>;

}  // namespace berth
