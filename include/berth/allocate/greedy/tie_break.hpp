// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/fleet.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Customisation point: which of equally good nodes wins, by a fixed order of all nodes. `rank(fleet)` returns every
/// node once, first choice first, so that ties act as a first fit; a placer ignores unknown and repeated nodes and
/// appends missing ones. Write one to prefer some nodes among nodes of equal score:
///
/// ```
/// struct newest_first {
///     std::vector<node_index> rank(const fleet& fleet) const {
///         std::vector<node_index> order = lowest_index::rank(fleet);
///         std::reverse(order.begin(), order.end());
///         return order;
///     }
/// };
/// ```
template <class T>
concept tie_break = requires(const T& t, const fleet& f) {
    { t.rank(f) } -> std::same_as<std::vector<node_index>>;
};

/// The node that was added first.
struct lowest_index {
    /// All nodes as they were added. O(nodes).
    // Static because g++ 12 takes the address of an empty member for a use of its uninitialised byte.
    [[nodiscard]] static std::vector<node_index> rank(const fleet& fleet) {
        std::vector<node_index> order(fleet.node_count());
        for (std::size_t n = 0; n < order.size(); ++n) order[n] = node_index{n};
        return order;
    }
};

/// The node with the lowest number; the first added on equal numbers.
struct priority_order {
    std::vector<std::uint32_t> priorities;  ///< per node; nodes without a number come last

    /// All nodes by their numbers. O(nodes log nodes).
    [[nodiscard]] std::vector<node_index> rank(const fleet& fleet) const {
        const auto number = [&](std::size_t n) {
            return n < priorities.size() ? std::uint64_t{priorities[n]} : std::numeric_limits<std::uint64_t>::max();
        };
        const auto before = [&](std::size_t a, std::size_t b) {
            return number(a) != number(b) ? number(a) < number(b) : a < b;
        };
        const auto sorted = detail::sorted_positions(fleet.node_count(), before);
        std::vector<node_index> order(sorted.size());
        for (std::size_t i = 0; i < sorted.size(); ++i) order[i] = node_index{sorted[i]};
        return order;
    }
};

/// A random but fixed order.
struct random_order {
    std::uint64_t seed = 0;  ///< decides the order; the same for every fleet of equal size

    /// All nodes, shuffled. O(nodes).
    [[nodiscard]] std::vector<node_index> rank(const fleet& fleet) const {
        std::vector<node_index> order = lowest_index::rank(fleet);
        xoshiro256 generator{seed};
        shuffle(generator, std::span{order});
        return order;
    }
};

static_assert(tie_break<lowest_index> && tie_break<priority_order> && tie_break<random_order>);

}  // namespace berth::inline v0
