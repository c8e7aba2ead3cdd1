// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/node_classes.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::class_set;
using berth::detail::node_classes;

namespace {

/// Every node is in a class.
void is_consistent(const node_classes& classes, const fleet& machines) {
    REQUIRE(classes.size() >= 1);
    REQUIRE(classes.size() <= 64);
    std::set<std::size_t> used;
    for (std::size_t n = 0; n < machines.node_count(); ++n) {
        const std::size_t c = classes.of(node_index{n});
        REQUIRE(c < classes.size());
        used.insert(c);
    }
    REQUIRE(used.size() == classes.size());
}

}  // namespace

TEST_CASE("up to 64 kinds of nodes are classes of their own") {
    for (const std::size_t kinds : {1U, 2U, 63U, 64U}) {
        CAPTURE(kinds);
        std::vector<hand_node> nodes;
        for (std::size_t i = 0; i < 3 * kinds; ++i) nodes.push_back({{1000}, static_cast<amount>(i % kinds)});
        const auto machines = hand_fleet(nodes);
        const node_classes classes{machines};
        is_consistent(classes, machines);
        CHECK(classes.size() == kinds);
        for (std::size_t i = 0; i < nodes.size(); ++i) CHECK(classes.of(node_index{i}) == i % kinds);
    }
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const auto [machines, work] = random_problem(seed);
        const node_classes classes{machines};
        is_consistent(classes, machines);
        CHECK(classes.size() == machines.hardware_count());
        // Then a class fits what each of its nodes fits, if nothing of the node is unhealthy.
        const ledger empty{machines};
        for (std::size_t s = 0; s < work.shape_count(); ++s) {
            const demand_view demand = work.demand(shape_index{s});
            const class_set set = classes.fitting(empty, demand);
            for (std::size_t n = 0; n < machines.node_count(); ++n) {
                const node_index node{n};
                if (!machines.healthy(node) || machines.healthy_gpus(node) != first_gpus(machines.gpu_count(node))) {
                    continue;
                }
                REQUIRE((set >> classes.of(node_index{n}) & 1U) == (empty.fits(demand, node_index{n}) ? 1U : 0U));
            }
        }
    }
}

TEST_CASE("more kinds are grouped by models and number of GPUs") {
    std::vector<hand_node> nodes;
    for (std::size_t i = 0; i < 90; ++i) {
        nodes.push_back({std::vector<amount>(1 + i % 3, 1000), static_cast<amount>(i), 0, i % 2 == 0 ? "A100" : "T4"});
    }
    const auto machines = hand_fleet(nodes);
    REQUIRE(machines.kind_count() == 90);
    const node_classes classes{machines};
    is_consistent(classes, machines);
    CHECK(classes.size() == 6);
    for (std::size_t i = 0; i < nodes.size(); ++i) CHECK(classes.of(node_index{i}) == i % 6);
}

TEST_CASE("many kinds that differ in models and number of GPUs, too, are grouped by their first model") {
    fleet_builder builder;
    std::vector<std::string> names;
    for (std::size_t m = 0; m < 64; ++m) names.push_back("model-" + std::to_string(m));
    for (std::size_t m = 0; m < names.size(); ++m) {
        for (std::size_t size = 1; size <= 2; ++size) {
            const std::vector<gpu_description> gpus(size, gpu_description{.model = names[m]});
            (void)need(builder.add_node({.gpus = gpus}));
        }
    }
    (void)need(builder.add_node({}));  // no GPU at all
    const auto machines = need(std::move(builder).build());
    REQUIRE(machines.kind_count() == 129);
    const node_classes classes{machines};
    is_consistent(classes, machines);
    CHECK(classes.size() == 64);
    // The largest node stands for its class: two GPUs fit, three do not.
    workload_builder tasks{machines};
    const std::string_view accepted[] = {names[3], names[60]};
    (void)need(tasks.add_task({.gpus = 2, .accepted_models = accepted}));
    (void)need(tasks.add_task({.gpus = 3}));
    const auto work = need(std::move(tasks).build());
    const ledger empty{machines};
    CHECK(classes.fitting(empty, work.demand(task_index{0})) == (class_set{1} << 3 | class_set{1} << 60));
    CHECK(classes.fitting(empty, work.demand(task_index{1})) == 0);
}

TEST_CASE("an unhealthy node does not stand for its class") {
    fleet_builder builder;
    for (std::size_t i = 0; i < 80; ++i) {
        const amount host[] = {static_cast<amount>(i + 1), 0};
        const gpu_description gpus[] = {{.model = "A100", .healthy = i != 0}};
        (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    }
    const auto machines = need(std::move(builder).build());
    const node_classes classes{machines};
    CHECK(classes.size() == 1);
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000, .cpu = 1}});
    CHECK(classes.fitting(ledger{machines}, work.demand(task_index{0})) == 1);
}

TEST_CASE("bare GPUs that all differ are one class per model") {
    std::vector<hand_node> nodes;
    for (std::size_t i = 0; i < 200; ++i) {
        nodes.push_back({{static_cast<amount>(500 + i)}, 0, 0, i % 2 == 0 ? "A100" : "T4"});
    }
    const auto machines = hand_fleet(nodes);
    const node_classes classes{machines};
    is_consistent(classes, machines);
    CHECK(classes.size() == 2);
}
