// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/poller.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace berth;

TEST_CASE("a poller polls once per interval of work and at every round, and stays stopped") {
    int polls = 0;
    int rounds = 0;
    detail::poller poll{[&](bool between_rounds) {
        ++polls;
        rounds += between_rounds ? 1 : 0;
        return polls < 4 ? stop_reason::completed : stop_reason::cancelled;
    }};
    constexpr std::uint64_t interval = decltype(poll)::interval;
    for (std::uint64_t i = 1; i < interval; ++i) CHECK(poll.work(1));
    CHECK(polls == 0);
    CHECK(poll.work(1));
    CHECK(polls == 1);
    CHECK(poll.work(5 * interval));  // one step that long
    CHECK(polls == 2);
    CHECK(poll.next_round());
    CHECK(polls == 3);
    CHECK(poll.work(interval - 1));
    CHECK(polls == 3);
    CHECK_FALSE(poll.work(1));
    CHECK(polls == 4);
    CHECK(rounds == 1);
    CHECK_FALSE(poll.work(0));
    CHECK_FALSE(poll.next_round());
    CHECK(polls == 4);
    CHECK(poll.reason() == stop_reason::cancelled);
}

TEST_CASE("a budget that is used up ends rounds, not the work within one") {
    detail::poller poll{
        [](bool between_rounds) { return between_rounds ? stop_reason::budget_exhausted : stop_reason::completed; }};
    CHECK_FALSE(poll.next_round());
    CHECK(poll.work(5 * decltype(poll)::interval));
    CHECK(poll.reason() == stop_reason::budget_exhausted);
}

TEST_CASE("an interruption heeds stop and clock, not the budget") {
    struct clock {
        bool over;
        [[nodiscard]] static bool stop_requested() { return false; }
        [[nodiscard]] bool deadline_reached() const { return over; }
    };
    struct asked {
        [[nodiscard]] static bool stop_requested() { return true; }
    };
    CHECK(run_control<>{.max_evaluations = 0}.interruption() == stop_reason::completed);
    CHECK(run_control<clock>{.stop = {false}}.interruption() == stop_reason::completed);
    CHECK(run_control<clock>{.stop = {true}}.interruption() == stop_reason::deadline_reached);
    CHECK(run_control<asked>{}.interruption() == stop_reason::cancelled);
}
