// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/ruin_and_recreate.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("ruin and recreate puts everything back that it takes out") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        proposals += check_proposals(ruin_and_recreate{}, seed, 6);
        proposals += check_proposals(ruin_and_recreate{.tasks = 1, .samples = 1}, seed, 1);
    }
    CHECK(proposals > 500);
}

TEST_CASE("ruin and recreate makes room for a task of several GPUs") {
    // Two shares on different GPUs of the only node with two; the pair fits if both share one GPU or leave.
    const fleet machines = hand_fleet({{{1000, 1000}, 8000}, {{1000}, 8000}});
    const workload tasks = hand_workload(machines, {{2, 1000, 0}, {1, 500, 0}, {1, 400, 0}});
    const problem p{machines, tasks};
    const objective wish{tier(capacity_excess{}), tier(left_out{})};
    const assignment start{unplaced, {node_index{0}, 1}, {node_index{0}, 2}};
    const plan found =
        local_search{ruin_and_recreate{}, descent{}}.run(p, wish, start, run_control<>{.max_evaluations = 5'000});
    check_plan(p, wish, start, found);
    CHECK(found.left_out.empty());
    CHECK(found.by_term[0].value == 0.0);
}
