// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/shift.hpp"

#include "berth/allocate/search/neighbourhoods/neighbourhoods.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("shift proposes one slot that is admitted, or a whole gang") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) proposals += check_proposals(shift{}, seed, 1);
    CHECK(proposals > 2000);
}

TEST_CASE("shift_group brings members of a group to one node") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) check_proposals(shift_group{}, seed, 3);
    const fleet machines = hand_fleet({{{1000, 1000}, 8000}, {{1000, 1000}, 8000}});
    workload_builder make{machines};
    for (int t = 0; t < 2; ++t) (void)need(make.add_task({.gpus = 1, .group = "service"}));
    const auto tasks = need(std::move(make).build());
    const problem p{machines, tasks};
    const objective wish{tier(left_out{})};
    search_space space{p, wish.prepare(p, assignment{{node_index{0}, 1}, {node_index{0}, 2}}), any_node::prepare(p)};
    xoshiro256 g{1};
    move_list out;
    bool moved = false;
    for (int i = 0; i < 50; ++i) {
        out.clear();
        if (!shift_group{}.propose(space, g, out)) continue;
        moved = true;
        REQUIRE(out.size() == 2);
        CHECK(out[0].to.node == node_index{1});
        CHECK(out[1].to.node == node_index{1});
    }
    CHECK(moved);
}

TEST_CASE("take_out takes a task or a whole gang") {
    std::size_t proposals = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed)
        proposals += check_proposals(neighbourhoods{take_out{}, shift{}}, seed, 1, true);
    CHECK(proposals > 500);
}
