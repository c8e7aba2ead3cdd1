// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/plan.hpp"

#include <doctest/doctest.h>

using namespace berth;

TEST_CASE("moves between two assignments are of the tasks whose slots differ, in order") {
    const auto on = [](std::size_t n) { return slot{node_index{n}, 1}; };
    const assignment from{on(0), on(1), unplaced, on(3), unplaced};
    const assignment to{on(0), on(2), on(1), unplaced, unplaced};
    const auto all = moves_between(from, to);
    REQUIRE(all.size() == 3);
    CHECK(all[0] == task_move{task_index{1}, on(1), on(2)});
    CHECK(all[1] == task_move{task_index{2}, unplaced, on(1)});
    CHECK(all[2] == task_move{task_index{3}, on(3), unplaced});
    CHECK(moves_between(to, to).empty());
}

TEST_CASE("a task that one of two assignments lacks is unplaced there") {
    const slot here{node_index{0}, 1};
    const slot there{node_index{1}, 1};
    const assignment one{here};
    const assignment three{here, there, unplaced};
    const auto grown = moves_between(one, three);
    REQUIRE(grown.size() == 1);
    CHECK(grown[0] == task_move{task_index{1}, unplaced, there});
    const auto shrunk = moves_between(three, one);
    REQUIRE(shrunk.size() == 1);
    CHECK(shrunk[0] == task_move{task_index{1}, there, unplaced});
}
