// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/expected_fragmentation.hpp"

#include "berth/core/random.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

constexpr fragmentation_weights only_fragments{.fragments = 1.0, .slots = 0.0, .stranding = 0.0};
constexpr fragmentation_weights only_slots{.fragments = 0.0, .slots = 1.0, .stranding = 0.0};
constexpr fragmentation_weights only_stranding{.fragments = 0.0, .slots = 0.0, .stranding = 1.0, .cpu_rate = 1.0};

/// The value of the first of these nodes for a mix made by hand.
expected_fragmentation::value value_of(const hand_node& node, const std::vector<hand_task>& mix,
                                       const fragmentation_weights& weights = {}) {
    const auto machines = hand_fleet({node, {{1000}, 0, 0, "other"}});
    const auto work = hand_workload(machines, mix);
    const ledger ledger{machines};
    return expected_fragmentation{problem{machines, work}, weights}(ledger.node(node_index{0}));
}

/// A second implementation, from the formulae: a loop over tasks and GPUs.
expected_fragmentation::value naive_value(const node_view& node, const workload& work, const fragmentation_weights& w) {
    double gpu_tasks = 0.0;
    double single = 0.0;
    double cpu_wanted = 0.0;
    double share_wanted = 0.0;
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const auto demand = work.demand(task_index{t});
        gpu_tasks += demand.gpus > 0 ? 1.0 : 0.0;
        single += demand.gpus == 1 ? 1.0 : 0.0;
        cpu_wanted += demand.node.empty() ? 0.0 : static_cast<double>(demand.node[0]);
        for (std::size_t k = 0; k < demand.gpus; ++k) share_wanted += static_cast<double>(demand.gpu[0]);
    }
    const amount cpu = node.free_node.empty() ? 0 : node.free_node[0];
    double all = 0.0;
    for (std::size_t i = 0; i < node.gpu_count(); ++i) {
        if ((node.healthy >> i & 1U) != 0) all += static_cast<double>(node.free_share(i));
    }
    double usable = 0.0;
    double slots = 0.0;
    double accepted = 0.0;
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const auto demand = work.demand(task_index{t});
        if (demand.gpus != 1 || node.gpu_count() == 0) continue;
        if ((demand.accepted_models >> node.model(0).value() & 1U) == 0) continue;
        const double p = gpu_tasks / static_cast<double>(work.task_count()) / single;
        const amount c = demand.node.empty() ? 0 : demand.node[0];
        accepted += p;
        if (c > cpu) continue;
        double fitting = 0.0;
        double reached = 0.0;
        for (std::size_t i = 0; i < node.gpu_count(); ++i) {
            if ((node.healthy >> i & 1U) == 0 || node.free_share(i) < demand.gpu[0]) continue;
            fitting += std::floor(static_cast<double>(node.free_share(i)) / static_cast<double>(demand.gpu[0]));
            reached += static_cast<double>(node.free_share(i));
        }
        if (c > 0) fitting = std::min(fitting, std::floor(static_cast<double>(cpu) / static_cast<double>(c)));
        usable += p * reached;
        slots += p * fitting * static_cast<double>(demand.gpu[0]);
    }
    double stranded = 0.0;
    if (cpu_wanted > 0.0 && share_wanted > 0.0) {
        const double fed = static_cast<double>(cpu) * share_wanted / (w.cpu_rate * cpu_wanted);
        const double z = (all - fed) / w.smoothing;
        stranded = z > 30.0 ? all - fed : w.smoothing * std::log1p(std::exp(z));
    }
    return {w.fragments * (all - usable) + w.slots * (all - slots) + w.stranding * stranded,
            accepted > 0.0 ? usable / accepted : 0.0};
}

}  // namespace

TEST_CASE("expected fragmentation: fragments by hand") {
    const hand_node node{.shares = {200, 1000, 500}, .cpu = 8000};
    const auto fragmentation = [&](const std::vector<hand_task>& mix) {
        return value_of(node, mix, only_fragments).fragmentation;
    };
    // One task: the share on GPUs with less than it wants.
    CHECK(fragmentation({{.gpus = 1, .share = 600}}) == 700.0);
    CHECK(fragmentation({{.gpus = 1, .share = 500}}) == 200.0);
    CHECK(fragmentation({{.gpus = 1, .share = 100}}) == 0.0);
    // CPU or model out of reach: everything.
    CHECK(fragmentation({{.gpus = 1, .share = 100, .cpu = 8000}}) == 0.0);
    CHECK(fragmentation({{.gpus = 1, .share = 100, .cpu = 8001}}) == 1700.0);
    CHECK(fragmentation({{.gpus = 1, .share = 100, .accepted = {"other"}}}) == 1700.0);
    // A mean over the mix; the part of tasks on several GPUs goes to the others.
    CHECK(fragmentation({{.gpus = 1, .share = 600, .copies = 3}, {.gpus = 1, .share = 500, .copies = 1}}) ==
          doctest::Approx(0.75 * 700 + 0.25 * 200));
    CHECK(fragmentation({{.gpus = 1, .share = 600, .copies = 3}, {.gpus = 2, .share = 1000, .copies = 5}}) ==
          doctest::Approx(700));
    // A task without GPU uses no share.
    CHECK(fragmentation({{.gpus = 1, .share = 600, .copies = 3}, {.gpus = 0, .cpu = 1, .copies = 1}}) ==
          doctest::Approx(0.75 * 700 + 0.25 * 1700));
}

TEST_CASE("expected fragmentation: slots by hand") {
    const hand_node node{.shares = {1000, 1000, 500}, .cpu = 10'000};
    const auto fragmentation = [&](const hand_task& task) { return value_of(node, {task}, only_slots).fragmentation; };
    CHECK(fragmentation({.gpus = 1, .share = 400}) == 2500.0 - 5 * 400.0);
    CHECK(fragmentation({.gpus = 1, .share = 810}) == 2500.0 - 2 * 810.0);
    // CPU for three only, while a single one still fits.
    CHECK(fragmentation({.gpus = 1, .share = 400, .cpu = 3000}) == 2500.0 - 3 * 400.0);
    CHECK(fragmentation({.gpus = 1, .share = 400, .cpu = 10'000}) == 2500.0 - 400.0);
    CHECK(fragmentation({.gpus = 1, .share = 400, .cpu = 10'001}) == 2500.0);
}

TEST_CASE("expected fragmentation: stranding by hand") {
    // The mix wants 2000 CPU per GPU.
    const std::vector<hand_task> mix{{.gpus = 1, .share = 500, .cpu = 500}, {.gpus = 1, .share = 500, .cpu = 1500}};
    const auto fragmentation = [&](std::size_t gpus, amount cpu) {
        return value_of({.shares = std::vector<amount>(gpus, 1000), .cpu = cpu}, mix, only_stranding).fragmentation;
    };
    CHECK(fragmentation(4, 8'000) == doctest::Approx(1000.0 * std::log(2.0)));  // in balance
    CHECK(fragmentation(4, 0) == doctest::Approx(4000.0).epsilon(0.01));
    CHECK(fragmentation(64, 0) == 64'000.0);  // far out the smooth form is exact
    CHECK(fragmentation(4, 40'000) < 1e-3);
    CHECK(fragmentation(4, 6'000) == doctest::Approx(1000.0 * std::log1p(std::exp(1.0))));
    // Tasks without GPU take CPU too: they raise the rate.
    auto with_host_task = mix;
    with_host_task.push_back({.gpus = 0, .cpu = 2000});
    const auto machines = hand_fleet({{{1000}, 4000}});
    const auto work = hand_workload(machines, with_host_task);
    CHECK(expected_fragmentation{problem{machines, work}, only_stranding}.cpu_per_gpu() == doctest::Approx(4000.0));
    CHECK(expected_fragmentation{problem{machines, work}, {}}.cpu_per_gpu() == doctest::Approx(0.9 * 4000.0));
}

TEST_CASE("expected fragmentation: usable share is of the accepted part of the mix") {
    const hand_node node{.shares = {200, 1000}, .cpu = 8000};
    CHECK(value_of(node, {{.gpus = 1, .share = 600}}).usable == 1000.0);
    CHECK(value_of(node, {{.gpus = 1, .share = 600}, {.gpus = 1, .share = 100}}).usable == doctest::Approx(1100.0));
    // Tasks that accept other models only do not count.
    CHECK(value_of(node, {{.gpus = 1, .share = 600}, {.gpus = 1, .share = 100, .accepted = {"other"}}}).usable ==
          doctest::Approx(1000.0));
    CHECK(value_of(node, {{.gpus = 1, .share = 600, .accepted = {"other"}}}).usable == 0.0);
    CHECK(value_of(node, {{.gpus = 1, .share = 600, .cpu = 9000}}).usable == 0.0);
}

TEST_CASE("expected fragmentation agrees with a loop over tasks and GPUs, before and after placements") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2, .domains = seed % 3 == 0});
        const problem p{machines, work};
        const fragmentation_weights weights{.fragments = 0.1 + static_cast<double>(seed % 3),
                                            .slots = 0.2 * static_cast<double>(seed % 4),
                                            .stranding = 0.7,
                                            .smoothing = 300.0};
        const expected_fragmentation fragmentation{p, weights};
        ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const auto demand = work.demand(task_index{t});
            const node_index n{below(g, machines.node_count())};
            const auto now = fragmentation(ledger.node(n));
            const auto expected = naive_value(ledger.node(n), work, weights);
            REQUIRE(now.fragmentation == doctest::Approx(expected.fragmentation).epsilon(1e-9));
            REQUIRE(now.usable == doctest::Approx(expected.usable).epsilon(1e-9));
            if (!ledger.fits(demand, n)) continue;
            gpu_mask gpus = 0;
            gpu_mask fitting = demand.gpus > 0 ? ledger.fitting_gpus(demand, n) : 0;
            for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) gpus |= fitting & (~fitting + 1);
            // The value of a placement that has not happened yet, to the last bit.
            share_profile shares{ledger.node(n)};
            shares.take(ledger.node(n), demand, gpus);
            const auto foreseen = fragmentation(ledger.node(n), shares, ledger.node(n).free_node[0] - demand.node[0]);
            ledger.place(demand, {n, gpus});
            REQUIRE(fragmentation(ledger.node(n)).fragmentation == foreseen.fragmentation);
            REQUIRE(fragmentation(ledger.node(n)).usable == foreseen.usable);
        }
    }
}

TEST_CASE("expected fragmentation does not depend on the order of GPUs, nor on those without a free share") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const expected_fragmentation fragmentation{problem{machines, work}, {}};
        const ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_view node = ledger.node(node_index{i});
            share_profile shares{node};
            for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
                shares.replace(node.free_share(lowest_gpu(rest)), static_cast<amount>(50 * below(g, 21)));
            }
            std::vector<amount> all(shares.ascending().begin(), shares.ascending().end());
            for (std::size_t k = all.size(); k > 1; --k) std::swap(all[k - 1], all[below(g, k)]);
            expected_fragmentation::distinct_shares distinct;
            for (const amount share : all) {
                if (share > 0) distinct.add(share);
            }
            const auto cpu = static_cast<amount>(below(g, 64'000));
            const auto expected = fragmentation(node, shares, cpu);
            const auto found = fragmentation(node, distinct, cpu);
            REQUIRE(found.fragmentation == expected.fragmentation);
            REQUIRE(found.usable == expected.usable);
        }
    }
}

TEST_CASE("expected fragmentation rises and falls with CPU and share") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const expected_fragmentation fragmentation{problem{machines, work}, {}};
        const ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_view node = ledger.node(node_index{i});
            share_profile shares{node};
            expected_fragmentation::value before{std::numeric_limits<double>::infinity(), 0.0};
            // More CPU: never more fragmentation, never less usable.
            for (amount cpu = 0; cpu <= 120'000; cpu += 1 + static_cast<amount>(below(g, 9000))) {
                const auto now = fragmentation(node, shares, cpu);
                REQUIRE(now.fragmentation <= before.fragmentation + 1e-9);
                REQUIRE(now.usable >= before.usable - 1e-9);
                REQUIRE(now.fragmentation >= 0.0);
                REQUIRE(now.usable <= static_cast<double>(shares.total()) + 1e-9);
                before = now;
            }
            // Less on a GPU is never more usable.
            for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
                const amount left = node.free_share(lowest_gpu(rest));
                shares.replace(left, static_cast<amount>(below(g, static_cast<std::size_t>(left) + 1)));
                const auto now = fragmentation(node, shares, 120'000);
                REQUIRE(now.usable <= before.usable + 1e-9);
                before.usable = now.usable;
            }
        }
        // No fragmentation where only CPU is free.
        REQUIRE(fragmentation(ledger.node(node_index{0}), share_profile{}, 1'000'000'000).fragmentation < 1e-6);
    }
}

TEST_CASE("expected fragmentation never rises when more models are accepted") {
    const hand_node node{.shares = {300, 700, 1000}, .cpu = 20'000};
    const hand_task other{.gpus = 1, .share = 400, .cpu = 1000};
    const double confined = value_of(node, {other, {.gpus = 1, .share = 250, .accepted = {"other"}}}).fragmentation;
    const double free = value_of(node, {other, {.gpus = 1, .share = 250, .accepted = {"other", "G2"}}}).fragmentation;
    CHECK(free < confined);
    CHECK(free == value_of(node, {other, {.gpus = 1, .share = 250}}).fragmentation);
}

TEST_CASE("expected fragmentation of odd mixes and odd nodes is finite") {
    const hand_node node{.shares = {300, 1000}, .cpu = 20'000};
    const auto lost = [](const expected_fragmentation::value& v) { return std::pair{v.fragmentation, v.usable}; };
    // No tasks, only tasks without GPU, only tasks on several GPUs: no task for a single GPU.
    CHECK(lost(value_of(node, {})) == std::pair{0.8 * 1300 + 0.4 * 1300, 0.0});
    CHECK(lost(value_of(node, {{.gpus = 0, .cpu = 1000}})) == std::pair{0.8 * 1300 + 0.4 * 1300, 0.0});
    CHECK(lost(value_of(node, {{.gpus = 2, .share = 1000}})) == std::pair{0.8 * 1300 + 0.4 * 1300, 0.0});
    // A node without GPUs; a node whose GPUs are used up.
    CHECK(lost(value_of({.shares = {}, .cpu = 100}, {{.gpus = 1, .share = 500}})) == std::pair{0.0, 0.0});
    CHECK(lost(value_of({.shares = {0, 0}, .cpu = 100}, {{.gpus = 1, .share = 500}})) == std::pair{0.0, 0.0});
    // 64 GPUs.
    CHECK(value_of({.shares = std::vector<amount>(64, 900), .cpu = 1}, {{.gpus = 1, .share = 300}}).fragmentation ==
          0.0);

    // No counters of nodes at all, a sick GPU, GPUs of several models (counted as the first).
    fleet_builder builder{{.gpu = {"share"}, .node = {}, .domain = {}}};
    const gpu_description gpus[] = {{.model = "A100"}, {.model = "T4"}, {.model = "A100", .healthy = false}};
    (void)need(builder.add_node({.gpus = gpus}));
    const auto machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    const amount half[] = {500};
    const std::string_view accepted[] = {"A100"};
    (void)need(tasks.add_task({.gpus = 1, .gpu_demand = half, .accepted_models = accepted}));
    const auto work = need(std::move(tasks).build());
    const ledger ledger{machines};
    const expected_fragmentation fragmentation{problem{machines, work}, {}};
    CHECK(fragmentation.cpu_per_gpu() == 0.0);
    CHECK(lost(fragmentation(ledger.node(node_index{0}))) == std::pair{0.0, 2000.0});
}
