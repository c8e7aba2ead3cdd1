// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/payback.hpp"

#include <doctest/doctest.h>

static_assert(!berth::move_valuation<int>);

TEST_CASE("payback: a gain lasts until the horizon or the end of the task, a cost is a weighted sum") {
    const berth::payback terms{
        berth::uniform_migration{.seconds = 2.0},
        {.horizon = 100.0, .downtime = 3.0, .byte = 0.5, .move = 7.0, .failure = 40.0, .failure_probability = 0.25}};
    CHECK(terms.gain(2.0, 1e9) == 200.0);
    CHECK(terms.gain(2.0, 30.0) == 60.0);
    CHECK(terms.gain(2.0, -1.0) == 0.0);
    CHECK(terms.cost({.duration = 5.0, .downtime = 2.0, .bytes = 6}) == 7.0 + 6.0 + 3.0 + 10.0);
}
