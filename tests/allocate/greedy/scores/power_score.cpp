// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/scores/power_score.hpp"

#include "berth/allocate/greedy/greedy.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>

using namespace berth;
using namespace berth_test;

namespace {

const power_table table{.gpus = {{"T4", 10.0, 70.0}, {"P100", 25.0, 250.0}, {"A100", 50.0, 400.0}}};

}  // namespace

TEST_CASE("power_score prefers the fewest watts, by hand") {
    // The first task on a T4 costs 60 W, on a P100 225 W; a second CPU package 100 W.
    const auto machines = hand_fleet({{{1000}, 64'000, 0, "P100"}, {{1000, 1000}, 64'000, 0, "T4"}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 400, .cpu = 8'000}, {.gpus = 0, .cpu = 20'000}});
    const problem p{machines, work};
    const ledger ledger{machines};
    const auto score = power_score{table}.prepare(p);
    CHECK(score(candidate_for(ledger, work, 0, 0, 1)) == -(225.0 + 100.0));
    CHECK(score(candidate_for(ledger, work, 0, 1, 1)) == -(60.0 + 100.0));
    CHECK(score(candidate_for(ledger, work, 1, 0, 0)) == -100.0);

    auto placer = greedy{power_score{table}}.start(p);
    CHECK(placer.place(task_index{0}) == slot{node_index{1}, 0b01});
    // The package and the GPU are in use: no watts are added.
    CHECK(placer.place(task_index{0}) == slot{node_index{1}, 0b01});
    CHECK(placer.place(task_index{0}) == slot{node_index{1}, 0b10});
    // 24 of 32 CPUs of the package are in use.
    CHECK(placer.place(task_index{1}).node == node_index{0});
}

TEST_CASE("power_score is the difference of the node's power before and after") {
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2});
        const problem p{machines, work};
        const auto score = power_score{table}.prepare(p);
        const power_model watts{machines, table};
        ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const node_index n{below(g, machines.node_count())};
            const auto demand = work.demand(task_index{t});
            if (!ledger.fits(demand, n)) continue;
            const gpu_mask gpus =
                loosest_gpu{}(ledger.node(n), demand, demand.gpus == 0 ? 0 : ledger.fitting_gpus(demand, n));
            const double foreseen = score(candidate_for(ledger, work, t, n.value(), gpus));
            const double before = watts(ledger.node(n));
            ledger.place(demand, {n, gpus});
            REQUIRE(foreseen == before - watts(ledger.node(n)));
        }
    }
}
