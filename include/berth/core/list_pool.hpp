// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// Many short lists in one block of memory: the tasks of each node, the members of each group. A list that is full
/// moves to the end of the block; once half of the block is abandoned, all lists are packed again. Appending and
/// removing are O(1), amortised. Memory O(lists + the most entries that each list had since all were packed last): one
/// that shrinks keeps its piece until then. Values that are appended may lie in the lists.
template <class T>
class list_pool {
public:
    [[nodiscard]] std::size_t size() const noexcept { return lists_.size(); }
    /// More lists, empty ones. If an allocation fails, nothing has changed.
    void resize(std::size_t lists) { lists_.resize(lists); }

    [[nodiscard]] std::span<const T> operator[](std::size_t list) const noexcept {
        return {pool_.data() + lists_[list].begin, lists_[list].count};
    }
    [[nodiscard]] T& at(std::size_t list, std::size_t i) noexcept {
        BERTH_ASSERT(i < lists_[list].count, "berth: the list is shorter");
        return pool_[lists_[list].begin + i];
    }

    /// Makes sure that `more` entries can be appended without an allocation, and still one after `reserve` of other
    /// lists. If an allocation fails, nothing has changed.
    void reserve(std::size_t list, std::size_t more = 1) {
        const piece old = lists_[list];
        if (old.count + more <= old.capacity) return;
        if (abandoned_ > 64 && 2 * abandoned_ > pool_.size()) pack();
        const std::size_t capacity = old.count + more + (old.count + more) / 2 + 2;
        const std::size_t begin = pool_.size();
        pool_.resize(begin + capacity);
        const piece from = lists_[list];  // packing may have moved it
        for (std::size_t i = 0; i < from.count; ++i) pool_[begin + i] = pool_[from.begin + i];
        abandoned_ += from.capacity;
        lists_[list] = {begin, from.count, static_cast<std::uint32_t>(capacity)};
    }
    /// Appends an entry; its position is the size of the list before.
    void push_back(std::size_t list, T value) {
        reserve(list);
        piece& p = lists_[list];
        pool_[p.begin + p.count++] = value;
    }
    /// Removes an entry; the last one takes its position.
    void swap_remove(std::size_t list, std::size_t i) noexcept {
        piece& p = lists_[list];
        BERTH_ASSERT(i < p.count, "berth: the list is shorter");
        pool_[p.begin + i] = pool_[p.begin + --p.count];
    }
    /// Inserts an entry before the first that is not less. O(entries of the list).
    void insert_sorted(std::size_t list, T value) {
        push_back(list, value);
        const piece& p = lists_[list];
        T* const entries = pool_.data() + p.begin;
        for (std::size_t i = p.count - 1; i > 0 && value < entries[i - 1]; --i) {
            entries[i] = entries[i - 1];
            entries[i - 1] = value;
        }
    }
    /// Removes an entry and keeps the order; false if there is no such entry. O(entries of the list).
    bool erase(std::size_t list, const T& value) noexcept {
        piece& p = lists_[list];
        T* const entries = pool_.data() + p.begin;
        std::size_t i = 0;
        while (i < p.count && !(entries[i] == value)) ++i;
        if (i == p.count) return false;
        for (--p.count; i < p.count; ++i) entries[i] = entries[i + 1];
        return true;
    }
    void clear(std::size_t list) noexcept { lists_[list].count = 0; }

private:
    struct piece {
        std::size_t begin = 0;
        std::uint32_t count = 0;
        std::uint32_t capacity = 0;
    };

    void pack() {
        flat<T> packed;
        flat<piece> lists = lists_;
        packed.reserve(pool_.size() - abandoned_ / 2);
        for (piece& p : lists) {
            const std::size_t begin = packed.size();
            const std::size_t capacity = p.count + p.count / 4 + 1;  // one more at least: it may have been reserved
            packed.append({pool_.data() + p.begin, p.count});
            packed.resize(begin + capacity);
            p = {begin, p.count, static_cast<std::uint32_t>(capacity)};
        }
        pool_.swap(packed);
        lists_.swap(lists);
        abandoned_ = 0;
    }

    flat<piece> lists_;
    flat<T> pool_;
    std::size_t abandoned_ = 0;  // entries of the pool that no list has
};

}  // namespace berth::inline v0::detail
