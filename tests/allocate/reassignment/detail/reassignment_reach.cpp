// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/reassignment_reach.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::reassignment_reach;

namespace {

/// True if a task fits on a node beside what transient resources hold there; recomputed from the problem.
bool fits_alone(const reassignment_problem& p, task_index t, node_index n) {
    for (std::size_t r = 0; r < p.resource_count(); ++r) {
        amount room = p.capacity(n)[r];
        for (std::size_t u = 0; u < p.task_count(); ++u) {
            const task_index other{u};
            if (p.resources()[r].transient && p.initial(other) == n) room -= p.demand(other)[r];
        }
        if (p.demand(t)[r] > room && p.demand(t)[r] > 0) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("reassignment reach: the initial node and those where a task fits beside what is held there") {
    std::size_t listed = 0;
    std::size_t beyond = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        const double room = 1.0 + 0.05 * static_cast<double>(seed);
        const auto p = need(make_reassignment_problem(
            random_reassignment({.nodes = 7, .tasks = 30, .resources = 3, .room = room}, seed)));
        const reassignment_reach<2> reach{p};
        for (std::size_t i = 0; i < p.task_count(); ++i) {
            const task_index t{i};
            std::vector<node_index> there;
            for (std::size_t n = 0; n < p.node_count(); ++n) {
                const node_index node{n};
                const bool initial = node == p.initial(t);
                const bool can = initial || fits_alone(p, t, node);
                REQUIRE(reach.contains(t, node) == can);
                if (can && !initial) there.push_back(node);
                beyond += can ? 0 : 1;
            }
            const std::vector<node_index> nodes{reach.nodes(t).begin(), reach.nodes(t).end()};
            if (there.size() > p.node_count() / 2) there.clear();
            REQUIRE(nodes == there);
            listed += nodes.empty() ? 0 : 1;
        }
    }
    CHECK(listed > 0);
    CHECK(beyond > 0);
}

TEST_CASE("reassignment reach: it contains every feasible assignment") {
    std::size_t feasible = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        auto in = random_reassignment({.nodes = 4, .tasks = 5, .groups = 5, .resources = 4, .room = 2.0}, seed);
        in.spread.assign(in.spread.size(), 0);
        in.dependencies.clear();
        in.dependency_ends.assign(in.spread.size(), 0);
        if (!place_feasibly(in, seed)) continue;
        const auto p = need(make_reassignment_problem(in));
        const reassignment_reach<2> reach{p};
        for_each_assignment(4, 5, [&](const std::vector<node_index>& placed) {
            if (!evaluate(p, placed).feasible()) return;
            ++feasible;
            for (std::size_t t = 0; t < placed.size(); ++t) REQUIRE(reach.contains(task_index{t}, placed[t]));
        });
    }
    CHECK(feasible > 100);
}

TEST_CASE("reassignment reach: a demand of 0 fits an overloaded resource") {
    reassignment_input in = random_reassignment({.nodes = 2, .tasks = 2, .groups = 2, .resources = 2}, 1);
    in.resources = {{.transient = true, .load_weight = 1}, {.transient = false, .load_weight = 1}};
    in.capacity = {10, 10, 10, 10};
    in.safety_capacity = {5, 5, 5, 5};
    in.demand = {20, 1, 0, 1};  // the first task exceeds its own node
    in.initial = {0, 1};
    const auto p = need(make_reassignment_problem(in));
    const reassignment_reach<1> reach{p};
    CHECK(reach.contains(task_index{std::size_t{0}}, node_index{std::size_t{0}}));
    CHECK_FALSE(reach.contains(task_index{std::size_t{0}}, node_index{std::size_t{1}}));
    CHECK(reach.contains(task_index{std::size_t{1}}, node_index{std::size_t{0}}));
}
