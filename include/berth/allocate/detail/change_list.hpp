// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::detail {

/// Which items changed since when, latest first, each once: a doubly linked list in the order of the last change. `note` is
/// O(1); `for_each_since` costs the number of items it visits.
class change_list {
public:
    explicit change_list(std::size_t size) : changed_at_(size, 0), newer_(size, none), older_(size, none) {}

    /// The time of the latest change; starts at 1, so that 0 means "never looked".
    [[nodiscard]] std::uint64_t now() const noexcept { return now_; }
    [[nodiscard]] bool ever_changed(std::size_t item) const noexcept { return changed_at_[item] != 0; }

    void note(std::size_t item) noexcept {
        const auto i = static_cast<std::uint32_t>(item);
        ++now_;
        if (newest_ != i) {
            if (changed_at_[i] != 0) {
                older_[newer_[i]] = older_[i];
                if (older_[i] != none) newer_[older_[i]] = newer_[i];
            }
            older_[i] = newest_;
            newer_[i] = none;
            if (newest_ != none) newer_[newest_] = i;
            newest_ = i;
        }
        changed_at_[i] = now_;
    }

    /// Calls `visit(item)` for every item that changed after `time`.
    template <class Visit>
    void for_each_since(std::uint64_t time, Visit visit) const {
        for (std::uint32_t i = newest_; i != none && changed_at_[i] > time; i = older_[i]) visit(std::size_t{i});
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    std::vector<std::uint64_t> changed_at_;
    std::vector<std::uint32_t> newer_;
    std::vector<std::uint32_t> older_;
    std::uint32_t newest_ = none;
    std::uint64_t now_ = 1;
};

}  // namespace berth::detail
