// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/swap.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("swap exchanges two slots") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) proposals += check_proposals(berth::swap{}, seed, 2);
    CHECK(proposals > 1000);
    const fleet machines = hand_fleet({{{1000}, 8000}, {{1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 400, 0}, {1, 700, 0}});
    const problem p{machines, tasks};
    const objective wish{tier(capacity_excess{})};
    search_space space{p, wish.prepare(p, assignment{{node_index{0}, 1}, {node_index{1}, 1}}), any_node::prepare(p)};
    xoshiro256 g{3};
    move_list out;
    while (!berth::swap{}.propose(space, g, out)) out.clear();
    REQUIRE(out.size() == 2);
    CHECK(out[0].to == out[1].from);
    CHECK(out[1].to == out[0].from);
}

TEST_CASE("chains move tasks up into each other's slots") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        proposals += check_proposals(chain{1}, seed, 1);
        proposals += check_proposals(chain{2}, seed, 2);
        proposals += check_proposals(chain{3}, seed, 3);
    }
    CHECK(proposals > 3000);
}
