// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0::detail {

/// The positions of a table that things enter and leave, with the generation of each. A new thing takes the lowest
/// vacant position, so that the positions in use depend on what is there, not on the way there. A tree of bits: every
/// call is O(log64 positions).
class position_pool {
public:
    /// Positions that were ever taken: all are below.
    [[nodiscard]] std::size_t size() const noexcept { return generations_.size(); }
    /// Positions that are taken now.
    [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
    /// The lowest vacant position; `size()` if all are taken.
    [[nodiscard]] std::size_t lowest_vacant() const noexcept {
        if (taken_ == size()) return size();
        std::size_t at = 0;
        for (std::size_t l = levels_; l-- > 0;) {
            at = at * 64 + static_cast<std::size_t>(std::countr_zero(vacant_[l][at]));
        }
        return at;
    }
    [[nodiscard]] bool is_taken(std::size_t position) const noexcept {
        return position < size() && (vacant_[0][position / 64] >> position % 64 & 1U) == 0;
    }
    /// The lowest vacant position that is not below `from`; `size()` if there is none.
    [[nodiscard]] std::size_t next_vacant(std::size_t from) const noexcept {
        // Up to the first word that has something left to the right, then down to its lowest bit.
        for (std::size_t l = 0, at = from; l < levels_ && at / 64 < vacant_[l].size(); ++l, at = at / 64 + 1) {
            const std::uint64_t rest = vacant_[l][at / 64] >> at % 64;
            if (rest == 0) continue;
            at += static_cast<std::size_t>(std::countr_zero(rest));
            while (l-- > 0) at = at * 64 + static_cast<std::size_t>(std::countr_zero(vacant_[l][at]));
            return at;
        }
        return size();
    }
    /// The generation of the last occupant, 0 if there was none.
    [[nodiscard]] std::uint32_t generation(std::size_t position) const noexcept { return generations_[position]; }
    /// True if the occupant of that generation is there.
    [[nodiscard]] bool has(std::size_t position, std::uint32_t generation) const noexcept {
        return is_taken(position) && generations_[position] == generation;
    }

    /// Makes sure that the next `take` of the lowest vacant position does not allocate. If an allocation fails, nothing
    /// has changed.
    void reserve_one() {
        if (taken_ == size()) make_room();
    }
    /// Makes sure that the next `take(size())` does not allocate. If an allocation fails, nothing has changed.
    void make_room() {
        generations_.make_room(size() + 1);
        std::size_t words = size() + 1;
        std::size_t l = 0;
        do {
            words = (words + 63) / 64;
            vacant_[l++].make_room(words);
        } while (words > 1);
    }
    /// Takes a position that is vacant or `size()`. If an allocation fails, nothing has changed.
    void take(std::size_t position) {
        if (position == size()) {
            make_room();
            generations_.push_back(0);
            std::size_t words = size();
            levels_ = 0;
            do {
                words = (words + 63) / 64;
                flat<std::uint64_t>& level = vacant_[levels_];
                if (level.size() < words) {
                    const bool is_new = level.empty();
                    level.resize(words, 0);
                    // A new level starts with what is below it.
                    for (std::size_t w = 0; is_new && levels_ > 0 && w < vacant_[levels_ - 1].size(); ++w) {
                        if (vacant_[levels_ - 1][w] != 0) level[w / 64] |= std::uint64_t{1} << w % 64;
                    }
                }
                ++levels_;
            } while (words > 1);
        } else {
            mark(position, false);
        }
        if (++generations_[position] == 0) generations_[position] = 1;  // 0 stands for no occupant
        ++taken_;
    }
    /// Vacates a position that is taken.
    void vacate(std::size_t position) noexcept {
        BERTH_ASSERT(is_taken(position), "berth: the position is vacant");
        mark(position, true);
        --taken_;
    }
    /// Takes back the last `take` of a position, as if it had not been.
    void undo_take(std::size_t position) noexcept {
        vacate(position);
        --generations_[position];
    }
    /// Positions up to `size`; new ones are vacant and had no occupant. If an allocation fails, nothing has changed but
    /// the number of vacant positions.
    void extend(std::size_t size) {
        while (this->size() < size) {
            take(this->size());
            undo_take(this->size() - 1);
        }
    }
    /// Says how many occupants a vacant position had: for a table that is loaded.
    void set_generation(std::size_t position, std::uint32_t generation) noexcept {
        generations_[position] = generation;
    }

private:
    static constexpr std::size_t max_levels = 6;  // of 2^32 positions

    void mark(std::size_t position, bool vacant) noexcept {
        for (std::size_t l = 0; l < levels_; ++l) {
            std::uint64_t& word = vacant_[l][position / 64];
            const std::uint64_t bit = std::uint64_t{1} << position % 64;
            const bool empty_before = word == 0;
            word = vacant ? word | bit : word & ~bit;
            if (vacant ? !empty_before : word != 0) return;
            position /= 64;
        }
    }

    flat<std::uint32_t> generations_;
    flat<std::uint64_t> vacant_[max_levels];  // bit p of level 0: position p is vacant; above: a word below is not 0
    std::size_t levels_ = 0;
    std::size_t taken_ = 0;
};

}  // namespace berth::inline v0::detail
