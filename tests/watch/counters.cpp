// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/counters.hpp"

#include <doctest/doctest.h>

#include <cmath>

using berth::counter_increase;

TEST_CASE("a counter counts from its first value on") {
    const counter_increase policy{};
    counter_increase::state s;
    CHECK(std::isnan(policy.observe(s, 7.0)));
    CHECK(policy.observe(s, 7.0) == 0.0);
    CHECK(policy.observe(s, 10.0) == 3.0);
}

TEST_CASE("after a reset what it shows was counted since") {
    const counter_increase policy{};
    counter_increase::state s;
    (void)policy.observe(s, 100.0);
    CHECK(policy.observe(s, 2.0) == 2.0);
    CHECK(policy.observe(s, 5.0) == 3.0);
    CHECK(policy.observe(s, 100.0) == 95.0);  // it grew since, so this is the new count
}

TEST_CASE("an exporter that showed nothing for a while was no reset") {
    const counter_increase policy{};
    counter_increase::state s;
    (void)policy.observe(s, 3.0);
    CHECK(policy.observe(s, 0.0) == 0.0);
    CHECK(policy.observe(s, 0.0) == 0.0);
    CHECK(policy.observe(s, 3.0) == 0.0);
    CHECK(policy.observe(s, 4.0) == 1.0);
    CHECK(policy.observe(s, 0.0) == 0.0);
    CHECK(policy.observe(s, 6.0) == 2.0);  // two more than before it vanished
}

TEST_CASE("a real reset is one after some samples") {
    const counter_increase policy{.restored_within = 2};
    counter_increase::state s;
    (void)policy.observe(s, 3.0);
    for (int i = 0; i < 4; ++i) CHECK(policy.observe(s, 0.0) == 0.0);
    CHECK(policy.observe(s, 3.0) == 3.0);
}
