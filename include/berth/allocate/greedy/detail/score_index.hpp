// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>
#include <limits>

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
    /// All positions have the lowest value.
    void reset(std::size_t size) {
        levels_ = 0;
        std::size_t width = round_up(size);
        for (;;) {
            first_[levels_ + 1] = first_[levels_] + width;
            ++levels_;
            if (width == fan_out) break;
            width = round_up(width / fan_out);
        }
        values_.assign(first_[levels_], lowest_value<Value>);
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return values_.capacity() * sizeof(Value); }
    [[nodiscard]] const Value& operator[](std::size_t position) const noexcept { return values_[position]; }

    /// Asks for the memory of a value that will be set soon.
    void prefetch(std::size_t position) const noexcept { __builtin_prefetch(values_.data() + position, 1); }
    void set(std::size_t position, Value value) noexcept {
        Value* const all = values_.data();
        for (std::size_t l = 0; l < levels_; ++l) {
            Value* const level = all + first_[l];
            const Value before = level[position];
            if (before == value) return;
            level[position] = value;
            const std::size_t block = position / fan_out;
            if (l + 1 == levels_) return;
            const Value& parent = all[first_[l + 1] + block];
            if (before < parent) {
                // It was not the greatest of its block: it matters only if it is now.
                if (!(parent < value)) return;
            } else if (value < before) {
                value = greatest_of(level + block * fan_out);
            }
            position = block;
        }
    }
    /// Calls `visit(position)` for the positions whose value is above the lowest; it may set that position's value.
    template <class Visit>
    void for_each_set(Visit visit) {
        for (std::size_t block = 0; block * fan_out < first_[1]; ++block) {
            if (levels_ > 1 && values_[first_[1] + block] == lowest_value<Value>) continue;
            for (std::size_t at = block * fan_out; at < (block + 1) * fan_out; ++at) {
                if (!(values_[at] == lowest_value<Value>)) visit(at);
            }
        }
    }
    /// Sets a value without repairing the tree; call `rebuild` afterwards.
    void set_unrepaired(std::size_t position, Value value) noexcept { values_[position] = value; }
    void rebuild() noexcept {
        Value* const all = values_.data();
        for (std::size_t l = 1; l < levels_; ++l) {
            const Value* block = all + first_[l - 1];
            for (Value* at = all + first_[l]; block != all + first_[l]; block += fan_out) *at++ = greatest_of(block);
        }
    }

    /// The greatest value.
    [[nodiscard]] Value greatest() const noexcept { return greatest_of(values_.data() + first_[levels_ - 1]); }
    /// The first position of the greatest value, `nowhere` if that is the lowest possible.
    [[nodiscard]] std::size_t best() const noexcept {
        const Value* const all = values_.data();
        const Value value = greatest();
        if (value == lowest_value<Value>) return nowhere;
        std::size_t at = 0;
        for (std::size_t l = levels_; l-- > 0;) {
            const Value* const level = all + first_[l];
            at *= fan_out;
            while (!(level[at] == value)) ++at;
        }
        return at;
    }
    static constexpr std::size_t nowhere = ~std::size_t{0};

private:
    static constexpr std::size_t fan_out = 16;
    static constexpr std::size_t max_levels = 8;  // of 2^32 positions
    [[nodiscard]] static constexpr std::size_t round_up(std::size_t n) noexcept {
        return n <= fan_out ? fan_out : (n + fan_out - 1) / fan_out * fan_out;
    }
    [[nodiscard]] static Value greatest_of(const Value* block) noexcept {
        Value greatest = block[0];
        for (std::size_t i = 1; i < fan_out; ++i) {
            if (greatest < block[i]) greatest = block[i];
        }
        return greatest;
    }

    flat<Value> values_;  // level by level, the positions themselves first; each level is padded to whole blocks
    std::size_t first_[max_levels + 1] = {};  // of each level
    std::size_t levels_ = 0;
};

}  // namespace berth::inline v0::detail
