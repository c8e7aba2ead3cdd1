// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_limits.hpp"

#include <doctest/doctest.h>

using namespace berth;

TEST_CASE("timeouts grow with the duration of the step where bytes travel") {
    const migration_limits limits;
    CHECK(limits.timeout(migration_action::lock, 100.0) == 30.0);
    CHECK(limits.timeout(migration_action::transfer, 100.0) == 520.0);
}

TEST_CASE("a restore is tried once forward, and many times back") {
    const migration_limits limits;
    CHECK(limits.attempts(migration_action::restore, migration_direction::forward) == 1);
    CHECK(limits.attempts(migration_action::restore_back, migration_direction::back) == 100);
}

TEST_CASE("pauses double up to the longest") {
    const migration_limits limits{.pause = 2.0, .max_pause = 9.0};
    CHECK(limits.pause_after(1) == 2.0);
    CHECK(limits.pause_after(2) == 4.0);
    CHECK(limits.pause_after(3) == 8.0);
    CHECK(limits.pause_after(4) == 9.0);
    CHECK(limits.pause_after(4'000'000'000U) == 9.0);
    CHECK(migration_limits{.pause = 0.0}.pause_after(5) == 0.0);
}

TEST_CASE("the limits of one action by its name") {
    berth::migration_limits limits;
    CHECK(limits[berth::migration_action::restore].max_attempts == 1);
    limits[berth::migration_action::restore] = {.seconds = 5.0, .of_duration = 2.0, .max_attempts = 4};
    CHECK(limits.timeout(berth::migration_action::restore, 10.0) == 25.0);
    CHECK(limits.attempts(berth::migration_action::restore, berth::migration_direction::forward) == 4);
    CHECK(limits.of[static_cast<std::size_t>(berth::migration_action::restore)].max_attempts == 4);
}
