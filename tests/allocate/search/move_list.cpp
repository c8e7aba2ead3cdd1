// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/move_list.hpp"

#include <doctest/doctest.h>

using namespace berth;

TEST_CASE("a list of moves keeps its order, drops moves that change nothing and shortens") {
    const auto on = [](std::size_t n) { return slot{node_index{n}, 1}; };
    move_list list;
    list.reserve(4);
    list.push({task_index{0}, on(0), on(1)});
    list.push({task_index{1}, on(2), on(2)});
    list.push({task_index{2}, unplaced, on(3)});
    CHECK(list.has(task_index{1}));
    list.drop_idle();
    REQUIRE(list.size() == 2);
    CHECK(list[0].task == task_index{0});
    CHECK(list[1].task == task_index{2});
    CHECK_FALSE(list.has(task_index{1}));
    list.shorten(1);
    CHECK(list.view().size() == 1);
    list.clear();
    CHECK(list.empty());
}
