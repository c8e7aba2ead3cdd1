// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/composition.hpp"

#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <tuple>

using namespace berth;

TEST_CASE("salt 0 keeps the seed and any other changes it") {
    CHECK(detail::reseeded(priced_greedy{.seed = 5}, 0).seed == 5);
    CHECK(detail::reseeded(priced_greedy{.seed = 5}, 2).seed == stream_seed(5, 2));
    struct seedless {
        int value;
    };
    CHECK(detail::reseeded(seedless{3}, 9).value == 3);
}

TEST_CASE("one part is visited") {
    const std::tuple<int, double, char> parts{1, 2.0, '\3'};
    double seen = 0.0;
    for (std::size_t i = 0; i < 3; ++i) {
        detail::visit_part(parts, i, [&](const auto& part) { seen = 10.0 * seen + static_cast<double>(part); });
    }
    CHECK(seen == 123.0);
}
