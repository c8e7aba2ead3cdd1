// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The tasks on each node, in an order that depends on the calls alone. Every node has a piece of one pool; a full
/// piece moves to a larger one. `add` and `remove` are O(1), amortised; nothing is allocated after construction.
class node_tasks {
public:
    node_tasks(std::size_t nodes, std::span<const slot> start) : pieces_(nodes), position_(start.size()) {
        for (const slot& where : start) {
            if (where.placed()) ++pieces_[where.node.value()].count;
        }
        pool_.resize(3 * start.size() + 8 * nodes + 8);
        spare_.resize(pool_.size());
        for (piece& p : pieces_) p = take(p.count, 0);
        for (std::size_t t = 0; t < start.size(); ++t) {
            if (start[t].placed()) add(task_index{t}, start[t].node);
        }
    }

    [[nodiscard]] std::span<const task_index> on(node_index n) const noexcept {
        const piece& p = pieces_[n.value()];
        return {pool_.data() + p.begin, p.count};
    }
    void add(task_index t, node_index n) {
        if (pieces_[n.value()].count == pieces_[n.value()].capacity) make_room(n);
        piece& p = pieces_[n.value()];
        pool_[p.begin + p.count] = t;
        position_[t.value()] = p.count++;
    }
    void remove(task_index t, node_index n) {
        piece& p = pieces_[n.value()];
        const std::uint32_t at = position_[t.value()];
        BERTH_ASSERT(at < p.count && pool_[p.begin + at] == t, "berth: the task is on this node");
        const task_index last = pool_[p.begin + --p.count];
        pool_[p.begin + at] = last;
        position_[last.value()] = at;
    }

private:
    struct piece {
        std::size_t begin = 0;
        std::uint32_t count = 0;
        std::uint32_t capacity = 0;
    };

    /// A piece at the end of the used part, with room for half as many tasks again.
    piece take(std::size_t wanted, std::size_t count) {
        const std::size_t capacity = wanted + wanted / 2 + 4;
        const piece p{used_, static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(capacity)};
        used_ += capacity;
        return p;
    }
    void make_room(node_index n) {
        const piece old = pieces_[n.value()];
        if (used_ + old.count + old.count / 2 + 4 <= pool_.size()) {
            const piece p = take(old.count, old.count);
            for (std::size_t i = 0; i < old.count; ++i) pool_[p.begin + i] = pool_[old.begin + i];
            pieces_[n.value()] = p;
            return;
        }
        used_ = 0;
        for (piece& each : pieces_) {
            const piece p = take(each.count, each.count);
            for (std::size_t i = 0; i < p.count; ++i) spare_[p.begin + i] = pool_[each.begin + i];
            each = p;
        }
        pool_.swap(spare_);
    }

    flat<piece> pieces_;
    flat<std::uint32_t> position_;  // of a task in its piece
    flat<task_index> pool_;
    flat<task_index> spare_;
    std::size_t used_ = 0;
};

}  // namespace berth::inline v0::detail
