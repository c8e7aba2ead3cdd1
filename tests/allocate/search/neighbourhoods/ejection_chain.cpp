// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/ejection_chain.hpp"

#include "berth/objective/terms/assignment_cost.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("ejection chains are admissible and at most `depth` long") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        proposals += check_proposals(ejection_chain{}, seed, 5);
        proposals += check_proposals(ejection_chain{.depth = 2, .samples = 1}, seed, 2);
        proposals += check_proposals(ejection_chain{.by_penalty = true}, seed, 5);
    }
    CHECK(proposals > 1000);
}

TEST_CASE("an ejection chain finds an improvement that no shift and no swap does") {
    // Three GPUs, each full: 600 is cheaper by 10 on GPU 1, 500 there may go to GPU 2, 300 from there to GPU 0.
    const fleet machines = hand_fleet({{{1000}, 8000}, {{900}, 8000}, {{800}, 8000}});
    const workload tasks =
        hand_workload(machines, {{1, 600, 0}, {1, 500, 0}, {1, 300, 0}, {1, 400, 0}, {1, 300, 0}, {1, 500, 0}});
    const problem p{machines, tasks};
    const auto on = [](std::size_t n) { return slot{node_index{n}, 1}; };
    const assignment start{on(0), on(1), on(2), on(0), on(1), on(2)};
    const auto cost = [](task_index t, gpu_index g) { return t.value() == 0 && g.value() == 1 ? -10.0 : 0.0; };
    const objective wish{tier(capacity_excess{}), tier(assignment_cost_term{cost})};
    const plan found = local_search{ejection_chain{.depth = 4}, descent{}}.run(
        p, wish, start, run_control<>{.max_evaluations = 50'000});
    check_plan(p, wish, start, found);
    CHECK(found.by_term[0].value == 0.0);
    CHECK(found.by_term[1].value == -10.0);
}

TEST_CASE("a space with a penalty prefers what an acceptance rule with it does") {
    const fleet machines = hand_fleet({{{1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 600, 0}});
    const problem p{machines, tasks};
    const objective wish{tier(capacity_excess{}), tier(left_out{})};
    search_space space{p, wish.prepare(p, assignment{slot{node_index{0}, 1}}), any_node::no_lists{}};
    const tier_values<2> dear{{0.0, 10.0}};
    const tier_values<2> over{{3.0, 1.0}};
    CHECK(space.prefers(dear, over));
    space.weigh(2.0);  // 10 against 7
    CHECK(space.prefers(over, dear));
    space.weigh(4.0);  // 10 against 13
    CHECK(space.prefers(dear, over));
    CHECK_FALSE(space.prefers(dear, dear));
    space.weigh(0.0);
    CHECK(space.prefers(dear, over));
}

TEST_CASE("chains by penalty go through an excess that the rule takes") {
    // GPU 0 is full, a better order of the two large tasks passes through an excess of one of them.
    const fleet machines = hand_fleet({{{1000}, 8000}, {{1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 900, 0}, {1, 900, 0}});
    const problem p{machines, tasks};
    const auto on = [](std::size_t n) { return slot{node_index{n}, 1}; };
    const auto cost = [](task_index t, gpu_index g) { return t.value() == g.value() ? 1.0 : 0.0; };
    const objective wish{tier(capacity_excess{}), tier(assignment_cost_term{cost})};
    const local_search search{ejection_chain{.depth = 2, .by_penalty = true}, adaptive_penalty{descent{}, 1.0, 1.02}};
    const assignment start{on(0), on(1)};
    const plan found = search.run(p, wish, start, run_control<>{.max_evaluations = 5'000});
    check_plan(p, wish, start, found);
    CHECK(found.by_term[0].value == 0.0);
    CHECK(found.by_term[1].value == 0.0);
}
