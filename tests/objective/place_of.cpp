// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/place_of.hpp"

#include <doctest/doctest.h>

using namespace berth;

TEST_CASE("a place is a node unless a level of domains is named") {
    CHECK(place_of{}.level == place_of::node_level);
    CHECK(place_of{.level = 0}.level == 0);
    CHECK(place_of{.level = 0}.level != place_of::node_level);
}
