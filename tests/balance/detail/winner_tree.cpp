// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/detail/winner_tree.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

TEST_CASE("winner_tree: the first of the largest values wins after every change") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        std::vector<std::size_t> values(seed % 20);
        for (auto& value : values) value = berth_test::below(g, 6);
        const auto wins = [&](std::size_t a, std::size_t b) { return values[a] > values[b]; };
        berth::detail::winner_tree contest;
        contest.build(values.size(), wins);
        for (int i = 0; i < 50 && !values.empty(); ++i) {
            const auto largest = std::max_element(values.begin(), values.end());
            REQUIRE(contest.winner() == static_cast<std::size_t>(largest - values.begin()));
            const std::size_t changed = berth_test::below(g, values.size());
            values[changed] = berth_test::below(g, 6);
            contest.update(changed, wins);
        }
    }
}
