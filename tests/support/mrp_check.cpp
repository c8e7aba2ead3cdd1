// SPDX-License-Identifier: Apache-2.0
#include "support/mrp_check.hpp"

#include "common/skip.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

using bench::check_mrp_assignment;
using bench::mrp_constraint;
using bench::mrp_violation;
using violations = std::vector<mrp_violation>;

namespace {

std::vector<berth::node_index> nodes(std::initializer_list<std::size_t> values) {
    std::vector<berth::node_index> out;
    for (const std::size_t value : values) out.emplace_back(value);
    return out;
}

berth::reassignment_input example() {
    auto read = bench::read_mrp_instance(*bench::find_mrp_instance("example"));
    REQUIRE(read.has_value());
    return std::move(read->input);
}

}  // namespace

TEST_CASE("the worked example of the challenge comes to what its definition says") {
    const auto input = example();
    const auto first = check_mrp_assignment(input, nodes({0, 3, 0}));
    CHECK(first.feasible());
    CHECK(first.moved == 0);
    CHECK(first.cost == berth::reassignment_cost{.load = 1700, .balance = 2500});
    CHECK(first.cost.total() == 4200);
    const auto second = check_mrp_assignment(input, nodes({0, 2, 0}));
    CHECK(second.feasible());
    CHECK(second.moved == 1);
    CHECK(second.cost ==
          berth::reassignment_cost{.load = 1500, .balance = 1700, .tasks = 100, .groups = 10, .pairs = 200});
    CHECK(second.cost.total() == 3510);
    const auto best = check_mrp_assignment(input, nodes({0, 2, 1}));
    CHECK(best.feasible());
    CHECK(best.cost.total() == 2411);
    berth::amount least = 4200;
    for (std::size_t a = 0; a < 64; ++a) {
        const auto verdict = check_mrp_assignment(input, nodes({a % 4, a / 4 % 4, a / 16}));
        CHECK(verdict.feasible() == verdict.broken.empty());
        if (verdict.feasible() && verdict.cost.total() < least) least = verdict.cost.total();
    }
    CHECK(least == 2411);
}

TEST_CASE("every constraint that is broken is named") {
    const auto input = example();
    // Process 1 beside process 0: one service, one location; and beyond machine 3 nothing holds process 1 any more.
    auto verdict = check_mrp_assignment(input, nodes({0, 0, 0}));
    CHECK_FALSE(verdict.feasible());
    CHECK(verdict.violations == berth::reassignment_violations{.conflicts = 1, .spread = 1});
    CHECK(verdict.broken == violations{{mrp_constraint::conflict, 1, 0, 0}, {mrp_constraint::spread, 0, 0, 1}});
    CHECK(to_text(verdict.broken[0]) == "process 1: is on machine 0, as process 0 of the same service");
    CHECK(to_text(verdict.broken[1]) == "service 0: is in 1 locations too few");
    // Process 2 in the other neighbourhood is beyond its capacity there; service 0 is there, too.
    verdict = check_mrp_assignment(input, nodes({0, 3, 3}));
    CHECK(verdict.violations == berth::reassignment_violations{.capacity = 6 + 120});
    CHECK(verdict.broken ==
          violations{{mrp_constraint::transient_capacity, 3, 0, 6}, {mrp_constraint::capacity, 3, 1, 120}});
    CHECK(to_text(verdict.broken[0]) ==
          "machine 3: usage of resource 0 is 6 beyond the capacity, initial processes included");
    CHECK(to_text(verdict.broken[1]) == "machine 3: usage of resource 1 is 120 beyond the capacity");
    // All of service 0 leaves neighbourhood 0, where process 2 needs it; and the two change places.
    verdict = check_mrp_assignment(input, nodes({3, 2, 0}));
    CHECK(verdict.violations == berth::reassignment_violations{.capacity = 12, .dependencies = 1});
    CHECK(verdict.broken ==
          violations{{mrp_constraint::transient_capacity, 3, 0, 12}, {mrp_constraint::dependency, 1, 0, 0}});
    CHECK(to_text(verdict.broken[1]) == "service 1: needs service 0 in neighbourhood 0");
}

TEST_CASE("transient usage is counted once for those who stay and on both machines for those who go") {
    auto input = example();
    input.capacity[0] = 18;  // process 0 and 2, exactly
    CHECK(check_mrp_assignment(input, nodes({0, 3, 0})).feasible());
    // Process 2 has gone, but holds its transient resource: nobody else may come.
    input.group = {0, 1, 2};
    input.spread = {1, 1, 1};
    input.dependencies = {};
    input.dependency_ends = {0, 0, 0};
    CHECK(check_mrp_assignment(input, nodes({0, 3, 1})).feasible());
    CHECK(check_mrp_assignment(input, nodes({0, 0, 1})).violations.capacity == 10);
    input.resources[0].transient = false;
    CHECK(check_mrp_assignment(input, nodes({0, 0, 1})).violations.capacity == 4);
}

TEST_CASE("an assignment that does not name a machine for each process is incomplete") {
    const auto input = example();
    CHECK_FALSE(check_mrp_assignment(input, nodes({0, 3})).complete);
    CHECK_FALSE(check_mrp_assignment(input, nodes({0, 3, 4})).complete);
    auto nowhere = nodes({0, 3, 0});
    nowhere[1] = berth::node_index{};
    CHECK_FALSE(check_mrp_assignment(input, nowhere).feasible());
}

TEST_CASE("the original costs of the public instances") {
    if (!berth_test::external_data("mrp")) return;
    const std::vector<std::pair<const char*, std::int64_t>> known{
        {"a1_1", 49528750},  {"a1_2", 1061649570}, {"a1_3", 583662270},  {"a1_4", 632499600},  {"a1_5", 782189690},
        {"a2_1", 391189190}, {"a2_2", 1876768120}, {"a2_3", 2272487840}, {"a2_4", 3223516130}, {"a2_5", 787355300},
        {"b_1", 7644173180}, {"b_2", 5181493830},  {"b_3", 6336834660},  {"b_4", 9209576380},  {"b_5", 12426813010}};
    for (const auto& [name, cost] : known) {
        CAPTURE(name);
        const auto files = bench::find_mrp_instance(name);
        REQUIRE(files.has_value());
        const auto read = bench::read_mrp_instance(*files);
        REQUIRE(read.has_value());
        const auto verdict = check_mrp_assignment(read->input, bench::observed_nodes(read->input));
        CHECK(verdict.feasible());
        CHECK(verdict.cost.total() == cost);
        CHECK(berth::make_reassignment_problem(read->input).has_value());
    }
}
