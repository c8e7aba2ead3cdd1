// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Which of n items changed since the best was kept, each once: lets a `search_state` keep and restore its best in
/// O(changes) instead of O(n). Allocates nothing after its construction.
class change_log {
public:
    /// None of the items has changed. O(items).
    explicit change_log(std::size_t items) : changed_(items) { changes_.reserve(items); }

    /// Notes a change. O(1).
    void note(std::size_t item) {
        if (changed_[item] != 0) return;
        changed_[item] = 1;
        changes_.push_back(static_cast<std::uint32_t>(item));
    }
    /// `f(item)` for each changed item in the order of their first changes; then none has changed.
    template <class F>
    void take(const F& f) {
        for (const std::uint32_t item : changes_) {
            changed_[item] = 0;
            f(std::size_t{item});
        }
        changes_.clear();
    }
    /// Number of changed items.
    [[nodiscard]] std::size_t size() const noexcept { return changes_.size(); }

private:
    detail::flat<std::uint8_t> changed_;
    detail::flat<std::uint32_t> changes_;
};

}  // namespace berth::inline v0
