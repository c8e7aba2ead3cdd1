// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/evaluate_reassignment.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"
#include "support/mrp_check.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

reassignment_input example() { return need(bench::read_mrp_instance(need(bench::find_mrp_instance("example")))).input; }

std::vector<node_index> nodes(std::initializer_list<std::size_t> values) {
    std::vector<node_index> out;
    for (const std::size_t value : values) out.emplace_back(value);
    return out;
}

}  // namespace

TEST_CASE("evaluate: the worked example of the challenge") {
    const auto p = need(make_reassignment_problem(example()));
    CHECK(initial_assignment(p) == nodes({0, 3, 0}));
    const auto first = evaluate(p, initial_assignment(p));
    CHECK(first.feasible());
    CHECK(first.cost == reassignment_cost{.load = 1700, .balance = 2500});
    CHECK(first.cost.total() == 4200);
    const auto second = evaluate(p, nodes({0, 2, 0}));
    CHECK(second.feasible());
    CHECK(second.cost == reassignment_cost{.load = 1500, .balance = 1700, .tasks = 100, .groups = 10, .pairs = 200});
    CHECK(second.cost.total() == 3510);
    const auto best = evaluate(p, nodes({0, 2, 1}));
    CHECK(best.feasible());
    CHECK(best.cost.total() == 2411);
    CHECK(least_cost(p) == 2411);
}

TEST_CASE("evaluate: every constraint of the worked example that is broken is counted") {
    const auto p = need(make_reassignment_problem(example()));
    CHECK(evaluate(p, nodes({0, 0, 0})).violations == reassignment_violations{.conflicts = 1, .spread = 1});
    CHECK(evaluate(p, nodes({0, 3, 3})).violations == reassignment_violations{.capacity = 6 + 120});
    CHECK(evaluate(p, nodes({3, 2, 0})).violations == reassignment_violations{.capacity = 12, .dependencies = 1});
}

TEST_CASE("evaluate: all assignments of random instances come to what the check of the programs says") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto in =
            random_reassignment({.nodes = 3, .tasks = 5, .groups = 3, .resources = 1 + seed % 4, .room = 1.2}, seed);
        const auto p = need(make_reassignment_problem(in));
        for_each_assignment(3, 5, [&](const std::vector<node_index>& placed) {
            const auto expected = bench::check_mrp_assignment(in, placed);
            const auto verdict = evaluate(p, placed);
            REQUIRE(verdict.cost == expected.cost);
            REQUIRE(verdict.violations == expected.violations);
            REQUIRE(verdict.feasible() == expected.feasible());
        });
    }
}

TEST_CASE("evaluate: random assignments of instances like those of the challenge") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        const auto in = bench::generate_mrp_instance({.machines = 20, .processes = 150}, seed).input;
        const auto p = need(make_reassignment_problem(in));
        CHECK(evaluate(p, initial_assignment(p)).feasible());
        xoshiro256 random{seed};
        for (int i = 0; i < 50; ++i) {
            const auto placed = random_assignment(p, random);
            const auto expected = bench::check_mrp_assignment(in, placed);
            const auto verdict = evaluate(p, placed);
            REQUIRE(verdict.cost == expected.cost);
            REQUIRE(verdict.violations == expected.violations);
        }
    }
}

TEST_CASE("evaluate: no tasks") {
    auto in = random_reassignment({.tasks = 0}, 3);
    in.spread.assign(in.spread.size(), 0);
    in.balances.clear();
    const auto p = need(make_reassignment_problem(in));
    CHECK(initial_assignment(p).empty());
    CHECK(evaluate(p, {}).feasible());
    CHECK(evaluate(p, {}).cost.total() == 0);
}
