// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0 {

/// Numbers names, in order of first appearance unless positions are given. The library compares strings here and
/// nowhere else; all other code uses positions. A hash table with open addressing: every call is O(length of the name),
/// amortised.
class name_table {
public:
    name_table() noexcept = default;                         ///< no names
    name_table(const name_table&) = default;                 ///< the same names
    name_table(name_table&&) noexcept = default;             ///< leaves the other one valid, its names unspecified
    name_table& operator=(const name_table&) = default;      ///< the same names
    name_table& operator=(name_table&&) noexcept = default;  ///< leaves the other one valid, its names unspecified
    [[gnu::noinline]] ~name_table() {}  // NOLINT(modernize-use-equals-default): not inline; a fleet has several

    /// The position of `name`, which is appended if it is new.
    [[gnu::noinline]] std::size_t intern(std::string_view name) {
        if (names_.size() * 2 >= slots_.size()) grow();
        const std::size_t at = probe(name);
        if (slots_[at] == 0) {
            names_.push_back(std::string(name.data(), name.size()));
            slots_[at] = static_cast<std::uint32_t>(names_.size());
        }
        return slots_[at] - 1;
    }

    /// Gives a position its name. For tables that things enter and leave; positions between may have no name.
    ///
    /// @param position  one without a name; may be beyond `size()`
    /// @param name      not in the table
    [[gnu::noinline]] void assign(std::size_t position, std::string_view name) {
        std::string copy(name.data(), name.size());  // first, because the name may lie in the table
        reserve(position);
        const std::size_t at = probe(copy);
        BERTH_ASSERT(slots_[at] == 0, "berth: the name has a position already");
        extend(position + 1);
        names_[position].swap(copy);
        slots_[at] = static_cast<std::uint32_t>(position + 1);
    }
    /// The same for a position for which memory is reserved: does not allocate.
    [[gnu::noinline]] void assign_reserved(std::size_t position, std::string&& name) noexcept {
        extend(position + 1);
        slots_[probe(name)] = static_cast<std::uint32_t>(position + 1);
        names_[position].swap(name);
    }
    /// Makes sure that `assign` of this position allocates for the text of the name alone, if at all.
    void reserve(std::size_t position) {
        while ((position + 1) * 2 >= slots_.size()) grow();
        if (names_.capacity() <= position) names_.reserve(2 * (position + 1));
    }
    /// Gives the name of a position to another one below `size()`, which has none.
    [[gnu::noinline]] void pass(std::size_t from, std::size_t to) noexcept {
        const std::size_t at = probe(names_[from]);
        BERTH_ASSERT(slots_[at] == from + 1 && names_[to].empty(), "berth: a name goes from one position to another");
        slots_[at] = static_cast<std::uint32_t>(to + 1);
        names_[to].swap(names_[from]);
        names_[from].clear();
    }
    /// Gives all positions below `size` an entry, without a name where they have none.
    void extend(std::size_t size) {
        if (names_.size() < size) names_.resize(size);
    }
    /// Gives a position that has a name another one, which is not in the table. Does not allocate.
    [[gnu::noinline]] void rename(std::size_t position, std::string&& name) noexcept {
        erase(position);
        slots_[probe(name)] = static_cast<std::uint32_t>(position + 1);
        names_[position].swap(name);
    }
    /// Takes the name of a position away. O(length of the name + names that collide with it).
    [[gnu::noinline]] void erase(std::size_t position) noexcept {
        std::size_t hole = probe(names_[position]);
        BERTH_ASSERT(slots_[hole] == position + 1, "berth: the position has no name");
        const std::size_t mask = slots_.size() - 1;
        // Entries that stepped over the hole move back, so that no search ends early.
        for (std::size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
            const std::size_t home = hash(names_[slots_[at] - 1]) & mask;
            if (((at - home) & mask) < ((at - hole) & mask)) continue;
            slots_[hole] = slots_[at];
            hole = at;
        }
        slots_[hole] = 0;
        names_[position].clear();
    }

    /// The position of `name`, if it is in the table.
    [[nodiscard, gnu::noinline]] std::optional<std::size_t> find(std::string_view name) const noexcept {
        if (slots_.empty()) return std::nullopt;
        const std::size_t at = probe(name);
        if (slots_[at] == 0) return std::nullopt;
        return slots_[at] - 1;
    }

    /// The name at a position, which must exist; empty if it was erased.
    [[nodiscard]] const std::string& operator[](std::size_t position) const noexcept {
        BERTH_ASSERT(position < names_.size(), "berth: no name at this position");
        return names_[position];
    }
    /// One more than the last position that ever had a name.
    [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
    /// All names, by position.
    [[nodiscard]] const std::vector<std::string>& all() const noexcept { return names_; }

private:
    [[nodiscard]] static std::size_t hash(std::string_view name) noexcept {
        std::uint64_t h = 0xcbf29ce484222325ULL;
        for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        return static_cast<std::size_t>(h ^ (h >> 32U));
    }
    [[nodiscard]] std::size_t probe(std::string_view name) const noexcept {
        std::size_t at = hash(name) & (slots_.size() - 1);
        while (slots_[at] != 0 && names_[slots_[at] - 1] != name) at = (at + 1) & (slots_.size() - 1);
        return at;
    }
    void grow() {
        detail::flat<std::uint32_t> old(slots_.empty() ? 16 : slots_.size() * 2, 0);
        old.swap(slots_);
        for (const std::uint32_t entry : old) {
            if (entry != 0) slots_[probe(names_[entry - 1])] = entry;
        }
    }

    std::vector<std::string> names_;
    detail::flat<std::uint32_t> slots_;  // position + 1, 0 if free
};

namespace detail {

/// Appends the bytes of a number, lowest first. Two records of the same layout have equal keys exactly if they are
/// equal.
template <std::integral T>
void append_bytes(std::string& key, T value) {
    char bytes[sizeof value];
    for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>((value >> (8 * i)) & 0xff);
    key.append(bytes, sizeof value);
}

}  // namespace detail

}  // namespace berth::inline v0
