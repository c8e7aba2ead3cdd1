// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/alternative_choice.hpp"

#include "berth/allocate/greedy/cluster_placer.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct card {
    std::string model;
    std::array<amount, 2> capacity{1000, 80};
};
struct machine {
    std::string name;
    std::array<amount, 2> capacity{64, 512};
    std::vector<card> gpus;
};
struct form {
    std::size_t gpus = 0;
    std::vector<amount> gpu_demand{};
    std::array<amount, 2> node_demand{};
    std::string accepted_models{};
    double speed = 1.0;
};
struct job {
    std::string name{};
    std::size_t gpus = 1;
    std::vector<amount> gpu_demand{1000, 0};
    std::array<amount, 2> node_demand{4, 16};
    std::string accepted_models{"H100"};
    double speed = 8.0;
    std::vector<form> alternatives{};
};

const form on_t4{1, {1000, 0}, {4, 16}, "T4", 2.0};
const form on_cpu{0, {}, {32, 64}, "", 1.0};
const job any{.alternatives = {on_t4, on_cpu}};

cluster fleet_of(std::size_t h100, std::size_t t4, std::size_t plain) {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}, .domain = {}}};
    for (std::size_t n = 0; n < h100; ++n)
        REQUIRE(c.join(machine{"h" + std::to_string(n), {64, 512}, {{"H100"}, {"H100"}}}));
    for (std::size_t n = 0; n < t4; ++n)
        REQUIRE(c.join(machine{"t" + std::to_string(n), {64, 512}, {{"T4", {1000, 16}}}}));
    for (std::size_t n = 0; n < plain; ++n) REQUIRE(c.join(machine{"c" + std::to_string(n), {128, 1024}, {}}));
    return c;
}

}  // namespace

TEST_CASE("the fastest that fits, or the one that takes the least of what is free") {
    cluster c = fleet_of(1, 1, 1);
    auto placer = greedy{best_fit{}}.start(c);
    // H100: half of two, at speed 8: 1/16. T4: the only one, at speed 2: 1/2. CPU: 32 of 256, at speed 1: 1/8.
    const task_handle first = need(placer.place(any));
    CHECK(c.alternative(first) == 0);
    // H100: the last one: 1/8. CPU: 32 of 252.
    const task_handle second = need(placer.place(any));
    CHECK(c.alternative(second) == 0);
    // No H100 is left. T4: 1/2. CPU: 32 of 248.
    CHECK(placer.choose(need(c.admit(any)), fastest_first{}).alternative == 1);
    const task_handle third = need(placer.place(any));
    CHECK(c.alternative(third) == 2);
    CHECK(c.where(third).gpus == 0);
    CHECK(c.workload().demand(*c.find(third)).node[0] == 32);
    const task_handle fourth = need(placer.place(any, fastest_first{}));
    CHECK(c.alternative(fourth) == 1);
    // No GPU is free: the CPU is taken whatever the choice, until there is none.
    std::vector<task_handle> on_cpus;
    for (;;) {
        const task_handle t = need(placer.place(any, fastest_first{}));
        if (c.state(t) == task_state::waiting) break;
        CHECK(c.alternative(t) == 2);
        on_cpus.push_back(t);
    }
    // Nodes of 56, 60 and 128 cores: 1 + 1 + 4, of which one was taken before.
    CHECK(on_cpus.size() == 5);
    // What ended gives back what it held.
    const slot freed = c.where(first);
    REQUIRE(c.retire(first));
    CHECK(c.where(need(placer.place(any))) == freed);
}

TEST_CASE("a choice of one's own, an alternative like another, a task without alternatives") {
    cluster c = fleet_of(1, 1, 1);
    auto placer = greedy{best_fit{}}.start(c);
    const auto euros = [](const alternative_candidate& a) {
        return (9.0 * static_cast<double>(a.demand.gpus) + 0.05 * static_cast<double>(a.demand.node[0])) / a.speed;
    };
    // 9.2 / 8, 9.2 / 2, 1.6
    CHECK(c.alternative(need(placer.place(any, euros))) == 0);
    const auto last = [](const alternative_candidate& a) { return -static_cast<double>(a.position); };
    CHECK(c.alternative(need(placer.place(any, last))) == 2);
    const auto equal = [](const alternative_candidate&) { return 1; };
    CHECK(c.alternative(need(placer.place(any, equal))) == 0);  // the first of equals
    job twice = any;
    twice.alternatives = {on_t4, on_t4, on_cpu};
    CHECK(c.alternative(need(placer.place(twice, equal))) == 1);
    const task_handle plain = need(placer.place(job{.accepted_models = "T4"}, last));
    CHECK(c.state(plain) == task_state::waiting);
    CHECK_FALSE(placer.choose(plain).where.placed());
    CHECK_FALSE(placer.choose(task_handle{}).where.placed());
    // A gang runs with its own demands.
    const task_handle both[] = {need(c.admit(any)), need(c.admit(any))};
    CHECK_FALSE(placer.place_all(both));
}

TEST_CASE("fleet_room agrees with a sum over everything, and the choice with a look at every alternative") {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        CAPTURE(seed);
        cluster c = fleet_of(3, 3, 2);
        auto placer = greedy{best_fit{}}.start(c);
        auto plain = greedy{best_fit{}}.start(c);
        xoshiro256 random{seed};
        std::vector<task_handle> running;
        fleet_room room;
        for (std::size_t step = 0; step < 150; ++step) {
            const std::size_t what = below(random, 12);
            const auto some_node = c.find_node((below(random, 2) == 0 ? "h" : "t") + std::to_string(below(random, 3)));
            if (what == 0 && some_node) REQUIRE(c.set_open(*some_node, below(random, 2) == 0));
            if (what == 1 && some_node) {
                const gpu_handle g = c.handle(*c.find(*some_node), 0);
                REQUIRE(c.set_healthy(g, below(random, 2) == 0));
            }
            if (what == 2 && some_node) {
                const bool big = c.fleet().name(*c.find(*some_node))[0] == 'h';
                REQUIRE(c.leave(*some_node));
                std::erase_if(running, [&](task_handle t) { return !c.where(t).placed() && c.retire(t); });
                REQUIRE(c.join(machine{
                    "x" + std::to_string(step), {64, 512}, {{big ? "H100" : "T4"}, {"A" + std::to_string(step % 4)}}}));
            }
            if (what == 3 && !running.empty()) {
                REQUIRE(c.retire(running.back()));
                running.pop_back();
            }
            job j{.node_demand = {static_cast<amount>(1 + below(random, 8)), 8},
                  .speed = static_cast<double>(1 + below(random, 9))};
            j.gpu_demand[0] = static_cast<amount>(250 * (1 + below(random, 4)));
            for (std::size_t k = below(random, 4); k > 0; --k) {
                form f = below(random, 2) == 0 ? on_t4 : on_cpu;
                f.node_demand[0] = static_cast<amount>(1 + below(random, 40));
                f.speed = 0.5 + static_cast<double>(below(random, 8));
                j.alternatives.push_back(f);
            }
            const task_handle t = need(c.admit(j));

            room.follow(c);
            amount cpu = 0;
            std::vector<amount> shares(c.fleet().model_count(), 0);
            for (std::size_t i = 0; i < c.fleet().node_count(); ++i) {
                const node_index n{i};
                if (!c.fleet().present(n) || !c.open(n)) continue;
                cpu += c.ledger().free(n)[0];
                for (std::size_t k = 0; k < c.fleet().gpu_count(n); ++k) {
                    const gpu_index g = c.fleet().gpu(n, k);
                    if ((c.healthy_gpus(n) >> k & 1U) != 0) shares[c.fleet().model(g).value()] += c.ledger().free(g)[0];
                }
            }
            REQUIRE(room.on_nodes(0) == cpu);
            REQUIRE(room.on_nodes(7) == 0);
            for (std::size_t m = 0; m < shares.size(); ++m) REQUIRE(room.on_gpus(model_index{m}, 0) == shares[m]);

            // Each alternative alone, as a demand of its own; cost by hand for GPUs and CPUs.
            slot expected = unplaced;
            double least = 0.0;
            const auto listed =
                std::vector<task_alternative>{c.alternatives(*c.find(t)).begin(), c.alternatives(*c.find(t)).end()};
            for (const task_alternative& one : listed) {
                const slot where = plain.find(c.handle(one.shape));
                if (!where.placed()) continue;
                const demand_view demand = c.workload().demand(one.shape);
                double part = static_cast<double>(demand.node[0]) / static_cast<double>(cpu);
                part = std::max(part, static_cast<double>(demand.node[1]) / static_cast<double>(room.on_nodes(1)));
                if (demand.gpus > 0) {
                    const model_index m = c.fleet().model(c.fleet().gpu(where.node, lowest_gpu(where.gpus)));
                    part = std::max(part, static_cast<double>(demand.gpu[0]) / static_cast<double>(shares[m.value()]));
                }
                if (expected.placed() && part / one.speed >= least) continue;
                expected = where;
                least = part / one.speed;
            }
            if (listed.empty()) expected = plain.find(t);
            const auto chosen = placer.choose(t);
            REQUIRE(chosen.where == expected);
            REQUIRE(placer.place(t) == expected);
            REQUIRE(c.alternative(t) == chosen.alternative);
            if (expected.placed()) {
                running.push_back(t);
            } else {
                REQUIRE(c.retire(t));
            }
        }
    }
}
