// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/expected_fragmentation.hpp"

#include "berth/core/random.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

constexpr fragmentation_weights none{.packing = 0.0, .slots = 0.0, .use = 0.0, .stranding = 0.0, .cpu_rate = 1.0};
fragmentation_weights only(double fragmentation_weights::* part) {
    fragmentation_weights weights = none;
    weights.*part = 1.0;
    return weights;
}

/// The value of the first of these nodes for a mix made by hand.
expected_fragmentation::value value_of(const hand_node& node, const std::vector<hand_task>& mix,
                                       const fragmentation_weights& weights = {}) {
    const auto machines = hand_fleet({node, {{1000}, 0, 0, "other"}});
    const auto work = hand_workload(machines, mix);
    const ledger ledger{machines};
    return expected_fragmentation{problem{machines, work}, weights}(ledger.node(node_index{0}));
}

/// A second implementation, from the formulae: a loop over tasks and GPUs. What a free part is worth and what is
/// expected to be used come from the library; they have tests of their own.
expected_fragmentation::value naive_value(const node_view& node, const workload& work, const fragmentation_weights& w,
                                          const detail::share_worth& worth, const detail::expected_use& use) {
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
    double room = 0.0;
    double filled = 0.0;
    double accepted = 0.0;
    for (std::size_t i = 0; i < node.gpu_count(); ++i) {
        if ((node.healthy >> i & 1U) == 0) continue;
        all += static_cast<double>(node.free_share(i));
        room += 1000.0 * worth(node.free_share(i));
    }
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const auto demand = work.demand(task_index{t});
        if (demand.gpus != 1 || node.gpu_count() == 0) continue;
        if ((demand.accepted_models >> node.model(0).value() & 1U) == 0) continue;
        const double p = gpu_tasks / static_cast<double>(work.task_count()) / single;
        accepted += p;
        for (std::size_t i = 0; i < node.gpu_count(); ++i) {
            if ((node.healthy >> i & 1U) == 0) continue;
            filled += p * static_cast<double>(node.free_share(i) / demand.gpu[0] * demand.gpu[0]);
        }
    }
    double stranded = 0.0;
    if (cpu_wanted > 0.0 && share_wanted > 0.0) {
        const double z = (all - static_cast<double>(cpu) * share_wanted / (w.cpu_rate * cpu_wanted)) / w.smoothing;
        stranded = w.smoothing * (z > 30.0 ? z : std::log1p(std::exp(z)));
    }
    const double usable = use(room, cpu);
    return {w.packing * (all - room) + w.slots * (all - filled) + w.use * (all - accepted * usable) +
                w.stranding * stranded,
            usable};
}

/// Of the mix of a workload, as the measure makes them.
detail::share_worth worth_of(const workload& work) {
    detail::share_worth::task_counts counts;
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const auto demand = work.demand(task_index{t});
        for (std::size_t k = 0; k < demand.gpus; ++k) counts.add(demand.gpu[0], 1.0);
    }
    return detail::share_worth{counts};
}

gpu_mask lowest_fitting(const ledger& ledger, const demand_view& demand, node_index n) {
    gpu_mask gpus = 0;
    gpu_mask fitting = demand.gpus > 0 ? ledger.fitting_gpus(demand, n) : 0;
    for (std::size_t k = 0; k < demand.gpus; ++k, fitting &= fitting - 1) gpus |= fitting & (~fitting + 1);
    return gpus;
}

}  // namespace

TEST_CASE("expected fragmentation: packing by hand") {
    const auto lost = [](const std::vector<amount>& shares, const std::vector<hand_task>& mix) {
        return value_of({.shares = shares, .cpu = 8000}, mix, only(&fragmentation_weights::packing)).fragmentation;
    };
    // Two tasks of 470 fill a GPU as well as it can be: a rest of 530 is worth half a GPU, one of 60 nothing.
    CHECK(lost({1000}, {{.gpus = 1, .share = 470}}) == 0.0);
    CHECK(lost({530}, {{.gpus = 1, .share = 470}}) == 30.0);
    CHECK(lost({60, 530, 1000}, {{.gpus = 1, .share = 470}}) == 90.0);
    // A rest of 190 has takers, but not enough for the rests that tasks of 810 leave.
    CHECK(lost({190}, {{.gpus = 1, .share = 810, .copies = 5}, {.gpus = 1, .share = 160, .copies = 1}}) == 190.0);
    // Enough: now GPUs are needed for tasks of 160 alone, six on each, and 810 and 160 together still take one.
    CHECK(lost({190}, {{.gpus = 1, .share = 810, .copies = 1}, {.gpus = 1, .share = 160, .copies = 50}}) ==
          doctest::Approx(190.0 - 1000.0 / 6.0).epsilon(1e-4));
    // Tasks on several GPUs take whole ones.
    CHECK(lost({900, 1000}, {{.gpus = 2, .share = 1000}}) == 900.0);
}

TEST_CASE("expected fragmentation: slots by hand") {
    const hand_node node{.shares = {1000, 1000, 500}, .cpu = 10'000};
    const auto fragmentation = [&](const std::vector<hand_task>& mix) {
        return value_of(node, mix, only(&fragmentation_weights::slots)).fragmentation;
    };
    CHECK(fragmentation({{.gpus = 1, .share = 400}}) == 2500.0 - 5 * 400.0);
    CHECK(fragmentation({{.gpus = 1, .share = 810}}) == 2500.0 - 2 * 810.0);
    CHECK(fragmentation({{.gpus = 1, .share = 400, .accepted = {"other"}}}) == 2500.0);
    // A mean over the mix; the part of tasks on several GPUs goes to the others.
    CHECK(fragmentation({{.gpus = 1, .share = 400, .copies = 3}, {.gpus = 1, .share = 500, .copies = 1}}) ==
          doctest::Approx(0.75 * 500));
    CHECK(fragmentation({{.gpus = 1, .share = 400, .copies = 3}, {.gpus = 2, .share = 1000, .copies = 5}}) ==
          doctest::Approx(500));
}

TEST_CASE("expected fragmentation: use by hand") {
    // One kind of task, which waits for a long time: all that fits is used.
    fragmentation_weights weights = only(&fragmentation_weights::use);
    weights.patience = 1e9;
    const hand_node node{.shares = {1000, 1000}, .cpu = 64'000};
    const auto value = [&](const std::vector<hand_task>& mix) { return value_of(node, mix, weights); };
    CHECK(value({{.gpus = 1, .share = 500, .cpu = 1000}}).usable == doctest::Approx(2000.0));
    CHECK(value({{.gpus = 1, .share = 500, .cpu = 1000}}).fragmentation == doctest::Approx(0.0).epsilon(1e-3));
    CHECK(value({{.gpus = 1, .share = 500, .cpu = 32'000}}).usable == doctest::Approx(1000.0));  // CPU for two
    CHECK(value({{.gpus = 1, .share = 500, .cpu = 64'001}}).usable == 0.0);
    // Room is worth the less the fewer tasks may have it.
    CHECK(value({{.gpus = 1, .share = 500, .copies = 3}, {.gpus = 1, .share = 500, .accepted = {"other"}}})
              .fragmentation == doctest::Approx(2000.0 - 0.75 * 2000.0));
    CHECK(value({{.gpus = 1, .share = 500, .copies = 3}, {.gpus = 0, .cpu = 1}}).fragmentation > 400.0);
}

TEST_CASE("expected fragmentation: stranding by hand") {
    // The mix wants 2000 CPU per GPU.
    const std::vector<hand_task> mix{{.gpus = 1, .share = 500, .cpu = 500}, {.gpus = 1, .share = 500, .cpu = 1500}};
    const auto fragmentation = [&](std::size_t gpus, amount cpu) {
        return value_of({.shares = std::vector<amount>(gpus, 1000), .cpu = cpu}, mix,
                        only(&fragmentation_weights::stranding))
            .fragmentation;
    };
    CHECK(fragmentation(4, 8'000) == doctest::Approx(1000.0 * std::log(2.0)).epsilon(1e-5));  // in balance
    CHECK(fragmentation(4, 0) == doctest::Approx(4000.0).epsilon(0.01));
    CHECK(fragmentation(64, 0) == 64'000.0);  // far out the smooth form is exact
    CHECK(fragmentation(4, 40'000) < 1e-2);
    CHECK(fragmentation(4, 6'000) == doctest::Approx(1000.0 * std::log1p(std::exp(1.0))).epsilon(1e-5));
    // Tasks without GPU take CPU too: they raise the rate.
    auto with_host_task = mix;
    with_host_task.push_back({.gpus = 0, .cpu = 2000});
    const auto machines = hand_fleet({{{1000}, 4000}});
    const auto work = hand_workload(machines, with_host_task);
    CHECK(expected_fragmentation{problem{machines, work}, none}.cpu_per_gpu() == doctest::Approx(4000.0));
    CHECK(expected_fragmentation{problem{machines, work}, {}}.cpu_per_gpu() == doctest::Approx(0.9 * 4000.0));
}

TEST_CASE("expected fragmentation agrees with the formulae, and a sum that follows placements is the sum") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.gpu_counters = 1 + seed % 2, .domains = seed % 3 == 0});
        const problem p{machines, work};
        const fragmentation_weights weights{.packing = 0.5 * static_cast<double>(seed % 5),
                                            .slots = 0.2 * static_cast<double>(seed % 4),
                                            .use = 0.1 + static_cast<double>(seed % 3),
                                            .stranding = 0.7,
                                            .smoothing = 300.0,
                                            .patience = 5.0};
        const expected_fragmentation fragmentation{p, weights};
        const auto worth = worth_of(work);
        const detail::expected_use use{p, weights.patience, fragmentation.cpu_per_gpu() / weights.cpu_rate};
        ledger ledger{machines};
        std::vector<expected_fragmentation::gpu_sum> sums;
        for (std::size_t n = 0; n < machines.node_count(); ++n) {
            sums.push_back(fragmentation.sum(ledger.node(node_index{n})));
        }
        xoshiro256 g{seed};
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const auto demand = work.demand(task_index{t});
            const node_index n{below(g, machines.node_count())};
            const auto now = fragmentation(ledger.node(n));
            const auto expected = naive_value(ledger.node(n), work, weights, worth, use);
            // Tables have steps of 1/1024; the smooth part is interpolated.
            REQUIRE(std::abs(now.fragmentation - expected.fragmentation) < 0.2);
            REQUIRE(std::abs(now.usable - expected.usable) < 0.02);
            if (!ledger.fits(demand, n)) continue;
            const gpu_mask gpus = lowest_fitting(ledger, demand, n);
            // A placement that has not happened yet, to the last bit.
            const node_view node = ledger.node(n);
            sums[n.value()] = fragmentation.after(sums[n.value()], node, demand.gpus > 0 ? demand.gpu[0] : 0, gpus);
            const auto foreseen =
                fragmentation(sums[n.value()], node.free_cpu() - machines.roles().cpu_of(demand.node));
            ledger.place(demand, {n, gpus});
            REQUIRE(sums[n.value()] == fragmentation.sum(ledger.node(n)));
            REQUIRE(fragmentation(ledger.node(n)).fragmentation == foreseen.fragmentation);
            REQUIRE(fragmentation(ledger.node(n)).usable == foreseen.usable);
        }
    }
}

TEST_CASE("expected fragmentation does not depend on the order of GPUs, nor on the copy of the measure") {
    const auto machines = hand_fleet(
        {{.shares = {230, 1000, 0, 470, 190}, .cpu = 20'000}, {.shares = {0, 190, 470, 230, 1000}, .cpu = 20'000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 470, .cpu = 3000}, {.gpus = 1, .share = 190}});
    const ledger ledger{machines};
    const node_view node = ledger.node(node_index{0});
    expected_fragmentation::gpu_sum sum;
    const auto copy = [&] {
        const expected_fragmentation original{problem{machines, work}, {}};
        sum = original.sum(node);
        return original;
    }();
    CHECK(copy.sum(ledger.node(node_index{1})) == sum);
    CHECK(copy(sum, node.free_cpu()).fragmentation == copy(node).fragmentation);
}

TEST_CASE("expected fragmentation: less on a GPU is never more usable, and nothing usable is beyond the room") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed);
        const expected_fragmentation fragmentation{problem{machines, work}, {}};
        const auto worth = worth_of(work);
        const ledger ledger{machines};
        xoshiro256 g{seed};
        for (std::size_t i = 0; i < machines.node_count(); ++i) {
            const node_view node = ledger.node(node_index{i});
            auto sum = fragmentation.sum(node);
            double room = 0.0;
            for (std::size_t k = 0; k < node.gpu_count(); ++k) {
                if ((node.healthy >> k & 1U) != 0) room += 1000.0 * worth(node.free_share(k));
            }
            double before = fragmentation(sum, 120'000).usable;
            REQUIRE(before <= room + 0.01);
            for (gpu_mask rest = node.healthy; rest != 0; rest &= rest - 1) {
                const auto taken =
                    static_cast<amount>(below(g, static_cast<std::size_t>(node.free_share(lowest_gpu(rest))) + 1));
                sum = fragmentation.after(sum, node, taken, rest & (~rest + 1));
                const double now = fragmentation(sum, 120'000).usable;
                REQUIRE(now >= 0.0);
                REQUIRE(now <= before + 0.01);
                before = now;
            }
        }
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
    // No tasks, and only tasks without GPU: all that is free is lost.
    const double all = (2.0 + 0.2 + 1.2) * 1300;
    for (const std::vector<hand_task>& mix : {std::vector<hand_task>{}, {{.gpus = 0, .cpu = 1000}}}) {
        CHECK(value_of(node, mix).fragmentation == doctest::Approx(all));
        CHECK(value_of(node, mix).usable == 0.0);
    }
    // Only tasks on several GPUs: the whole GPU is worth something.
    CHECK(value_of(node, {{.gpus = 2, .share = 1000}}).fragmentation < all);
    // A node without GPUs; a node whose GPUs are used up.
    CHECK(lost(value_of({.shares = {}, .cpu = 100}, {{.gpus = 1, .share = 500}})) == std::pair{0.0, 0.0});
    CHECK(lost(value_of({.shares = {0, 0}, .cpu = 100}, {{.gpus = 1, .share = 500}})) == std::pair{0.0, 0.0});
    // 64 GPUs; more different shares than are packed one by one.
    CHECK(value_of({.shares = std::vector<amount>(64, 1000), .cpu = 1}, {{.gpus = 1, .share = 500}}).usable > 40'000.0);
    std::vector<hand_task> many;
    for (amount share = 1; share <= 1000; share += 3) many.push_back({.gpus = 1, .share = share, .cpu = share});
    const auto of_many = value_of({.shares = {500, 1000}, .cpu = 2000}, many);
    CHECK(std::isfinite(of_many.fragmentation));
    CHECK(of_many.usable > 0.0);

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
    const expected_fragmentation fragmentation{problem{machines, work}, {.patience = 1e9}};
    CHECK(fragmentation.cpu_per_gpu() == 0.0);
    CHECK(fragmentation(ledger.node(node_index{0})).usable > 1800.0);  // interpolated
}
