// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/clocks.hpp"

#include <doctest/doctest.h>

#include <cmath>

using berth::elapsed_time;
using berth::sample_steps;

TEST_CASE("steps of an exporter: doubled, late, a gap") {
    const sample_steps policy{};
    sample_steps::state s;
    const auto first = policy.observe(s, 1000.0);
    REQUIRE(first);
    CHECK(std::isnan(*first));
    CHECK(policy.observe(s, 1060.0) == 60.0);
    CHECK_FALSE(policy.observe(s, 1060.0));
    CHECK_FALSE(policy.observe(s, 1000.0));
    CHECK_FALSE(policy.observe(s, 1000.0));  // the same late one again
    CHECK(policy.observe(s, 1125.0) == 65.0);
    CHECK(policy.observe(s, 9000.0) == 7875.0);
}

TEST_CASE("an exporter whose clock was set back is believed with its second sample") {
    const sample_steps policy{};
    sample_steps::state s;
    (void)policy.observe(s, 10000.0);
    CHECK_FALSE(policy.observe(s, 2800.0));
    CHECK(policy.observe(s, 2860.0) == 60.0);
    CHECK(policy.observe(s, 2920.0) == 60.0);
}

TEST_CASE("a stuck old sample is never believed") {
    const sample_steps policy{};
    sample_steps::state s;
    (void)policy.observe(s, 10000.0);
    for (int i = 0; i < 10; ++i) CHECK_FALSE(policy.observe(s, 5000.0));
    CHECK_FALSE(policy.observe(s, 6000.0));  // too far from the late one to be its successor
}

TEST_CASE("time passes by a clock that is set") {
    const elapsed_time policy{.usual = 60.0, .max_step = 600.0};
    elapsed_time::state s;
    CHECK(policy.advance(s, 5e8) == 0.0);
    CHECK(policy.advance(s, 5e8 + 45.0) == 45.0);
    CHECK(policy.advance(s, 1e9) == 60.0);
    CHECK(policy.advance(s, 1e9 + 10.0) == 10.0);
    CHECK(policy.advance(s, 3.0) == 60.0);
    CHECK(s.elapsed == 175.0);
}
