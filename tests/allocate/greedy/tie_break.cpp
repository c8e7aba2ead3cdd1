// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/tie_break.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

std::vector<std::size_t> values(const std::vector<node_index>& order) {
    std::vector<std::size_t> out;
    for (const auto n : order) out.push_back(n.value());
    return out;
}

}  // namespace

TEST_CASE("tie-break orders by hand") {
    const auto machines = hand_fleet({{{1000}}, {{1000}}, {{1000}}, {{1000}}});
    CHECK(values(lowest_index{}.rank(machines)) == std::vector<std::size_t>{0, 1, 2, 3});
    // Equal numbers: the node that was added first.
    CHECK(values(priority_order{{7, 2, 7, 0}}.rank(machines)) == std::vector<std::size_t>{3, 1, 0, 2});
}

TEST_CASE("nodes without a number come last") {
    const auto machines = hand_fleet({{{1000}}, {{1000}}, {{1000}}, {{1000}}});
    CHECK(values(priority_order{{7, 2}}.rank(machines)) == std::vector<std::size_t>{1, 0, 2, 3});
    CHECK(values(priority_order{}.rank(machines)) == std::vector<std::size_t>{0, 1, 2, 3});
    CHECK(values(priority_order{{3, 2, 1, 0, 9, 9}}.rank(machines)) == std::vector<std::size_t>{3, 2, 1, 0});
}

TEST_CASE("random_order is a permutation, fixed by its seed") {
    const auto machines = random_problem(1, {.nodes = 50}).machines;
    auto order = values(random_order{5}.rank(machines));
    CHECK(order == values(random_order{5}.rank(machines)));
    CHECK(order != values(random_order{6}.rank(machines)));
    std::sort(order.begin(), order.end());
    CHECK(order == values(lowest_index{}.rank(machines)));
}
