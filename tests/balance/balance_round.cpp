// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/balance_round.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string>

TEST_CASE("balance_round: every reason to stay has a name of its own") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < berth::stay_reason_count; ++i)
        names.insert(berth::to_string(static_cast<berth::stay_reason>(i)));
    CHECK(names.size() == berth::stay_reason_count);
    CHECK(names.count("") == 0);
    CHECK(std::string{berth::to_string(static_cast<berth::stay_reason>(berth::stay_reason_count))}.empty());
}

TEST_CASE("balance_round: moves and their reasons") {
    const berth::slot a{berth::node_index{0}, 1};
    const berth::slot b{berth::node_index{1}, 1};
    berth::balance_round round;
    round.alarms = {{.reason = "hot"}, {.reason = "sick"}};
    round.chosen = {{.move = {berth::task_index{3}, a, b}, .alarm = 1}, {.move = {berth::task_index{4}, b, a}}};
    round.staying[static_cast<std::size_t>(berth::stay_reason::no_room)] = 5;
    CHECK(round.moves().size() == 2);
    CHECK(round.moves()[1] == round.chosen[1].move);
    CHECK(round.reason(round.chosen[0]) == std::string{"sick"});
    CHECK(round.reason(round.chosen[1]) == std::string{"hot"});
    CHECK(round.stays(berth::stay_reason::no_room) == 5);
    CHECK(round.stays(berth::stay_reason::in_flight) == 0);
    berth::balance_round other = round;
    CHECK(other == round);
    other.answered = 1;
    CHECK_FALSE(other == round);
}
