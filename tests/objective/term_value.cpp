// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/term_value.hpp"

#include "berth/objective/objective.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"
#include "berth/objective/terms/move_cost.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <type_traits>

using namespace berth;
using namespace berth_test;

static_assert(std::is_aggregate_v<term_value> && std::is_trivially_copyable_v<term_value>);

TEST_CASE("term_value has term, tier, weight and the value without the weight") {
    const fleet machines = hand_fleet({{{1000, 1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 600, 1000}, {1, 600, 1000}, {1, 600, 1000}});
    const problem p{machines, tasks};
    const auto cost = [](task_index t, gpu_index) { return 10.0 + static_cast<double>(t.value()); };
    const objective wish{tier(capacity_excess{}), tier(0.5 * assignment_cost_term{cost}, 100.0 * left_out{})};
    const assignment both_on_one{{node_index{0}, 1}, {node_index{0}, 1}, unplaced};
    const auto state = wish.prepare(p, both_on_one);

    const auto parts = state.by_term();
    REQUIRE(parts.size() == 3);
    CHECK(parts[0].tier == 0);
    CHECK(parts[0].weight == 1.0);
    CHECK(parts[0].value == 200.0);
    CHECK(parts[1].tier == 1);
    CHECK(parts[1].weight == 0.5);
    CHECK(parts[1].value == 10.0 + 11.0);
    CHECK(parts[2].tier == 1);
    CHECK(parts[2].weight == 100.0);
    CHECK(parts[2].value == 1.0);
    CHECK(std::string{parts[0].name} == capacity_excess{}.name());
    CHECK(std::string{parts[2].name} == left_out{}.name());

    // The tiers are the weighted sums of their parts.
    const auto tiers = state.value();
    double sums[2] = {0.0, 0.0};
    for (const term_value& part : parts) sums[part.tier] += part.weight * part.value;
    CHECK(tiers[0] == sums[0]);
    CHECK(tiers[1] == sums[1]);
}

TEST_CASE("a default term_value has weight 1 and value 0") {
    const term_value none{};
    CHECK(std::string{none.name}.empty());
    CHECK(none.tier == 0);
    CHECK(none.weight == 1.0);
    CHECK(none.value == 0.0);
}
