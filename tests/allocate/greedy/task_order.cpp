// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/task_order.hpp"

#include "berth/model/workload_builder.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

std::vector<std::size_t> values(const std::vector<task_index>& order) {
    std::vector<std::size_t> out;
    for (const auto t : order) out.push_back(t.value());
    return out;
}
using positions = std::vector<std::size_t>;

}  // namespace

TEST_CASE("orders by hand, ties as listed") {
    const auto machines = hand_fleet({{{1000, 1000}, 9000, 0, "G2"}, {{1000}, 9000, 0, "T4"}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .cpu = 100},
                                               {.gpus = 0, .share = 0, .cpu = 9000},
                                               {.gpus = 2, .share = 1000, .cpu = 1},
                                               {.gpus = 1, .share = 500, .cpu = 200},
                                               {.gpus = 1, .share = 500, .cpu = 100},
                                               {.gpus = 1, .share = 100, .cpu = 0, .accepted = {"T4"}},
                                               {.gpus = 1, .share = 900, .cpu = 0, .accepted = {"G2"}}});
    const problem p{machines, work};
    CHECK(values(arrival_order{}(p)) == positions{0, 1, 2, 3, 4, 5, 6});
    CHECK(values(largest_first{}(p)) == positions{2, 6, 3, 0, 4, 5, 1});
    CHECK(values(scarcest_first{}(p)) == positions{5, 6, 2, 3, 0, 4, 1});
}

TEST_CASE("higher priority first") {
    const auto machines = hand_fleet({{{1000}}});
    workload_builder builder{machines};
    for (const int priority : {0, 5, -1, 5, 0}) (void)need(builder.add_task({.priority = priority}));
    const auto work = need(std::move(builder).build());
    CHECK(values(priority_first{}(problem{machines, work})) == positions{1, 3, 0, 4, 2});
}

TEST_CASE("every order lists every task once and repeats") {
    const auto [machines, work] = random_problem(3);
    const problem p{machines, work};
    const auto all = values(arrival_order{}(p));
    const auto check = [&](const auto& order) {
        auto listed = values(order(p));
        CHECK(listed == values(order(p)));
        std::sort(listed.begin(), listed.end());
        CHECK(listed == all);
    };
    check(largest_first{});
    check(scarcest_first{});
    check(priority_first{});
    check(shuffled{4});
    CHECK(values(shuffled{4}(p)) != values(shuffled{5}(p)));
}
