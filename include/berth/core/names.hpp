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

/// Names in the order in which they were first seen, each with its position: the one place where strings are compared,
/// so that everything below works on positions. Open addressing; lookup is O(length).
class name_table {
public:
    /// The position of `name`, added at the end if it is new.
    std::size_t intern(std::string_view name) {
        if (names_.size() * 2 >= slots_.size()) grow();
        std::size_t at = probe(name);
        if (slots_[at] == 0) {
            names_.push_back(std::string{name});
            slots_[at] = static_cast<std::uint32_t>(names_.size());
        }
        return slots_[at] - 1;
    }

    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept {
        if (slots_.empty()) return std::nullopt;
        const std::size_t at = probe(name);
        if (slots_[at] == 0) return std::nullopt;
        return slots_[at] - 1;
    }

    [[nodiscard]] const std::string& operator[](std::size_t position) const noexcept {
        BERTH_ASSERT(position < names_.size(), "berth: no name at this position");
        return names_[position];
    }
    [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
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
        slots_ = detail::flat<std::uint32_t>(slots_.empty() ? 16 : slots_.size() * 2, 0);
        for (std::size_t i = 0; i < names_.size(); ++i) slots_[probe(names_[i])] = static_cast<std::uint32_t>(i + 1);
    }

    std::vector<std::string> names_;
    detail::flat<std::uint32_t> slots_;  // position + 1, 0 if free
};

namespace detail {

/// Appends the bytes of a number, lowest first: records of equal layout are equal exactly when their keys are.
template <std::integral T>
void append_bytes(std::string& key, T value) {
    char bytes[sizeof value];
    for (std::size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>((value >> (8 * i)) & 0xff);
    key.append(bytes, sizeof value);
}

}  // namespace detail

}  // namespace berth::inline v0
