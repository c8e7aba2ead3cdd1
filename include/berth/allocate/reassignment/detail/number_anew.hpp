// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/sort_positions.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0::detail {

/// Replaces values by 0, 1, 2, ... in the order of first appearance; returns how many are distinct. O(n log n).
inline std::size_t number_anew(std::vector<std::uint32_t>& values) {
    const flat<std::size_t> order = sorted_positions(values.size(), [&](std::size_t a, std::size_t b) {
        return values[a] != values[b] ? values[a] < values[b] : a < b;
    });
    flat<std::size_t> first(values.size());  // where the same value appears first
    for (std::size_t i = 0; i < order.size(); ++i) {
        const bool repeated = i > 0 && values[order[i]] == values[order[i - 1]];
        first[order[i]] = repeated ? first[order[i - 1]] : order[i];
    }
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = first[i] == i ? count++ : values[first[i]];
    return count;
}

}  // namespace berth::inline v0::detail
