// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/scores/gpu_packing.hpp"

#include "berth/allocate/greedy/greedy.hpp"

#include "allocate/greedy/naive_scores.hpp"
#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

fleet eight_gpus() { return hand_fleet({{std::vector<amount>(8, 1000), 100'000}}); }

}  // namespace

TEST_CASE("gpu_packing by hand") {
    const auto machines = eight_gpus();
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 300},
                                               {.gpus = 2, .share = 1000},
                                               {.gpus = 0},
                                               {.gpus = 1, .share = 810},
                                               {.gpus = 1, .share = 190}});
    ledger ledger{machines};
    const auto value = [&](std::size_t task, gpu_mask gpus) {
        return gpu_packing{}(candidate_for(ledger, work, task, 0, gpus));
    };
    CHECK(value(2, 0) == 0.0);
    // Untouched node of 8: max(33 - 8, 8).
    CHECK(value(0, 1) == 25.0);
    ledger.place(work.demand(task_index{3}), {node_index{0}, 1});
    // Idle GPUs of a node in use: 50 less their number.
    CHECK(value(0, 0b10) == 49.0);
    CHECK(value(1, 0b110) == 48.0);
    // A GPU in use with 190 left: 100 - 19 / 10.
    CHECK(value(4, 1) == 99.0);
    ledger.remove(work.demand(task_index{3}), {node_index{0}, 1});
    ledger.place(work.demand(task_index{0}), {node_index{0}, 1});
    // 700 left: 100 - 70 / 10.
    CHECK(value(0, 1) == 93.0);
}

TEST_CASE("gpu_packing agrees with its description") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.sick = false, .mixed = false});
        auto placer = greedy{gpu_packing{}}.start(problem{machines, work});
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            for (std::size_t n = 0; n < machines.node_count(); ++n) {
                const auto demand = work.demand(task_index{t});
                if (!placer.ledger().fits(demand, node_index{n})) continue;
                const gpu_mask fitting = demand.gpus == 0 ? 0 : placer.ledger().fitting_gpus(demand, node_index{n});
                const auto c = candidate_for(placer.ledger(), work, t, n,
                                             tightest_gpu{}(placer.ledger().node(node_index{n}), demand, fitting));
                REQUIRE(gpu_packing{}(c) == naive::gpu_packing(c, fitting));
            }
            (void)placer.place(task_index{t});
        }
    }
}

TEST_CASE("gpu_clustering by hand") {
    const auto machines = eight_gpus();
    const auto work = hand_workload(
        machines, {{.gpus = 1, .share = 400}, {.gpus = 2, .share = 1000}, {.gpus = 0}, {.gpus = 1, .share = 1000}});
    const problem p{machines, work};
    ledger ledger{machines};
    auto score = gpu_clustering{}.prepare(p);
    const auto value = [&](std::size_t task) { return score(candidate_for(ledger, work, task, 0, 0)); };
    const auto place = [&](std::size_t task, gpu_mask gpus) {
        ledger.place(work.demand(task_index{task}), {node_index{0}, gpus});
        score.on_place(candidate_for(ledger, work, task, 0, gpus));
    };
    const auto remove = [&](std::size_t task, gpu_mask gpus) {
        ledger.remove(work.demand(task_index{task}), {node_index{0}, gpus});
        score.on_remove(candidate_for(ledger, work, task, 0, gpus));
    };
    CHECK(value(2) == 0.0);
    CHECK(value(0) == 25.0);  // no GPU task here
    place(2, 0);
    CHECK(value(0) == 25.0);  // tasks without GPU do not count
    place(0, 0b1);
    CHECK(value(0) == 76.0);  // only its own class; 25 * 400 / 8000 = 1
    CHECK(value(1) == 1.0);   // only others
    CHECK(value(3) == 1.0);   // a whole GPU is another class than a share
    place(0, 0b1);
    place(1, 0b110);
    CHECK(value(0) == 50.0 + 8.0);  // its own and others; 25 * 2800 / 8000 = 8.75
    CHECK(value(1) == 50.0 + 8.0);
    remove(0, 0b1);
    CHECK(value(0) == 50.0 + 7.0);
    remove(0, 0b1);
    CHECK(value(0) == 6.0);
    CHECK(value(1) == 75.0 + 6.0);
    remove(1, 0b110);
    CHECK(value(1) == 25.0);
}

TEST_CASE("gpu_clustering: counts after places and removals are those of a recount") {
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const problem p{machines, work};
        auto score = gpu_clustering{}.prepare(p);
        ledger ledger{machines};
        xoshiro256 g{seed};
        std::vector<std::pair<std::size_t, slot>> live;
        for (int step = 0; step < 300; ++step) {
            if (!live.empty() && chance(g, 40)) {
                const std::size_t at = below(g, live.size());
                const auto [t, where] = live[at];
                live.erase(live.begin() + static_cast<std::ptrdiff_t>(at));
                ledger.remove(work.demand(task_index{t}), where);
                score.on_remove(candidate_for(ledger, work, t, where.node.value(), where.gpus));
            } else {
                const std::size_t t = below(g, work.task_count());
                const node_index n{below(g, machines.node_count())};
                const auto demand = work.demand(task_index{t});
                if (!ledger.fits(demand, n)) continue;
                const slot where{
                    n, first_gpu{}(ledger.node(n), demand, demand.gpus == 0 ? 0 : ledger.fitting_gpus(demand, n))};
                ledger.place(demand, where);
                score.on_place(candidate_for(ledger, work, t, n.value(), where.gpus));
                live.emplace_back(t, where);
            }
            const std::size_t n = below(g, machines.node_count());
            std::vector<std::size_t> present(65, 0);
            for (const auto& [t, where] : live) {
                const auto demand = work.demand(task_index{t});
                if (where.node.value() != n || demand.gpus == 0) continue;
                ++present[demand.is_share() ? 0 : demand.gpus];
            }
            const auto c = candidate_for(ledger, work, below(g, work.task_count()), n, 0);
            REQUIRE(score(c) == naive::gpu_clustering(c, present));
        }
    }
}
