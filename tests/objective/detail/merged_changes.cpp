// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/detail/merged_changes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <vector>

using namespace berth;

namespace {

/// A move changes its source by -1 and its target by +1, none of both if they are equal.
const auto each_place = [](const task_move& r, const auto& f) {
    if (r.from == r.to) return;
    if (r.from.placed()) f(r.from.node.value(), amount{-1});
    if (r.to.placed()) f(r.to.node.value(), amount{+1});
};

task_move move(std::size_t task, std::size_t from, std::size_t to) {
    return {task_index{task}, {node_index{from}, 0}, {node_index{to}, 0}};
}

std::map<std::size_t, amount> merged(const std::vector<task_move>& moves) {
    std::map<std::size_t, amount> sums;
    detail::merged_changes(task_moves{moves}, each_place, [&](std::size_t place, amount sum) {
        CHECK(sums.emplace(place, sum).second);  // each place once
    });
    return sums;
}

using changes = std::map<std::size_t, amount>;

}  // namespace

TEST_CASE("changes of several moves are added place by place, each place once") {
    CHECK(merged({}).empty());
    CHECK(merged({move(0, 1, 2)}) == changes{{1, -1}, {2, 1}});
    CHECK(merged({move(0, 1, 2), move(1, 1, 2)}) == changes{{1, -2}, {2, 2}});
    CHECK(merged({move(0, 1, 2), move(1, 2, 1)}) == changes{{1, 0}, {2, 0}});
    CHECK(merged({move(0, 1, 2), move(1, 2, 3), move(2, 3, 3), move(3, 4, 1)}) ==
          changes{{1, 0}, {2, 0}, {3, 1}, {4, -1}});
    CHECK(merged({{task_index{0}, unplaced, {node_index{5}, 0}}, {task_index{1}, {node_index{5}, 0}, unplaced}}) ==
          changes{{5, 0}});
}

TEST_CASE("GPUs of both slots of a move are not touched") {
    const auto touched = [](slot from, slot to) { return detail::gpus_touched{{task_index{0}, from, to}}; };
    const slot low{node_index{0}, 0b011};
    const slot high{node_index{0}, 0b110};
    CHECK(touched(low, high).left == 0b001);
    CHECK(touched(low, high).taken == 0b100);
    CHECK(touched(low, low).left == 0);
    CHECK(touched(low, {node_index{1}, 0b011}).left == 0b011);
    CHECK(touched(low, {node_index{1}, 0b011}).taken == 0b011);
    CHECK(touched(unplaced, high).left == 0);
    CHECK(touched(unplaced, high).taken == 0b110);
}
