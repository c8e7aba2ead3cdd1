// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cstddef>

namespace berth::inline v0::detail {

/// A reference to a callable `before(a, b)`, without its type.
class position_order {
public:
    template <class Before>
    position_order(const Before& before) noexcept
        : before_{&before}, call_{[](const void* callable, std::size_t a, std::size_t b) {
              return static_cast<bool>((*static_cast<const Before*>(callable))(a, b));
          }} {}

    [[nodiscard]] bool operator()(std::size_t a, std::size_t b) const { return call_(before_, a, b); }

private:
    const void* before_;
    bool (*call_)(const void*, std::size_t, std::size_t);
};

/// Sorts positions by `before(a, b)`: a stable merge sort from the bottom up, O(n log n). The library sorts with this
/// function, because every `std::sort` of another type or with another callable costs a translation unit a dozen
/// functions.
inline void sort_positions(flat<std::size_t>& positions, const position_order& before) {
    flat<std::size_t> merged(positions.size());
    for (std::size_t width = 1; width < positions.size(); width *= 2) {
        for (std::size_t first = 0; first < positions.size(); first += 2 * width) {
            const std::size_t middle = first + width < positions.size() ? first + width : positions.size();
            const std::size_t last = middle + width < positions.size() ? middle + width : positions.size();
            std::size_t left = first;
            std::size_t right = middle;
            for (std::size_t out = first; out < last; ++out) {
                const bool from_right = left == middle || (right < last && before(positions[right], positions[left]));
                merged[out] = positions[from_right ? right++ : left++];
            }
        }
        positions.swap(merged);
    }
}

/// The positions 0 .. count - 1, sorted.
[[nodiscard]] inline flat<std::size_t> sorted_positions(std::size_t count, const position_order& before) {
    flat<std::size_t> positions;
    positions.reserve(count);
    for (std::size_t i = 0; i < count; ++i) positions.push_back(i);
    sort_positions(positions, before);
    return positions;
}

}  // namespace berth::inline v0::detail
