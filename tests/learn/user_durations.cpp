// SPDX-License-Identifier: Apache-2.0
#include "berth/learn/user_durations.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

using berth::user_durations;

TEST_CASE("what is known of a user's jobs is used in the order of its worth") {
    user_durations history;
    CHECK(history.estimate(1, 600) == 600);  // nothing
    history.observe(1, 600, 60);
    CHECK(history.estimate(1, 600) == 60);     // the same request
    CHECK(history.estimate(1, 1000) == 100);   // another one: the share of it that was used
    CHECK(history.estimate(2, 1000) == 1000);  // another user
    history.observe(1, 600, 120);
    CHECK(history.estimate(1, 600) == 90);
    for (int i = 0; i < 10; ++i) history.observe(1, 600, 300);
    CHECK(history.estimate(1, 600) == 300);  // the last ten
}

TEST_CASE("an estimate is at least 1 and at most the request, and doubles up to it") {
    user_durations history;
    history.observe(1, 10, 0);
    CHECK(history.estimate(1, 10) == 1);
    history.observe(2, 10, 1000);
    CHECK(history.estimate(2, 10) == 10);
    history.observe(3, 0, 5);
    history.observe(3, 5, -1);
    CHECK(history.estimate(3, 7) == 7);
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    history.observe(4, most, most);
    CHECK(history.estimate(4, most) > most / 2);
    CHECK(user_durations::longer(3, 10) == 6);
    CHECK(user_durations::longer(6, 10) == 10);
    CHECK(user_durations::longer(most / 2 + 1, most) == most);
}
