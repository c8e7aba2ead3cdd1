// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>

namespace berth::inline v0 {

/// What counts as one place for the tasks of a group.
struct place_of {
    static constexpr std::size_t node_level = std::numeric_limits<std::size_t>::max();
    std::size_t level = node_level;  ///< a level of domains (rack, zone, ...), or the node itself
};

}  // namespace berth::inline v0
