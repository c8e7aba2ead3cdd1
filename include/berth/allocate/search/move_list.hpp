// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// The moves of one proposal: of distinct tasks, carried out together. Keeps its memory; allocates only beyond
/// `reserve`.
class move_list {
public:
    /// Room for as many moves.
    void reserve(std::size_t size) { list_.reserve(size); }
    /// Removes all moves.
    void clear() noexcept { list_.clear(); }
    /// Appends a move of a task that has none.
    void push(const task_move& r) { list_.push_back(r); }
    /// Keeps the first `size` moves.
    void shorten(std::size_t size) noexcept {
        while (list_.size() > size) list_.pop_back();
    }
    /// Removes moves to the slot that the task has. Keeps the order.
    void drop_idle() noexcept {
        std::size_t kept = 0;
        for (const task_move& r : list_) {
            if (!(r.from == r.to)) list_[kept++] = r;
        }
        shorten(kept);
    }
    /// Number of moves.
    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
    /// True without any move.
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
    /// The i-th move, i below `size()`.
    [[nodiscard]] task_move& operator[](std::size_t i) noexcept { return list_[i]; }
    /// The i-th move, i below `size()`.
    [[nodiscard]] const task_move& operator[](std::size_t i) const noexcept { return list_[i]; }
    /// True if the task has a move. O(moves).
    [[nodiscard]] bool has(task_index t) const noexcept {
        for (const task_move& r : list_) {
            if (r.task == t) return true;
        }
        return false;
    }
    /// All moves; valid until the list changes.
    [[nodiscard]] task_moves view() const noexcept { return list_.view(); }

private:
    detail::flat<task_move> list_;
};

}  // namespace berth::inline v0
