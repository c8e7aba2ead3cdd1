// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/objective/relocation.hpp"

#include <cstddef>

namespace berth {

/// Relocations that a neighbourhood proposes: of distinct tasks, to happen together. Keeps its memory.
class relocation_list {
public:
    void reserve(std::size_t size) { list_.reserve(size); }
    void clear() noexcept { list_.clear(); }
    void push(const relocation& r) { list_.push_back(r); }
    /// Keeps the first `size`.
    void shorten(std::size_t size) noexcept {
        while (list_.size() > size) list_.pop_back();
    }
    /// Leaves out what goes where it is. Keeps the order.
    void drop_idle() noexcept {
        std::size_t kept = 0;
        for (const relocation& r : list_) {
            if (!(r.from == r.to)) list_[kept++] = r;
        }
        shorten(kept);
    }
    [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
    [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
    [[nodiscard]] relocation& operator[](std::size_t i) noexcept { return list_[i]; }
    [[nodiscard]] const relocation& operator[](std::size_t i) const noexcept { return list_[i]; }
    [[nodiscard]] bool has(task_index t) const noexcept {
        for (const relocation& r : list_) {
            if (r.task == t) return true;
        }
        return false;
    }
    [[nodiscard]] relocations view() const noexcept { return list_.view(); }

private:
    detail::flat<relocation> list_;
};

}  // namespace berth
