// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

namespace berth::inline v0::detail {

/// The type in which a score's values are stored and compared: `tier_values` unchanged, numbers as double.
template <class Value>
struct kept {
    using type = double;
};
template <class Value>
    requires requires { Value::tier_count; }
struct kept<Value> {
    using type = Value;
};
template <class Value>
using kept_value = typename kept<Value>::type;

/// The value below every score: "does not fit".
template <class Value>
inline constexpr Value lowest_value = [] {
    if constexpr (requires { Value::tier_count; }) {
        Value lowest{};
        for (auto& v : lowest.values) v = -std::numeric_limits<double>::infinity();
        return lowest;
    } else {
        return -std::numeric_limits<Value>::infinity();
    }
}();

/// One value per position; finds the greatest, the first of equals. A tree of fan-out 16, so that a repair touches a
/// few adjacent cache lines per level: `set` costs O(log16 n) blocks and stops where nothing changes, `best` O(log16 n)
/// blocks.
template <class Value>
class score_index {
public:
    score_index() : score_index{0} {}
    explicit score_index(std::size_t size) {
        std::size_t width = round_up(size);
        for (;;) {
            levels_.emplace_back(width, lowest_value<Value>);
            if (width == fan_out) break;
            width = round_up(width / fan_out);
        }
    }

    [[nodiscard]] const Value& operator[](std::size_t position) const noexcept { return levels_[0][position]; }

    void set(std::size_t position, Value value) noexcept {
        for (auto& level : levels_) {
            const Value before = level[position];
            if (before == value) return;
            level[position] = value;
            const std::size_t block = position / fan_out;
            const Value* first = level.data() + block * fan_out;
            // A value that rose needs no comparison with its neighbours, only with the maximum of its block.
            if (value < before) {
                for (std::size_t i = 0; i < fan_out; ++i) value = std::max(value, first[i]);
            } else if (&level != &levels_.back()) {
                value = std::max(value, (&level)[1][block]);
            }
            position = block;
        }
    }
    /// Sets a value without repairing the tree; call `rebuild` afterwards.
    void set_unrepaired(std::size_t position, Value value) noexcept { levels_[0][position] = value; }
    void rebuild() noexcept {
        for (std::size_t l = 1; l < levels_.size(); ++l) {
            for (std::size_t block = 0; block * fan_out < levels_[l - 1].size(); ++block) {
                const auto first = levels_[l - 1].begin() + static_cast<std::ptrdiff_t>(block * fan_out);
                levels_[l][block] = *std::max_element(first, first + fan_out);
            }
        }
    }

    /// The greatest value.
    [[nodiscard]] Value greatest() const noexcept {
        const auto& top = levels_.back();
        return *std::max_element(top.begin(), top.end());
    }
    /// The first position of the greatest value, unless that is the lowest possible.
    [[nodiscard]] std::optional<std::size_t> best() const noexcept {
        const auto& top = levels_.back();
        std::size_t at = static_cast<std::size_t>(std::max_element(top.begin(), top.end()) - top.begin());
        const Value value = top[at];
        if (value == lowest_value<Value>) return std::nullopt;
        for (std::size_t l = levels_.size() - 1; l-- > 0;) {
            at *= fan_out;
            while (!(levels_[l][at] == value)) ++at;
        }
        return at;
    }

private:
    static constexpr std::size_t fan_out = 16;
    [[nodiscard]] static constexpr std::size_t round_up(std::size_t n) noexcept {
        return std::max<std::size_t>(1, (n + fan_out - 1) / fan_out) * fan_out;
    }
    std::vector<std::vector<Value>> levels_;
};

}  // namespace berth::inline v0::detail
