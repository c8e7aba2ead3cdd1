// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/reassignment_problem.hpp"

#include "berth/allocate/reassignment/reassignment_plan.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using berth::error_code;
using berth::group_index;
using berth::make_reassignment_problem;
using berth::node_index;
using berth::reassignment_input;
using berth::task_index;

namespace {

berth::node_pair_costs by_difference(std::size_t nodes) {
    berth::node_pair_costs costs{nodes};
    for (std::size_t from = 0; from < nodes; ++from) {
        std::vector<std::uint32_t> row;
        for (std::size_t to = 0; to < nodes; ++to) {
            row.push_back(static_cast<std::uint32_t>(from < to ? to - from : 10 * (from - to)));
        }
        costs.add_row(row);
    }
    costs.finish();
    return costs;
}

/// Three nodes with two resources, three groups (the last one empty), four tasks.
reassignment_input sample() {
    reassignment_input in;
    in.resources = {{true, 5}, {false, 7}};
    in.balances = {{1, 0, 2, 3}};
    in.neighbourhood = {70, 40, 70};
    in.location = {9, 5, 5};
    in.capacity = {10, 11, 20, 21, 30, 31};
    in.safety_capacity = {8, 9, 18, 19, 28, 29};
    in.pair_costs = by_difference(3);
    in.spread = {2, 1, 0};
    in.dependencies = {1, 1, 0, 2, 0};
    in.dependency_ends = {4, 5, 5};
    in.group = {1, 0, 0, 1};
    in.demand = {1, 2, 3, 4, 5, 6, 7, 8};
    in.move_cost = {100, 200, 300, 400};
    in.initial = {2, 2, 0, 1};
    in.task_weight = 1;
    in.group_weight = 10;
    in.pair_weight = 1000;
    return in;
}

template <class Change>
void refused(error_code code, std::string_view start, std::string_view what, const Change& change) {
    reassignment_input in = sample();
    change(in);
    const auto made = make_reassignment_problem(std::move(in));
    REQUIRE_FALSE(made.has_value());
    const std::string& message = made.error().message;
    CHECK_MESSAGE(message.starts_with(start), message);
    CHECK_MESSAGE(message.find(what) != std::string::npos, message);
    CHECK_MESSAGE(made.error().code == code, message);
}

template <class T>
std::vector<std::size_t> positions(std::span<const T> indices) {
    std::vector<std::size_t> out;
    for (const T index : indices) out.push_back(index.value());
    return out;
}

constexpr berth::amount beyond = berth::amount{1} << 32U;

}  // namespace

TEST_CASE("a problem gives back what it was made of") {
    const auto made = make_reassignment_problem(sample());
    REQUIRE(made.has_value());
    const auto& p = *made;
    CHECK(p.resource_count() == 2);
    CHECK(p.node_count() == 3);
    CHECK(p.group_count() == 3);
    CHECK(p.task_count() == 4);
    CHECK(p.resources()[0].transient);
    CHECK(p.resources()[1].load_weight == 7);
    CHECK(p.balances()[0].target == 2);
    CHECK(p.capacity(node_index{1})[1] == 21);
    CHECK(p.safety_capacity(node_index{2})[0] == 28);
    CHECK(p.demand(task_index{3}).size() == 2);
    CHECK(p.demand(task_index{3})[1] == 8);
    CHECK(p.pair_cost(node_index{0}, node_index{2}) == 2);
    CHECK(p.pair_cost(node_index{2}, node_index{0}) == 20);
    CHECK(p.group(task_index{1}) == group_index{0});
    CHECK(p.initial(task_index{0}) == node_index{2});
    CHECK(p.move_cost(task_index{2}) == 300);
    CHECK(p.spread(group_index{0}) == 2);
    CHECK(p.task_weight() == 1);
    CHECK(p.group_weight() == 10);
    CHECK(p.pair_weight() == 1000);
}

TEST_CASE("locations and neighbourhoods are numbered without gaps") {
    const auto made = make_reassignment_problem(sample());
    REQUIRE(made.has_value());
    CHECK(made->location_count() == 2);
    CHECK(made->neighbourhood_count() == 2);
    const std::vector<std::uint32_t> locations{0, 1, 1};
    const std::vector<std::uint32_t> neighbourhoods{0, 1, 0};
    for (std::size_t n = 0; n < 3; ++n) {
        CHECK(made->location(node_index{n}) == locations[n]);
        CHECK(made->neighbourhood(node_index{n}) == neighbourhoods[n]);
    }
}

TEST_CASE("groups know their members and dependencies and dependents") {
    const auto made = make_reassignment_problem(sample());
    REQUIRE(made.has_value());
    using list = std::vector<std::size_t>;
    CHECK(positions(made->members(group_index{0})) == list{1, 2});
    CHECK(positions(made->members(group_index{1})) == list{0, 3});
    CHECK(made->members(group_index{2}).empty());
    // A repeated dependency counts once, one on itself not at all.
    CHECK(positions(made->dependencies(group_index{0})) == list{1, 2});
    CHECK(positions(made->dependencies(group_index{1})) == list{0});
    CHECK(made->dependencies(group_index{2}).empty());
    CHECK(positions(made->dependents(group_index{0})) == list{1});
    CHECK(positions(made->dependents(group_index{1})) == list{0});
    CHECK(positions(made->dependents(group_index{2})) == list{0});
}

TEST_CASE("a problem may be without tasks and groups") {
    reassignment_input in = sample();
    in.group = in.initial = in.spread = in.dependencies = {};
    in.demand = in.move_cost = {};
    in.dependency_ends = {};
    in.balances = {};
    const auto made = make_reassignment_problem(std::move(in));
    REQUIRE(made.has_value());
    CHECK(made->task_count() == 0);
    CHECK(made->group_count() == 0);
}

TEST_CASE("the initial placement may break constraints") {
    reassignment_input in = sample();
    in.initial = {0, 0, 0, 0};
    CHECK(make_reassignment_problem(std::move(in)).has_value());
}

TEST_CASE("arrays that do not belong together are refused") {
    constexpr auto code = error_code::inconsistent;
    refused(code, "nodes: neighbourhood has 2 values, expected 3", "", [](auto& in) { in.neighbourhood.pop_back(); });
    refused(code, "nodes: capacity has 5 values, expected 3 rows of 2", "", [](auto& in) { in.capacity.pop_back(); });
    refused(code, "nodes: safety_capacity has 7 values", "", [](auto& in) { in.safety_capacity.push_back(1); });
    refused(code, "tasks: initial has 5 values, expected 4", "", [](auto& in) { in.initial.push_back(0); });
    refused(code, "tasks: demand has 7 values, expected 4 rows of 2", "", [](auto& in) { in.demand.pop_back(); });
    refused(code, "tasks: move_cost has 3 values", "", [](auto& in) { in.move_cost.pop_back(); });
    refused(code, "groups: dependency_ends", "", [](auto& in) { in.dependency_ends.pop_back(); });
    refused(code, "groups: dependency_ends", "", [](auto& in) { in.dependencies.push_back(0); });
    refused(code, "group 1: its dependencies end before they begin", "",
            [](auto& in) { in.dependency_ends = {5, 4, 5}; });
    refused(code, "group 0: its dependencies end at 4000000, there are only 5", "",
            [](auto& in) { in.dependency_ends = {4'000'000, 5, 5}; });
    refused(code, "groups: dependency_ends", "", [](auto& in) {
        in.group = in.initial = in.spread = {};
        in.demand = in.move_cost = {};
        in.dependency_ends = {};
    });
    refused(code, "pair costs: they are of 2 nodes, there are 3", "",
            [](auto& in) { in.pair_costs = by_difference(2); });
    refused(code, "pair costs: they are not finished", "", [](auto& in) { in.pair_costs = berth::node_pair_costs{3}; });
    refused(code, "pair costs: row 1 has 2 costs, expected 3", "", [](auto& in) {
        in.pair_costs = berth::node_pair_costs{3};
        for (const std::size_t size : {3U, 2U, 3U}) in.pair_costs.add_row(std::vector<std::uint32_t>(size, 1));
        in.pair_costs.finish();
    });
}

TEST_CASE("values out of range are refused by row and field") {
    constexpr auto negative = error_code::invalid_value;
    constexpr auto large = error_code::overflow;
    refused(negative, "node 1: capacity[0] is -1, expected 0..4294967295", "", [](auto& in) { in.capacity[2] = -1; });
    refused(large, "node 2: safety_capacity[1] is 4294967296", "", [](auto& in) { in.safety_capacity[5] = beyond; });
    refused(negative, "task 3: demand[1] is -8", "", [](auto& in) { in.demand[7] = -8; });
    refused(large, "task 0: move_cost[0] is 4294967296", "", [](auto& in) { in.move_cost[0] = beyond; });
    refused(negative, "resource 1: its load weight is -7", "", [](auto& in) { in.resources[1].load_weight = -7; });
    refused(negative, "balance 0: ", "-2", [](auto& in) { in.balances[0].target = -2; });
    refused(negative, "balance 0: ", "4294967296", [](auto& in) { in.balances[0].weight = beyond; });
    refused(negative, "weights: ", "-1, 10 and 1000", [](auto& in) { in.task_weight = -1; });
    refused(negative, "weights: ", "1, -1 and 1000", [](auto& in) { in.group_weight = -1; });
    refused(negative, "weights: ", "1, 10 and -1", [](auto& in) { in.pair_weight = -1; });
}

TEST_CASE("unknown nodes and groups and resources are refused") {
    constexpr auto code = error_code::unknown_name;
    refused(code, "task 2: group is 3, there are only 3", "", [](auto& in) { in.group[2] = 3; });
    refused(code, "task 1: initial is 3, there are only 3", "", [](auto& in) { in.initial[1] = 3; });
    refused(code, "group 0: it depends on group 3, there are only 3", "", [](auto& in) { in.dependencies[3] = 3; });
    refused(code, "balance 0: it names resource 2, there are only 2", "", [](auto& in) { in.balances[0].first = 2; });
    refused(code, "balance 0: it names resource 9, there are only 2", "", [](auto& in) { in.balances[0].second = 9; });
}

TEST_CASE("no node and no resource are refused") {
    constexpr auto code = error_code::invalid_value;
    refused(code, "reassignment: ", "no node", [](auto& in) { in.location = {}; });
    refused(code, "reassignment: ", "no resource", [](auto& in) { in.resources = {}; });
}

TEST_CASE("more resources than are supported are refused") {
    refused(error_code::limit_exceeded, "reassignment: there are 33 resources, at most 32", "",
            [](auto& in) { in.resources.resize(33); });
}

TEST_CASE("costs that would not be exact are refused") {
    constexpr auto code = error_code::overflow;
    constexpr berth::amount most = beyond - 1;
    refused(code, "weights: costs could reach 2^52", "", [](auto& in) {
        in.resources[0].load_weight = most;
        in.demand[0] = most;
    });
    refused(code, "weights: costs could reach 2^52", "", [](auto& in) { in.balances[0] = {0, 1, most, most}; });
    refused(code, "weights: costs could reach 2^52", "", [](auto& in) { in.pair_weight = most * 100000; });
    // Nor are balances of weight 0: the product is computed before it is weighed.
    refused(code, "weights: costs could reach 2^52", "", [](auto& in) {
        in.balances[0] = {0, 1, most, 0};
        in.capacity[0] = most;
    });
    refused(code, "amounts: sums could reach 2^52", "", [](auto& in) {
        in.resources = std::vector<berth::reassignment_resource>(32);
        in.balances = {};
        in.capacity.assign(3 * 32, 1);
        in.safety_capacity = in.capacity;
        const std::size_t tasks = 20'000;
        in.group.assign(tasks, 0);
        in.initial.assign(tasks, 0);
        in.move_cost.assign(tasks, 0);
        in.demand.assign(tasks * 32, beyond - 1);
    });
    reassignment_input large = sample();
    large.capacity[0] = large.demand[0] = most;
    CHECK(make_reassignment_problem(std::move(large)).has_value());
}

TEST_CASE("the parts of a cost add up and violations are none or not") {
    const berth::reassignment_cost cost{.load = 1, .balance = 20, .tasks = 300, .groups = 4000, .pairs = 50000};
    CHECK(cost.total() == 54321);
    CHECK(berth::reassignment_violations{}.none());
    CHECK_FALSE(berth::reassignment_violations{.capacity = 1}.none());
    CHECK_FALSE(berth::reassignment_violations{.conflicts = 1}.none());
    CHECK_FALSE(berth::reassignment_violations{.spread = 1}.none());
    CHECK_FALSE(berth::reassignment_violations{.dependencies = 1}.none());
    CHECK_FALSE(berth::reassignment_violations{.unplaced = 1}.none());
}
