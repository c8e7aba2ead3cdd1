// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/list_pool.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The vacant positions of nodes by their room for GPUs: a heap for each size, the lowest position on top. What is
/// found depends on which positions are vacant, not on the way there.
class vacant_rooms {
public:
    vacant_rooms() { heaps_.resize(max_gpus_per_node + 1); }

    /// The lowest position with the least room that suffices; not valid if there is none. O(sizes).
    [[nodiscard]] node_index find(std::size_t gpus) const noexcept {
        for (std::size_t room = gpus; room < heaps_.size(); ++room) {
            if (!heaps_[room].empty()) return node_index{heaps_[room][0]};
        }
        return {};
    }
    /// Makes sure that the next `add` of this size does not allocate. If an allocation fails, nothing has changed.
    void reserve(std::size_t room) { heaps_.reserve(room); }
    /// O(log positions).
    void add(std::size_t room, node_index n) {
        heaps_.push_back(room, static_cast<std::uint32_t>(n.value()));
        for (std::size_t i = heaps_[room].size() - 1; i > 0 && swap_if_less(room, i, (i - 1) / 2);) i = (i - 1) / 2;
    }
    /// Takes out what `find` found, or the largest position, which was the last to be added. O(log positions).
    void remove(std::size_t room, node_index n) noexcept {
        const std::span<const std::uint32_t> heap = heaps_[room];
        const bool top = heap[0] == n.value();
        BERTH_ASSERT(top || heap.back() == n.value(), "berth: the position is at one end of its heap");
        heaps_.swap_remove(room, top ? 0 : heap.size() - 1);
        const std::size_t size = heaps_[room].size();
        for (std::size_t i = 0, child = 1; top && child < size; i = child, child = 2 * i + 1) {
            if (child + 1 < size && heaps_[room][child + 1] < heaps_[room][child]) ++child;
            if (!swap_if_less(room, child, i)) break;
        }
    }
    void clear() noexcept {
        for (std::size_t room = 0; room < heaps_.size(); ++room) heaps_.clear(room);
    }

private:
    bool swap_if_less(std::size_t room, std::size_t child, std::size_t parent) noexcept {
        std::uint32_t& a = heaps_.at(room, child);
        std::uint32_t& b = heaps_.at(room, parent);
        if (b < a) return false;
        const std::uint32_t lower = a;
        a = b;
        b = lower;
        return true;
    }

    list_pool<std::uint32_t> heaps_;
};

}  // namespace berth::inline v0::detail
