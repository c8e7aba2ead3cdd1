// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/scores/fgd.hpp"

#include "berth/allocate/greedy/greedy.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <optional>

using namespace berth;
using namespace berth_test;

TEST_CASE("fgd by hand") {
    // The mix: half the tasks want 500 of a GPU, half want a whole one.
    const auto machines = hand_fleet({{{1000, 1000}, 10'000}, {{600}, 10'000}});
    const auto work =
        hand_workload(machines, {{.gpus = 1, .share = 500, .cpu = 0}, {.gpus = 1, .share = 1000, .cpu = 0}});
    const problem p{machines, work};
    const ledger ledger{machines};
    const auto score = fgd{1.0}.prepare(p);
    const auto value = [](double change) { return std::trunc(100.0 / (1.0 + std::exp(-change / 1000.0))); };
    // Node 0: F is 0. With a half placed, the other half is lost on whole tasks: F = 0.5 * 500.
    CHECK(score(candidate_for(ledger, work, 0, 0, 0b01)) == value(-250.0));
    CHECK(score(candidate_for(ledger, work, 0, 0, 0b01)) == 43.0);
    // Two whole GPUs become one: nothing is lost.
    CHECK(score(candidate_for(ledger, work, 1, 0, 0b01)) == 50.0);
    // Node 1: 600 are lost on whole tasks, F = 300. A half leaves 100 that no task can use: F = 100.
    CHECK(score(candidate_for(ledger, work, 0, 1, 0b01)) == value(+200.0));
    CHECK(score(candidate_for(ledger, work, 0, 1, 0b01)) == 54.0);
    auto placer = greedy{fgd{1.0}, best_scored_gpu{}}.start(p);
    CHECK(placer.place(task_index{0}) == slot{node_index{1}, 1});
    CHECK(placer.place(task_index{0}) == slot{node_index{0}, 1});
    // The half in use goes first: F falls from 250 to 0.
    CHECK(placer.place(task_index{0}) == slot{node_index{0}, 1});
    CHECK(placer.place(task_index{1}) == slot{node_index{0}, 2});
}

TEST_CASE("fgd equals a loop that scores every node") {
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2, .domains = seed % 3 == 1});
        const problem p{machines, work};
        const fragmentation f{p, typical_mix(work, 0.95)};
        auto placer = greedy{fgd{}, best_scored_gpu{}}.start(p);
        ledger ledger{machines};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const auto demand = work.demand(task_index{t});
            double best = -1.0;
            slot expected = unplaced;
            const auto consider = [&](node_index n, gpu_mask gpus) {
                const double before = f(ledger.node(n));
                ledger.checkpoint();
                ledger.place(demand, {n, gpus});
                const double change = before - f(ledger.node(n));
                ledger.rollback();
                const double value = std::trunc(100.0 / (1.0 + std::exp(-change / 1000.0)));
                if (value > best) {
                    best = value;
                    expected = {n, gpus};
                }
            };
            for (std::size_t i = 0; i < machines.node_count(); ++i) {
                const node_index n{i};
                if (!ledger.fits(demand, n)) continue;
                if (demand.gpus != 1) {
                    consider(n, tightest_gpu{}(ledger.node(n), demand,
                                               demand.gpus == 0 ? 0 : ledger.fitting_gpus(demand, n)));
                    continue;
                }
                for (gpu_mask rest = ledger.fitting_gpus(demand, n); rest != 0; rest &= rest - 1) {
                    consider(n, rest & (~rest + 1));
                }
            }
            const slot where = placer.place(task_index{t});
            REQUIRE(where == expected);
            if (where.placed()) ledger.place(demand, where);
        }
    }
}
