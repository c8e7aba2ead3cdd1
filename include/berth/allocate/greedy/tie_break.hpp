// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/random.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/fleet.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// A fixed order of nodes: of equally good nodes, the one that comes first wins. `rank(fleet)` returns all nodes, each once,
/// first choice first. Because the order is fixed, ties act as a first fit.
template <class T>
concept tie_break = requires(const T& t, const fleet& f) {
    { t.rank(f) } -> std::same_as<std::vector<node_index>>;
};

/// The node that was added first.
struct lowest_index {
    // Static because g++ 12 takes the address of an empty member for a use of its uninitialised byte.
    [[nodiscard]] static std::vector<node_index> rank(const fleet& fleet) {
        std::vector<node_index> order;
        order.reserve(fleet.node_count());
        for (std::size_t n = 0; n < fleet.node_count(); ++n) order.push_back(node_index{n});
        return order;
    }
};

/// The node with the lowest number, given one number per node; the first added on equal numbers.
struct priority_order {
    std::vector<std::uint32_t> priorities;

    [[nodiscard]] std::vector<node_index> rank(const fleet& fleet) const {
        BERTH_ASSERT(priorities.size() == fleet.node_count(), "berth: priority_order needs one number per node");
        const auto before = [&](std::size_t a, std::size_t b) {
            return priorities[a] != priorities[b] ? priorities[a] < priorities[b] : a < b;
        };
        std::vector<node_index> order;
        order.reserve(fleet.node_count());
        for (const std::size_t n : detail::sorted_positions(fleet.node_count(), before)) order.push_back(node_index{n});
        return order;
    }
};

/// A random but fixed order.
struct random_order {
    std::uint64_t seed = 0;

    [[nodiscard]] std::vector<node_index> rank(const fleet& fleet) const {
        std::vector<node_index> order = lowest_index::rank(fleet);
        xoshiro256 generator{seed};
        shuffle(generator, std::span{order});
        return order;
    }
};

static_assert(tie_break<lowest_index> && tie_break<priority_order> && tie_break<random_order>);

}  // namespace berth::inline v0
