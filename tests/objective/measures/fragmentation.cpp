// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/fragmentation.hpp"

#include "berth/model/fleet_builder.hpp"

#include "allocate/problems.hpp"
#include "common/golden.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// F from its description, a loop over tasks and GPUs.
double naive_fragmentation(const node_view& node, const workload& work, const task_mix& mix) {
    double sum = 0.0;
    for (const auto& entry : mix.entries) {
        const auto demand = work.demand(entry.example);
        const amount cpu = demand.node.empty() ? 0 : demand.node[0];
        const amount cpu_left = node.free_node.empty() ? 0 : node.free_node[0];
        double all = 0.0;
        double small = 0.0;
        std::size_t fitting = 0;
        bool access = false;
        for (std::size_t i = 0; i < node.gpu_count(); ++i) {
            if ((demand.accepted_models >> node.model(i).value() & 1U) != 0) access = true;
            if ((node.healthy >> i & 1U) == 0) continue;
            const auto share = static_cast<double>(node.free_share(i));
            all += share;
            if (node.free_share(i) >= demand.gpu[0]) {
                ++fitting;
            } else {
                small += share;
            }
        }
        const bool satisfied = demand.gpus > 0 && access && fitting >= demand.gpus && cpu_left >= cpu;
        sum += entry.popularity * (satisfied ? small : all);
    }
    return sum;
}

/// One typical task, so this is F.
double value_of(const hand_node& node, const hand_task& task) {
    const auto machines = hand_fleet({node, {{1000}, 0, 0, "other"}});
    const auto work = hand_workload(machines, {task});
    const problem p{machines, work};
    const fragmentation f{p, typical_mix(work, 1.0)};
    const berth::ledger ledger{machines};
    return f(ledger.node(node_index{0}));
}

}  // namespace

TEST_CASE("fragmentation of every class, by hand") {
    const hand_node node{.shares = {200, 1000, 500, 0}, .cpu = 8000};
    // Q3, satisfied: only GPUs with less than the share count.
    CHECK(value_of(node, {.gpus = 1, .share = 600, .cpu = 8000}) == 700.0);
    CHECK(value_of(node, {.gpus = 1, .share = 200, .cpu = 0}) == 0.0);
    CHECK(value_of(node, {.gpus = 1, .share = 1000, .cpu = 0}) == 700.0);
    CHECK(value_of(node, {.gpus = 2, .share = 500, .cpu = 0}) == 200.0);
    // Q4, lacks CPU; Q2, lacks GPU; Q1, lacks both: everything is.
    CHECK(value_of(node, {.gpus = 1, .share = 600, .cpu = 8001}) == 1700.0);
    CHECK(value_of(node, {.gpus = 2, .share = 1000, .cpu = 8000}) == 1700.0);
    CHECK(value_of(node, {.gpus = 2, .share = 1000, .cpu = 8001}) == 1700.0);
    // XL and XR, a task without GPU.
    CHECK(value_of(node, {.gpus = 0, .share = 0, .cpu = 1}) == 1700.0);
    CHECK(value_of(node, {.gpus = 0, .share = 0, .cpu = 9000}) == 1700.0);
    // NA, no access.
    CHECK(value_of(node, {.gpus = 1, .share = 100, .cpu = 0, .accepted = {"other"}}) == 1700.0);
    CHECK(value_of(node, {.gpus = 1, .share = 100, .cpu = 0, .accepted = {"other", "G2"}}) == 0.0);
    // No free share, or no GPU at all: no fragmentation.
    CHECK(value_of({.shares = {0, 0}, .cpu = 8000}, {.gpus = 1, .share = 600, .cpu = 0}) == 0.0);
    CHECK(value_of({.shares = {}, .cpu = 8000}, {.gpus = 1, .share = 600, .cpu = 0}) == 0.0);
}

TEST_CASE("fragmentation is the mean over the mix") {
    const auto machines = hand_fleet({{.shares = {400, 1000}, .cpu = 4000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .cpu = 0, .copies = 3},
                                               {.gpus = 2, .share = 1000, .cpu = 0, .copies = 1}});
    const problem p{machines, work};
    const berth::ledger ledger{machines};
    const fragmentation f{p, typical_mix(work, 1.0)};
    CHECK(f(ledger.node(node_index{0})) == doctest::Approx(0.75 * 400 + 0.25 * 1400));
    CHECK(fragmentation{p, task_mix{}}(ledger.node(node_index{0})) == 0.0);
}

TEST_CASE("fragmentation agrees with a loop over tasks and GPUs") {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2, .domains = seed % 3 == 0});
        const problem p{machines, work};
        const auto mix = typical_mix(work, 0.95);
        const fragmentation f{p, mix};
        ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const auto demand = work.demand(task_index{t});
            const node_index n{below(g, machines.node_count())};
            if (!ledger.fits(demand, n)) continue;
            gpu_mask gpus = 0;
            gpu_mask fitting = demand.gpus > 0 ? ledger.fitting_gpus(demand, n) : 0;
            for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) gpus |= fitting & (~fitting + 1);
            // The value of a placement that has not happened yet.
            share_profile shares{ledger.node(n)};
            shares.take(ledger.node(n), demand, gpus);
            const double foreseen = f(ledger.node(n), shares, ledger.node(n).free_cpu() - demand.node[0]);
            ledger.place(demand, {n, gpus});
            REQUIRE(f(ledger.node(n)) == foreseen);
            REQUIRE(f(ledger.node(n)) == doctest::Approx(naive_fragmentation(ledger.node(n), work, mix)).epsilon(1e-9));
        }
    }
}

TEST_CASE("equal levels of CPU give equal fragmentation") {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const fragmentation f{problem{machines, work}, typical_mix(work, 0.95)};
        const ledger ledger{machines};
        const node_view node = ledger.node(node_index{0});
        const share_profile shares{node};
        CHECK(f.cpu_level(-1) == 0);
        for (amount cpu = 0; cpu < 100'000; cpu += 500) {
            REQUIRE(f.cpu_level(cpu) <= f.cpu_level(cpu + 1));
            if (f.cpu_level(cpu) == f.cpu_level(cpu + 1)) { REQUIRE(f(node, shares, cpu) == f(node, shares, cpu + 1)); }
        }
        CHECK(f.cpu_level(std::numeric_limits<amount>::max()) <= work.shape_count());
    }
}

TEST_CASE("unhealthy GPUs are no fragmentation") {
    fleet_builder builder;
    const gpu_description gpus[] = {{.model = "G2"}, {.model = "G2", .healthy = false}};
    const amount host[] = {1000, 1000};
    (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    const auto machines = need(std::move(builder).build());
    const auto work = hand_workload(machines, {{.gpus = 2, .share = 1000}});
    const problem p{machines, work};
    const berth::ledger ledger{machines};
    CHECK(fragmentation{p, typical_mix(work, 1.0)}(ledger.node(node_index{0})) == 1000.0);
}

TEST_CASE("the published test vector: default trace, seed 42, after each of the first seven arrivals") {
    const std::string folder = BERTH_OPENB_DIR;
    const auto nodes = need(bench::read_openb_nodes(folder + "/openb_node_list_gpu_node.csv"));
    const auto pods = need(bench::read_openb_pods(folder + "/openb_pod_list_default.csv"));
    const auto order =
        need(bench::read_order(folder + "/orders/order_default_42.txt", pods.pods.size(), nodes.nodes.size()));
    const auto e = need(bench::make_experiment(nodes, pods, order));
    const problem p = e.problem();
    const fragmentation f{p, typical_mix(*e.workload, 0.95)};
    // FGD's first seven placements, from the golden file.
    constexpr double published[] = {866232.55, 865816.03, 865680.05, 865544.07, 865408.10, 864991.57, 864916.37};
    const auto golden = golden_slots(e, folder + "/golden_fgd_default_42.csv");
    ledger ledger{*e.fleet};
    for (std::size_t i = 0; i < std::size(published); ++i) {
        ledger.place(e.workload->demand(e.arrivals[i]), golden[i]);
        double sum = 0.0;
        for (std::size_t n = 0; n < e.fleet->node_count(); ++n) sum += f(ledger.node(node_index{n}));
        CHECK(std::abs(sum - published[i]) < 0.006);
    }
}
