// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// Moves that a neighbourhood proposes: of distinct tasks, to happen together. Keeps its memory.
class move_list {
public:
    void reserve(std::size_t size) { list_.reserve(size); }
    void clear() noexcept { list_.clear(); }
    void push(const task_move& r) { list_.push_back(r); }
    /// Keeps the first `size`.
    void shorten(std::size_t size) noexcept {
        while (list_.size() > size) list_.pop_back();
    }
    /// Leaves out what goes where it is. Keeps the order.
    void drop_idle() noexcept {
        std::size_t kept = 0;
        for (const task_move& r : list_) {
            if (!(r.from == r.to)) list_[kept++] = r;
        }
        shorten(kept);
    }
    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
    [[nodiscard]] task_move& operator[](std::size_t i) noexcept { return list_[i]; }
    [[nodiscard]] const task_move& operator[](std::size_t i) const noexcept { return list_[i]; }
    [[nodiscard]] bool has(task_index t) const noexcept {
        for (const task_move& r : list_) {
            if (r.task == t) return true;
        }
        return false;
    }
    [[nodiscard]] task_moves view() const noexcept { return list_.view(); }

private:
    detail::flat<task_move> list_;
};

}  // namespace berth::inline v0
