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

TEST_CASE("evaluate: all assignments of random instances agree with the check of the programs") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto in =
            random_reassignment({.nodes = 3, .tasks = 5, .groups = 3, .resources = 1 + seed % 4, .room = 1.2}, seed);
        const auto p = need(make_reassignment_problem(in));
        for_each_assignment(3, 5, [&](const std::vector<node_index>& placed) {
            const auto expected = bench::check_mrp_assignment(in, placed);
            const auto evaluation = evaluate(p, placed);
            REQUIRE(evaluation.cost == expected.cost);
            REQUIRE(evaluation.violations == expected.violations);
            REQUIRE(evaluation.feasible() == expected.feasible());
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
            const auto evaluation = evaluate(p, placed);
            REQUIRE(evaluation.cost == expected.cost);
            REQUIRE(evaluation.violations == expected.violations);
        }
    }
}

TEST_CASE("evaluate: tasks without an existing node are counted and cost nothing") {
    const auto p = need(make_reassignment_problem(random_reassignment({.tasks = 14}, 3)));
    auto placed = initial_assignment(p);
    const auto whole = evaluate(p, placed);
    CHECK(whole.violations.unplaced == 0);
    placed.push_back(node_index{0});
    const auto longer = evaluate(p, placed);
    CHECK(longer.violations.unplaced == 1);
    CHECK(longer.cost == whole.cost);
    CHECK_FALSE(longer.feasible());
    placed.resize(13);
    const auto shorter = evaluate(p, placed);
    CHECK(shorter.violations.unplaced == 1);
    placed.push_back(node_index{});
    CHECK(evaluate(p, placed).violations == shorter.violations);
    placed[13] = node_index{p.node_count()};
    CHECK(evaluate(p, placed).violations == shorter.violations);
    CHECK(evaluate(p, placed).cost == shorter.cost);
    CHECK(evaluate(p, {}).violations.unplaced == 14);
    CHECK(evaluate(p, {}).cost.load == 0);
}

TEST_CASE("an assignment is checked against its problem") {
    const auto p = need(make_reassignment_problem(random_reassignment({.nodes = 5, .tasks = 3}, 3)));
    auto placed = initial_assignment(p);
    CHECK(check_assignment(p, placed).has_value());
    placed[1] = node_index{5};
    CHECK(check_assignment(p, placed).error().message == "task 1: its node is 5, there are only 5");
    placed[1] = node_index{};
    CHECK(check_assignment(p, placed).error().message == "task 1: it has no node");
    placed.resize(2);
    CHECK(check_assignment(p, placed).error().message ==
          "assignment: it has 2 nodes, expected one for each of 3 tasks");
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
