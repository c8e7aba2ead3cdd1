// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/counter_balance.hpp"

#include "allocate/problems.hpp"
#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <vector>

using namespace berth;
using namespace berth_test;

static_assert(std::same_as<decltype(counter_balance{std::vector<balance_goal>{}}), counter_balance<>>);
static_assert(std::same_as<decltype(counter_balance{std::array<balance_goal, 2>{}}), counter_balance<on_nodes, 2>>);

TEST_CASE("counter balance by hand") {
    const fleet machines = hand_fleet({{{1000}, 8, 100}, {{1000}, 4, 10}});
    const workload tasks = hand_workload(machines, {{0, 0, 3}, {0, 0, 5}});
    const problem p{machines, tasks};
    // Every free core needs 20 of memory. Free: 5 cores and 100; -1 cores (exceeded) and 10.
    const std::array<balance_goal, 1> memory_per_core{balance_goal{.counter = 0, .partner = 1, .target = 20}};
    const assignment a{{node_index{0}, 0}, {node_index{1}, 0}};
    CHECK(counter_balance{memory_per_core}.prepare(p, a).value() == 0);
    const assignment idle(2, unplaced);  // 8 cores and 100; 4 cores and 10
    CHECK(counter_balance{memory_per_core}.prepare(p, idle).value() == 60 + 70);
    const std::array<balance_goal, 2> both{
        balance_goal{.counter = 0, .partner = 1, .target = 20, .weight = 3},
        balance_goal{.counter = 1, .partner = 0, .target = 1, .weight = 2},
    };
    CHECK(counter_balance{both}.prepare(p, a).value() == 2 * (95 + 11));
    CHECK(counter_balance{both}.prepare(p, idle).value() == 3 * 130 + 2 * (92 + 6));
    CHECK(counter_balance{std::span<const balance_goal>{}}.prepare(p, a).value() == 0);
}

TEST_CASE("counter balance equals a recount for nodes and GPUs of known and unknown numbers of goals") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        std::array<balance_goal, 3> goals{
            balance_goal{.counter = 0, .partner = 1, .target = 2, .weight = 10},
            balance_goal{.counter = 1, .partner = 0, .target = 3, .weight = 1},
            balance_goal{.counter = 2, .partner = 1, .target = 1, .weight = 4},
        };
        const auto recount = [&](const auto& usage, auto capacity_of) {
            return [&p, &goals, usage, capacity_of](std::span<const slot> a) {
                const auto used = usage(p, a);
                amount sum = 0;
                for (std::size_t i = 0; i < used.size(); ++i) {
                    const auto left = [&](std::size_t r) { return capacity_of(i)[r] - used[i][r]; };
                    for (const balance_goal& goal : goals) {
                        sum += goal.weight * above(goal.target * left(goal.counter), left(goal.partner));
                    }
                }
                return sum;
            };
        };
        const auto hosts = recount(node_usage, [&](std::size_t n) { return p.fleet().capacity(node_index{n}); });
        check_walk(counter_balance{goals}, p, seed, hosts);
        check_walk(counter_balance{std::span<const balance_goal>{goals}}, p, seed, hosts);
        goals[2] = {.counter = 0, .partner = 1, .target = 0, .weight = 4};
        const auto boards = recount(gpu_usage, [&](std::size_t i) { return p.fleet().capacity(gpu_index{i}); });
        check_walk(counter_balance<on_gpus, 3>{goals}, p, seed, boards);
        check_walk(counter_balance<on_gpus>{goals}, p, seed, boards);
    }
}
