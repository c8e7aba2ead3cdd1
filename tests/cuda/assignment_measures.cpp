// SPDX-License-Identifier: Apache-2.0
#include "berth/cuda/assignment_measures.hpp"

#include <doctest/doctest.h>

using namespace berth;

TEST_CASE("spread is the largest load less the least") {
    const assignment_measures m{{1.0, 0}, 9, 4, 97, 0};
    CHECK(m.spread() == 5);
    CHECK(m == assignment_measures{{1.0, 0}, 9, 4, 97, 0});
    CHECK(!(m == assignment_measures{}));
}
