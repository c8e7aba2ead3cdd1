// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/wide.hpp"

#include <doctest/doctest.h>

using berth::detail::any;
using berth::detail::load_wide;
using berth::detail::positive_part;
using berth::detail::store_wide;
using berth::detail::sum;
using berth::detail::wide;

TEST_CASE("wide: loads and stores keep values") {
    const double from[] = {0.0, 3.0, -0x1.0p52, 0.0};
    double to[] = {7.0, 7.0, 7.0, 7.0};
    store_wide(to + 1, load_wide(from + 1));
    CHECK(to[0] == 7.0);
    CHECK(to[1] == 3.0);
    CHECK(to[2] == -0x1.0p52);
    CHECK(to[3] == 7.0);
}

TEST_CASE("wide: the positive part of each lane") {
    const double values[] = {-0x1.0p52, -1.0, -0.0, 0.0, 1.0, 0x1.0p52};
    for (const double a : values) {
        for (const double b : values) {
            const wide part = positive_part(wide{a, b});
            const double first = part[0];
            const double second = part[1];
            CHECK(first == (a > 0 ? a : 0.0));
            CHECK(second == (b > 0 ? b : 0.0));
            CHECK(sum(part) == first + second);
            CHECK(any(part > wide{0.0, 0.0}) == (a > 0 || b > 0));
        }
    }
}
