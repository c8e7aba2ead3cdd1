// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>

namespace berth::inline v0 {

/// Which places terms over groups count: nodes, or the domains of one level.
struct place_of {
    static constexpr std::size_t node_level = std::numeric_limits<std::size_t>::max();  ///< every node is a place
    std::size_t level = node_level;  ///< a level of domains (rack, zone, ...), or the node itself
};

}  // namespace berth::inline v0
