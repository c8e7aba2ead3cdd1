// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/scores/fit.hpp"

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "allocate/greedy/naive_scores.hpp"
#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("fit scores by hand") {
    // The largest node of the fleet has 128 CPUs and 8 GPUs, as in the published table.
    const auto machines =
        hand_fleet({{std::vector<amount>(8, 1000), 128'000}, {{1000, 500, 250, 0}, 48'000}, {{}, 12'800}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 250, .cpu = 16'000}, {.gpus = 0, .cpu = 6'400}});
    const problem p{machines, work};
    const ledger ledger{machines};
    const auto share = candidate_for(ledger, work, 0, 1, 0b100);
    const auto host = candidate_for(ledger, work, 1, 2, 0);

    CHECK(first_fit{}(share) == 0.0);
    // 1 - 0.5 * 32/128 - 0.5 * 1500/8000 = 0.78125
    CHECK(best_fit{}.prepare(p)(share) == 78.0);
    CHECK(best_fit{.steps = 0.0}.prepare(p)(share) == doctest::Approx(0.78125));
    CHECK(best_fit{.steps = 1000.0}.prepare(p)(share) == 781.0);
    CHECK(worst_fit{}.prepare(p)(share) == doctest::Approx(-0.78125));
    // 1 - (48/128 * 16/128 + 1750/8000 * 250/8000) / 2 = 0.97314...
    CHECK(dot_product{}.prepare(p)(share) == 97.0);
    // No GPU on the node and none wanted: 1 - 0.5 * 6.4/128 = 0.975; 1 - (0.1 * 0.05) / 2 = 0.9975.
    CHECK(best_fit{}.prepare(p)(host) == 97.0);
    CHECK(dot_product{}.prepare(p)(host) == 99.0);
}

TEST_CASE("fit scores without host counters") {
    fleet_builder builder{{.gpu = {"share"}, .node = {}, .domain = {}}};
    const gpu_description gpus[] = {{}, {}};
    (void)need(builder.add_node({.gpus = gpus}));
    const auto machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    (void)need(tasks.add_task({.gpus = 1}));
    const auto work = need(std::move(tasks).build());
    const problem p{machines, work};
    const ledger ledger{machines};
    const auto c = candidate_for(ledger, work, 0, 0, 1);
    CHECK(best_fit{}.prepare(p)(c) == 75.0);
    CHECK(dot_product{}.prepare(p)(c) == 75.0);
}

TEST_CASE("fit scores agree with their descriptions") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2});
        const problem p{machines, work};
        const auto steps = best_fit{}.prepare(p);
        const auto exact = best_fit{.steps = 0.0}.prepare(p);
        const auto worst = worst_fit{}.prepare(p);
        const auto dot = dot_product{}.prepare(p);
        ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const std::size_t n = below(g, machines.node_count());
            const auto demand = work.demand(task_index{t});
            if (!ledger.fits(demand, node_index{n})) continue;
            const gpu_mask fitting = demand.gpus == 0 ? 0 : ledger.fitting_gpus(demand, node_index{n});
            const gpu_mask gpus = tightest_gpu{}(ledger.node(node_index{n}), demand, fitting);
            const auto c = candidate_for(ledger, work, t, n, gpus);
            REQUIRE(steps(c) == naive::best_fit(c, 100.0));
            REQUIRE(exact(c) == doctest::Approx(naive::best_fit(c, 0.0)).epsilon(1e-12));
            REQUIRE(worst(c) == -exact(c));
            REQUIRE(dot(c) == naive::dot_product(c));
            ledger.place(demand, {node_index{n}, gpus});
        }
    }
}

TEST_CASE("random_score is uniform over the nodes that fit") {
    // 20 nodes, of which the even ones fit; every task finds all of them empty again.
    std::vector<hand_node> nodes;
    for (std::size_t n = 0; n < 20; ++n) nodes.push_back({{n % 2 == 0 ? amount{1000} : amount{400}}, 1000});
    const auto machines = hand_fleet(nodes);
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .copies = 5000}});
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        auto placer = greedy{random_score{seed}}.start(problem{machines, work});
        std::vector<int> hits(20, 0);
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const slot where = placer.place(task_index{t});
            ++hits[where.node.value()];
            placer.remove(task_index{t}, where);
        }
        double chi_square = 0.0;
        for (std::size_t n = 0; n < 20; ++n) {
            if (n % 2 == 1) {
                CHECK(hits[n] == 0);
            } else {
                chi_square += (hits[n] - 500.0) * (hits[n] - 500.0) / 500.0;
            }
        }
        CHECK(chi_square < 27.9);  // 9 degrees of freedom, p = 0.001
    }
}

TEST_CASE("random_score: the seed alone decides, arrivals of one task differ") {
    const auto machines = hand_fleet(std::vector<hand_node>(40, hand_node{std::vector<amount>(8, 1000), 0}));
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 100, .copies = 50}});
    const problem p{machines, work};
    const auto nodes = [&](std::uint64_t seed, bool one_task) {
        auto placer = greedy{random_score{seed}}.start(p);
        std::vector<node_index> out;
        for (std::size_t t = 0; t < 50; ++t) out.push_back(placer.place(task_index{one_task ? 0 : t}).node);
        return out;
    };
    CHECK(nodes(7, false) == nodes(7, false));
    CHECK(nodes(7, false) != nodes(8, false));
    const auto repeated = nodes(7, true);
    CHECK(std::count(repeated.begin(), repeated.end(), repeated[0]) < 10);
}
