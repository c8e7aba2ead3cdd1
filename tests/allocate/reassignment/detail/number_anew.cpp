// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/number_anew.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::number_anew;

TEST_CASE("number anew: in the order of first appearance") {
    std::vector<std::uint32_t> values{9, 5, ~0U, 5, 0, 9};
    CHECK(number_anew(values) == 4);
    CHECK(values == std::vector<std::uint32_t>{0, 1, 2, 1, 3, 0});
    std::vector<std::uint32_t> none;
    CHECK(number_anew(none) == 0);
}

TEST_CASE("number anew: many distinct values in descending order") {
    std::vector<std::uint32_t> values;
    for (std::uint32_t i = 300'000; i > 0; --i) values.push_back(i);  // inserting them in order takes minutes
    REQUIRE(number_anew(values) == 300'000);
    bool ascending = true;
    for (std::size_t i = 0; i < values.size(); ++i) ascending = ascending && values[i] == i;
    CHECK(ascending);
}
