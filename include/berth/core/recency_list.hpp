// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// Items in the order of their last use, for caches that drop what was not used for the longest time. Every call is
/// O(1); nothing but `resize` allocates.
class recency_list {
public:
    /// Room for items below `size`; it never becomes less. If an allocation fails, nothing has changed.
    void resize(std::size_t size) {
        if (size <= items_.size()) return;
        items_.make_room(size);
        items_.resize(size);
    }
    /// The number of items in the list.
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] bool contains(std::size_t item) const noexcept { return items_[item].listed; }
    /// The item that was not used for the longest time; there is one.
    [[nodiscard]] std::size_t oldest() const noexcept { return oldest_; }

    /// Calls `visit(item)`, oldest first.
    template <class Visit>
    void for_each(Visit visit) const {
        for (std::uint32_t i = oldest_; i != none; i = items_[i].newer) visit(std::size_t{i});
    }

    /// Makes an item the newest.
    void touch(std::size_t item) noexcept {
        const auto i = static_cast<std::uint32_t>(item);
        if (newest_ == i) return;
        remove(item);
        items_[item] = {none, newest_, true};
        if (newest_ != none) items_[newest_].newer = i;
        newest_ = i;
        if (oldest_ == none) oldest_ = i;
        ++count_;
    }
    void remove(std::size_t item) noexcept {
        record& at = items_[item];
        if (!at.listed) return;
        (at.newer == none ? newest_ : items_[at.newer].older) = at.older;
        (at.older == none ? oldest_ : items_[at.older].newer) = at.newer;
        at = {};
        --count_;
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    struct record {
        std::uint32_t newer = none;
        std::uint32_t older = none;
        bool listed = false;
    };
    flat<record> items_;
    std::uint32_t newest_ = none;
    std::uint32_t oldest_ = none;
    std::size_t count_ = 0;
};

}  // namespace berth::inline v0::detail
