// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/search_space.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("slots that a space draws are admitted, within the region, and reach every node that admits the task") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        const auto made = random_problem(seed, {.nodes = 8, .tasks = 30, .gpu_counters = 2});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const objective wish{tier(capacity_excess{})};
        search_space space{p, wish.prepare(p, random_assignment(g, p)), any_node::prepare(p)};
        std::vector<std::uint32_t> part(8);
        std::vector<node_index> nodes;
        std::vector<task_index> tasks;
        for (std::size_t n = 0; n < 8; ++n) {
            part[n] = static_cast<std::uint32_t>(n % 2);
            if (n % 2 == 1) nodes.emplace_back(n);
        }
        for (std::size_t t = 0; t < 30; ++t) {
            if (!space.where(task_index{t}).placed() || space.where(task_index{t}).node.value() % 2 == 1)
                tasks.emplace_back(t);
        }
        for (const bool confined : {false, true}) {
            if (confined) space.confine({tasks, nodes, part, 1});
            for (std::size_t t = 0; t < 30; ++t) {
                std::vector<int> drawn(8, 0);
                for (int i = 0; i < 300; ++i) {
                    const slot where = space.any_slot(task_index{t}, g);
                    if (!where.placed()) break;
                    REQUIRE(may_go(p, task_index{t}, where));
                    REQUIRE(space.admits(task_index{t}, where));
                    ++drawn[where.node.value()];
                }
                for (std::size_t n = 0; n < 8; ++n) {
                    bool possible = false;
                    for (int i = 0; i < 5 && !possible; ++i) {
                        possible = space.slot_on(task_index{t}, node_index{n}, g).placed();
                    }
                    CHECK((drawn[n] > 0) == (possible && (!confined || n % 2 == 1)));
                }
            }
        }
    }
}

TEST_CASE("same_model: slots that are drawn and admitted have GPUs of one model") {
    fleet_builder builder;
    const std::vector<gpu_description> mixed{
        {.model = "A"}, {.model = "B"}, {.model = "A"}, {.model = "B"}, {.model = "B"}};
    const std::vector<gpu_description> pairs{{.model = "A"}, {.model = "B"}, {.model = "C"}};
    (void)need(builder.add_node({.gpus = mixed}));
    (void)need(builder.add_node({.gpus = pairs}));
    const fleet machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    (void)need(tasks.add_task({.gpus = 2, .same_model = true}));
    (void)need(tasks.add_task({.gpus = 3, .same_model = true}));
    const workload work = need(std::move(tasks).build());
    const problem p{machines, work};
    const objective wish{tier(capacity_excess{})};
    search_space space{p, wish.prepare(p, assignment(2, unplaced)), any_node::prepare(p)};
    xoshiro256 g{1};
    std::vector<gpu_mask> seen;
    for (int i = 0; i < 200; ++i) {
        for (const std::size_t t : {0U, 1U}) {
            const slot where = space.any_slot(task_index{t}, g);
            if (!where.placed()) continue;
            REQUIRE(where.node == node_index{0});
            REQUIRE(machines.one_model(where));
            REQUIRE(space.admits(task_index{t}, where));
            if (t == 0 && std::find(seen.begin(), seen.end(), where.gpus) == seen.end()) seen.push_back(where.gpus);
        }
        CHECK_FALSE(space.slot_on(task_index{0}, node_index{1}, g).placed());
    }
    CHECK(seen.size() == 4);  // the pair of A, and three pairs of B
    CHECK_FALSE(space.admits(task_index{0}, {node_index{0}, 0b00011}));
    CHECK(space.admits(task_index{1}, {node_index{0}, 0b11010}));
}

TEST_CASE("back undoes every go") {
    const auto made = random_problem(3, {.nodes = 6, .tasks = 40});
    const problem p{made.machines, made.tasks};
    xoshiro256 g{1};
    const objective wish{tier(capacity_excess{}), tier(left_out{})};
    search_space space{p, wish.prepare(p, random_assignment(g, p)), any_node::prepare(p)};
    const assignment before(space.state().assignment().begin(), space.state().assignment().end());
    const auto value = space.state().value();
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 8; ++i) {
            const task_index t = space.any_task(g);
            const slot target = space.any_slot(t, g);
            if (target.placed()) space.go(space.to(t, target));
        }
        space.back();
        CHECK(space.state().value() == value);
        CHECK(std::equal(before.begin(), before.end(), space.state().assignment().begin()));
    }
    CHECK(space.evaluations() == 0);
}

TEST_CASE("a task is offered the tightest GPU that has room, half of the time") {
    const fleet machines = hand_fleet({{{1000, 1000, 1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 400, 0}, {1, 300, 0}, {1, 900, 0}});
    const problem p{machines, tasks};
    const objective wish{tier(capacity_excess{})};
    search_space space{p, wish.prepare(p, assignment{{node_index{0}, 1}, unplaced, {node_index{0}, 2}}),
                       any_node::prepare(p)};
    xoshiro256 g{2};
    int tight = 0;
    for (int i = 0; i < 600; ++i) tight += space.slot_on(task_index{1}, node_index{0}, g).gpus == 1 ? 1 : 0;
    CHECK(tight > 340);  // a half and a third of the other half: 400
    CHECK(tight < 460);
    for (int i = 0; i < 20; ++i) CHECK((space.slot_on(task_index{1}, node_index{0}, g, 4).gpus & 4U) != 0);
}
