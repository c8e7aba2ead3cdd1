// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The items that changed after a given time, latest first, each once: a doubly linked list in the order of the last
/// change. `note` is O(1), `for_each_since` O(items visited).
class change_list {
public:
    explicit change_list(std::size_t size = 0) : items_(size) {}

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    /// More items, which never changed. If an allocation fails, nothing has changed.
    void resize(std::size_t size) {
        items_.make_room(size);
        items_.resize(size);
    }

    /// The time of the latest change. It starts at 1, so that callers can use 0 for "never read".
    [[nodiscard]] std::uint64_t now() const noexcept { return now_; }
    [[nodiscard]] bool ever_changed(std::size_t item) const noexcept { return items_[item].changed_at != 0; }

    void note(std::size_t item) noexcept {
        const auto i = static_cast<std::uint32_t>(item);
        record& at = items_[i];
        ++now_;
        if (newest_ != i) {
            if (at.changed_at != 0) {
                items_[at.newer].older = at.older;
                if (at.older != none) items_[at.older].newer = at.newer;
            }
            at.older = newest_;
            at.newer = none;
            if (newest_ != none) items_[newest_].newer = i;
            newest_ = i;
        }
        at.changed_at = now_;
    }

    /// Calls `visit(item)` for every item that changed after `time`.
    template <class Visit>
    void for_each_since(std::uint64_t time, Visit visit) const {
        for (std::uint32_t i = newest_; i != none && items_[i].changed_at > time; i = items_[i].older) {
            visit(std::size_t{i});
        }
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    struct record {
        std::uint64_t changed_at = 0;
        std::uint32_t newer = none;
        std::uint32_t older = none;
    };
    flat<record> items_;
    std::uint32_t newest_ = none;
    std::uint64_t now_ = 1;
};

}  // namespace berth::inline v0::detail
