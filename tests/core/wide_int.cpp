// SPDX-License-Identifier: Apache-2.0
#include "berth/core/wide_int.hpp"

#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

using namespace berth;
using detail::wide_int;

TEST_CASE("a wide number splits into the nearest double and the rest") {
    const wide_int large = (wide_int{1} << 60) + 1;
    CHECK(detail::split(large).value == 0x1p60);
    CHECK(detail::split(large).rest == 1.0);
    CHECK(detail::split(-large).rest == -1.0);
    CHECK((detail::joined(0x1p60, 1.0) == large));
    CHECK(detail::double_below(large) == 0x1p60);
    CHECK(detail::double_below(large - 2) < 0x1p60);
    CHECK(detail::double_below(-large) < -0x1p60);
    CHECK(detail::double_below(7) == 7.0);
    const wide_int widest = (wide_int{1} << 105) + (wide_int{1} << 50) + 3;
    CHECK((detail::joined(detail::split(widest).value, detail::split(widest).rest) == widest));
}

TEST_CASE("pairs of doubles compare like the numbers that they stand for") {
    xoshiro256 random{3};
    for (int i = 0; i < 2000; ++i) {
        const wide_int a = (wide_int{1} << 58) + static_cast<wide_int>(bounded(random, 200));
        const wide_int b = (wide_int{1} << 58) + static_cast<wide_int>(bounded(random, 200));
        const auto x = detail::split(a);
        const auto y = detail::split(b);
        CHECK((x.value != y.value ? x.value < y.value : x.rest < y.rest) == (a < b));
    }
}

TEST_CASE("scaling rounds towards minus infinity, shifting back towards plus infinity") {
    CHECK((detail::scaled_floor(1.75, 0) == 1));
    CHECK((detail::scaled_floor(-1.75, 0) == -2));
    CHECK((detail::scaled_floor(1.75, 2) == 7));
    CHECK((detail::scaled_floor(0x1p62, 60) == (wide_int{1} << 122)));
    CHECK((detail::scaled_floor(-0x1p-40, 3) == -1));
    CHECK((detail::scaled_floor(0x1p-80, 3) == 0));
    CHECK((detail::scaled_floor(-0x1p-80, 3) == -1));
    CHECK((detail::scaled_floor(0.0, 50) == 0));
    CHECK((detail::scaled_floor(0x1p60 + 256.0, -4) == (wide_int{1} << 56) + 16));
    CHECK((detail::shifted_ceil(7, 1) == 4));
    CHECK((detail::shifted_ceil(8, 1) == 4));
    CHECK((detail::shifted_ceil(-7, 1) == -3));
    CHECK((detail::shifted_ceil(5, 0) == 5));
}
