// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/reassignment_bound.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"
#include "support/mrp_check.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("reassignment bound: no assignment costs less") {
    std::size_t reached = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        const auto in = random_reassignment({.nodes = 3, .tasks = 6, .resources = 3, .room = 1.1}, seed);
        const auto p = need(make_reassignment_problem(in));
        const amount bound = reassignment_bound(p);
        CHECK(bound == bench::mrp_lower_bound(in));
        amount least = evaluate(p, initial_assignment(p)).cost.total();
        for_each_assignment(3, 6, [&](const std::vector<node_index>& placed) {
            const reassignment_cost cost = evaluate(p, placed).cost;
            REQUIRE(cost.total() >= bound);
            const amount load = cost.load + cost.balance;
            least = load < least ? load : least;
        });
        reached += least == bound ? 1 : 0;
    }
    CHECK(reached > 0);
}

TEST_CASE("reassignment bound: the example of the challenge") {
    const auto in = need(bench::read_mrp_instance(need(bench::find_mrp_instance("example")))).input;
    CHECK(reassignment_bound(need(make_reassignment_problem(in))) == bench::mrp_lower_bound(in));
}

TEST_CASE("reassignment bound: no tasks") {
    auto in = random_reassignment({.nodes = 2, .tasks = 0, .groups = 1, .resources = 2}, 1);
    in.balances.clear();
    CHECK(reassignment_bound(need(make_reassignment_problem(in))) == 0);
}
