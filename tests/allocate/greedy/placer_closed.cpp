// SPDX-License-Identifier: Apache-2.0
// Nodes that are closed while tasks come and go.
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/placer.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("a closed node takes nothing and an opened one is as before") {
    const auto machines = hand_fleet({{{1000, 1000}, 64'000}, {{1000, 1000}, 64'000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 1'000, .copies = 3}});
    const problem p{machines, work};
    auto placer = greedy{first_fit{}}.start(p);
    CHECK_FALSE(placer.closed(node_index{0}));
    CHECK(placer.place(task_index{0}) == slot{node_index{0}, 0b01});
    placer.close(node_index{0});
    placer.close(node_index{0});
    CHECK(placer.closed(node_index{0}));
    CHECK(placer.place(task_index{1}) == slot{node_index{1}, 0b01});
    CHECK(placer.occupy(task_index{2}, {node_index{0}, 0b10}));
    placer.remove(task_index{2}, {node_index{0}, 0b10});
    placer.close(node_index{1});
    CHECK(placer.place(task_index{2}) == unplaced);
    const why_not why = placer.explain(task_index{2});
    CHECK(why[refusal::admission] == 2);
    placer.open(node_index{0});
    CHECK(placer.place(task_index{2}) == slot{node_index{0}, 0b10});
    placer.open(node_index{1});
    CHECK_FALSE(placer.closed(node_index{1}));
}

TEST_CASE("index and scan agree while nodes are closed and opened") {
    const auto agree = [](const auto& score, const auto& selection) {
        for (std::uint64_t seed = 1; seed <= 6; ++seed) {
            CAPTURE(seed);
            const auto [machines, work] = random_problem(seed, {.domains = seed % 2 == 0});
            const problem p{machines, work};
            const greedy policy{score, selection};
            auto quick = policy.start(p);
            auto slow = policy.exhaustive().start(p);
            xoshiro256 g{seed};
            std::vector<std::pair<task_index, slot>> running;
            std::size_t closings = 0;
            for (std::size_t event = 0; event < 300; ++event) {
                const node_index n{below(g, machines.node_count())};
                if (chance(g, 15)) {
                    if (quick.closed(n)) {
                        quick.open(n);
                        slow.open(n);
                    } else {
                        quick.close(n);
                        slow.close(n);
                        ++closings;
                    }
                } else if (chance(g, 30) && !running.empty()) {
                    quick.remove(running.back().first, running.back().second);
                    slow.remove(running.back().first, running.back().second);
                    running.pop_back();
                } else {
                    const task_index t{below(g, work.task_count())};
                    const slot where = quick.place(t);
                    REQUIRE(where == slow.place(t));
                    if (!where.placed()) continue;
                    REQUIRE_FALSE(quick.closed(where.node));
                    running.emplace_back(t, where);
                }
            }
            REQUIRE(closings > 5);
            REQUIRE(quick.ledger() == slow.ledger());
        }
    };
    agree(first_fit{}, tightest_gpu{});
    agree(fgd{}, best_scored_gpu{});
    agree(gpu_packing{}, tightest_gpu{});
    agree(weighted_sum{weighted{0.5, rescaled{best_fit{}}}, weighted{0.5, fgd{}}}, tightest_gpu{});
    agree(scarcity{}, best_scored_gpu{});
}
