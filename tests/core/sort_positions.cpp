// SPDX-License-Identifier: Apache-2.0
#include "berth/core/sort_positions.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using berth::detail::flat;
using berth::detail::sort_positions;
using berth::detail::sorted_positions;

TEST_CASE("sort_positions: equals an insertion sort at every length, ties in their old order") {
    for (std::size_t size = 0; size < 130; ++size) {
        CAPTURE(size);
        berth::xoshiro256 g{size};
        std::vector<std::uint32_t> keys(size);
        for (auto& key : keys) key = berth::bounded(g, 1 + static_cast<std::uint32_t>(size) / 3);  // with ties
        const auto before = [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; };
        std::vector<std::size_t> expected(size);
        for (std::size_t i = 0; i < size; ++i) {
            expected[i] = i;
            for (std::size_t j = i; j > 0 && before(expected[j], expected[j - 1]); --j)
                std::swap(expected[j], expected[j - 1]);
        }
        const flat<std::size_t> positions = sorted_positions(size, before);
        REQUIRE(positions.size() == size);
        REQUIRE(std::equal(positions.begin(), positions.end(), expected.begin()));
    }
}

TEST_CASE("sort_positions: sorts a subset of positions") {
    const std::vector<int> keys{5, 1, 4, 1, 3};
    flat<std::size_t> positions;
    for (const std::size_t i : {4U, 0U, 3U}) positions.push_back(i);
    sort_positions(positions, [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    REQUIRE(positions.size() == 3);
    CHECK(positions[0] == 3);
    CHECK(positions[1] == 4);
    CHECK(positions[2] == 0);
}

TEST_CASE("sort_positions: O(n log n) comparisons, also of sorted and reversed input") {
    const std::size_t size = 4096;
    for (const int direction : {1, -1}) {
        std::size_t comparisons = 0;
        const flat<std::size_t> positions = sorted_positions(size, [&](std::size_t a, std::size_t b) {
            ++comparisons;
            return direction > 0 ? a < b : a > b;
        });
        CHECK(comparisons <= 12 * size);
        CHECK(positions[0] == (direction > 0 ? 0 : size - 1));
    }
}
