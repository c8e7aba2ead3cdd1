// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/detail/run_clock.hpp"

#include <doctest/doctest.h>

#include <limits>

using berth::detail::run_clock;

namespace {

constexpr double lowest = std::numeric_limits<double>::lowest();
constexpr double never = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("a steady clock is the time of a run, to the last bit") {
    run_clock clock{lowest};
    double now = -3.3;
    for (int i = 0; i < 1000; ++i, now += 0.1) CHECK(clock.tick(now, now + 5.0, 1.0) == now);
    CHECK(clock.reading_at(now) == now);
    CHECK(clock.tick(now + 1e6, never, 60.0) == now + 1e6);  // nothing is under way
}

TEST_CASE("a step back is no time, and what follows counts") {
    run_clock clock{lowest};
    CHECK(clock.tick(5000.0, never, 60.0) == 5000.0);
    CHECK(clock.tick(1400.0, 5030.0, 60.0) == 5000.0);
    CHECK(clock.reading_at(5030.0) == 1430.0);
    CHECK(clock.tick(1410.0, 5030.0, 60.0) == 5010.0);
    CHECK(clock.tick(1410.0, 5030.0, 60.0) == 5010.0);
}

TEST_CASE("a jump ahead counts up to what was due and a little beyond") {
    run_clock clock{lowest};
    CHECK(clock.tick(100.0, never, 60.0) == 100.0);
    CHECK(clock.tick(4e9, 130.0, 60.0) == 190.0);
    CHECK(clock.tick(160.0, 250.0, 60.0) == 190.0);
    CHECK(clock.tick(170.0, 250.0, 60.0) == 200.0);
    CHECK(clock.tick(170.0 + 110.0, 250.0, 60.0) == 310.0);
    CHECK(clock.tick(170.0 + 110.0 + 60.5, 250.0, 60.0) == 370.0);  // its wake-up is over
}

TEST_CASE("what is no number counts as the reading before, and a run begins no earlier than its records") {
    run_clock clock{50.0};
    CHECK(clock.tick(std::numeric_limits<double>::quiet_NaN(), never, 60.0) == 50.0);
    CHECK(clock.tick(20.0, never, 60.0) == 50.0);
    CHECK(clock.tick(never, never, 60.0) == 50.0);
    CHECK(clock.tick(-never, never, 60.0) == 50.0);
    CHECK(clock.tick(21.0, 60.0, 60.0) == 51.0);
}
