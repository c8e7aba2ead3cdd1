// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Tasks without which a demand fits on a node. Of one or two tasks all are necessary; of three, two may be enough.
struct eviction {
    node_index node{};
    std::uint32_t count = 0;
    std::array<task_index, 3> tasks{};
    amount share = 0;  ///< GPU thousandths of the tasks
    amount left = 0;   ///< thousandths left on the demand's own GPU afterwards

    [[nodiscard]] std::span<const task_index> all() const noexcept { return {tasks.data(), count}; }
};

}  // namespace berth::inline v0::detail
