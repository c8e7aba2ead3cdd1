// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The steps that a search may still take, and whether it was told to stop.
class gang_budget {
public:
    /// @param interrupted  polled every 64 steps: true to stop
    template <class Interrupted>
    gang_budget(std::uint64_t steps, const Interrupted& interrupted) noexcept
        : most_{steps},
          who_{&interrupted},
          ask_{[](const void* who) { return static_cast<bool>((*static_cast<const Interrupted*>(who))()); }} {}

    /// False from the moment on when the search has to end.
    [[nodiscard]] bool spend() {
        if (out_) return false;
        if (used_ >= most_ || (used_ % 64 == 0 && ask_(who_))) {
            out_ = true;
            return false;
        }
        ++used_;
        return true;
    }
    /// Ends the search as if the budget had run out.
    void give_up() noexcept { out_ = true; }
    [[nodiscard]] bool out() const noexcept { return out_; }
    [[nodiscard]] std::uint64_t used() const noexcept { return used_; }

private:
    std::uint64_t most_;
    std::uint64_t used_ = 0;
    bool out_ = false;
    const void* who_;
    bool (*ask_)(const void*);
};

/// A set of numbers below 2^64 - 1, by open addressing.
class number_set {
public:
    [[nodiscard]] bool contains(std::uint64_t number) const noexcept {
        return !slots_.empty() && slots_[probe(number)] != 0;
    }
    void insert(std::uint64_t number) {
        if (size_ * 2 >= slots_.size()) grow();
        std::uint64_t& at = slots_[probe(number)];
        size_ += at == 0 ? 1U : 0U;
        at = number + 1;
    }
    void clear() noexcept {
        size_ = 0;
        slots_.clear();
    }

private:
    [[nodiscard]] std::size_t probe(std::uint64_t number) const noexcept {
        std::uint64_t h = number * 0x9e3779b97f4a7c15ULL;
        std::size_t at = static_cast<std::size_t>(h ^ (h >> 32U)) & (slots_.size() - 1);
        while (slots_[at] != 0 && slots_[at] != number + 1) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    void grow() {
        flat<std::uint64_t> old(slots_.empty() ? 64 : slots_.size() * 2, 0);
        old.swap(slots_);
        for (const std::uint64_t stored : old) {
            if (stored != 0) slots_[probe(stored - 1)] = stored;
        }
    }

    flat<std::uint64_t> slots_;  // number + 1, 0 if free
    std::size_t size_ = 0;
};

}  // namespace berth::inline v0::detail
