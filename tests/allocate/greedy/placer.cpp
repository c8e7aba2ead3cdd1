// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/placer.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/model/fleet_builder.hpp"

#include "allocate/problems.hpp"
#include "common/naive.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Two nodes of two GPUs, one of them with little CPU.
fleet two_nodes() { return hand_fleet({{{1000, 1000}, 4'000}, {{1000, 1000}, 64'000}}); }

}  // namespace

TEST_CASE("place, remove, occupy by hand") {
    const auto machines = two_nodes();
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 3'000},
                                               {.gpus = 2, .share = 1000, .cpu = 1'000},
                                               {.gpus = 0, .cpu = 64'000}});
    const problem p{machines, work};
    auto placer = greedy{first_fit{}}.start(p);
    const task_index share{0};
    const task_index pair{1};
    const task_index host{2};
    CHECK(placer.place(share) == slot{node_index{0}, 0b01});
    CHECK(placer.place(share) == slot{node_index{1}, 0b01});  // node 0 lacks CPU
    CHECK(!placer.place(pair).placed());
    placer.remove(share, {node_index{0}, 0b01});
    CHECK(placer.place(pair) == slot{node_index{0}, 0b11});
    CHECK(!placer.place(host).placed());
    placer.remove(share, {node_index{1}, 0b01});
    CHECK(placer.place(host) == slot{node_index{1}, 0});
    CHECK(!placer.place(share).placed());

    CHECK(!placer.occupy(share, unplaced));
    CHECK(!placer.occupy(share, {node_index{1}, 0b01}));  // no CPU left
    CHECK(!placer.occupy(share, {node_index{9}, 0b01}));  // no such node
    placer.remove(host, {node_index{1}, 0});
    CHECK(!placer.occupy(share, {node_index{1}, 0b11}));   // wants one GPU
    CHECK(!placer.occupy(share, {node_index{1}, 0b100}));  // no such GPU
    CHECK(placer.occupy(share, {node_index{1}, 0b10}));
    CHECK(placer.ledger().free(machines.gpu(node_index{1}, 1))[0] == 400);
    CHECK(placer.place(share) == slot{node_index{1}, 0b01});
}

TEST_CASE("a task that runs already is entered wherever it runs") {
    fleet_builder builder;
    const gpu_description sick[] = {{.model = "G2", .healthy = false}};
    const gpu_description other[] = {{.model = "T4"}};
    (void)need(builder.add_node({.gpus = sick}));
    (void)need(builder.add_node({.gpus = other}));
    const auto machines = need(std::move(builder).build());
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 400, .accepted = {"G2"}, .copies = 2}});
    auto placer = greedy{fgd{}, best_scored_gpu{}}.start(problem{machines, work});
    CHECK(!placer.place(task_index{0}).placed());
    CHECK(placer.occupy(task_index{0}, {node_index{0}, 1}));
    CHECK(placer.occupy(task_index{1}, {node_index{1}, 1}));
    CHECK(!placer.place(task_index{0}).placed());
    placer.remove(task_index{0}, {node_index{0}, 1});
    placer.remove(task_index{1}, {node_index{1}, 1});
    CHECK(placer.ledger() == ledger{machines});
}

TEST_CASE("not_admitted is never taken, everything else is") {
    const auto machines = two_nodes();
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .copies = 4}});
    const problem p{machines, work};
    const auto only_node_1 = [](const candidate& c) { return c.node.index == node_index{1} ? -1e308 : not_admitted; };
    auto placer = greedy{only_node_1}.start(p);
    for (std::size_t t = 0; t < 4; ++t) CHECK(placer.place(task_index{t}).node == node_index{1});
    CHECK(!placer.place(task_index{0}).placed());
    CHECK(!greedy{[](const candidate&) { return not_admitted; }}.start(p).place(task_index{0}).placed());
    // The least value of any type is a value.
    CHECK(greedy{[](const candidate&) { return 0U; }}.start(p).place(task_index{0}).placed());
    CHECK(greedy{[](const candidate&) { return std::numeric_limits<int>::lowest(); }}
              .start(p)
              .place(task_index{0})
              .placed());
    CHECK(greedy{[](const candidate&) { return false; }}.start(p).place(task_index{0}).placed());
}

TEST_CASE("place_all: all or none, and a failed attempt leaves no trace") {
    const auto same_afterwards = [](const auto& policy) {
        for (std::uint64_t seed = 0; seed < 8; ++seed) {
            CAPTURE(seed);
            const auto [machines, work] = random_problem(seed, {.domains = seed % 2 == 0});
            const problem p{machines, work};
            auto tried = policy.start(p);
            auto spared = policy.start(p);
            xoshiro256 g{seed};
            int failures = 0;
            for (std::size_t t = 0; t < work.task_count(); ++t) {
                REQUIRE(tried.place(task_index{t}) == spared.place(task_index{t}));
                if (t % 5 != 0) continue;
                std::vector<task_index> many;
                for (std::size_t i = 0; i < 400; ++i) many.emplace_back(below(g, work.task_count()));
                const ledger before = tried.ledger();
                const auto slots = tried.place_all(many);
                REQUIRE(!slots);
                ++failures;
                REQUIRE(tried.ledger() == before);
                REQUIRE(tried.ledger().depth() == 0);
            }
            REQUIRE(failures > 0);
            REQUIRE(tried.ledger() == spared.ledger());
        }
    };
    same_afterwards(greedy{fgd{}, best_scored_gpu{}});
    same_afterwards(greedy{gpu_clustering{}});
    same_afterwards(greedy{scarcity{}, best_scored_gpu{}});
    same_afterwards(greedy{random_score{1}, random_gpu{1}});
    same_afterwards(greedy{weighted_sum{weighted{0.5, rescaled{best_fit{}}}, weighted{0.5, fgd{}}}});
    same_afterwards(greedy{best_fit{}, gpu_scored_by{gpu_clustering{}}});

    const auto machines = two_nodes();
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000, .copies = 6}});
    auto placer = greedy{first_fit{}}.start(problem{machines, work});
    const std::vector<task_index> five(5, task_index{0});
    CHECK(!placer.place_all(five));
    CHECK(placer.ledger() == ledger{machines});
    const auto slots = placer.place_all(std::span{five}.first(4));
    REQUIRE(slots.has_value());
    CHECK((*slots)[3] == slot{node_index{1}, 0b10});
    CHECK(placer.place_all(std::span<const task_index>{})->empty());
}

TEST_CASE("explain counts every node, places nothing and is not counted") {
    // Refuses nodes with an even number, so that all reasons occur.
    struct odd_nodes {
        double operator()(const candidate& c) const { return c.node.index.value() % 2 == 1 ? 1.0 : not_admitted; }
    };
    std::array<std::size_t, refusal_count> seen{};
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, {.domains = seed % 2 == 0});
        auto placer = greedy{odd_nodes{}}.start(problem{machines, work});
        std::map<std::size_t, slot> live;
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            const ledger before = placer.ledger();
            const auto evaluations = placer.evaluations();
            const why_not why = placer.explain(task_index{t});
            REQUIRE(placer.ledger() == before);
            REQUIRE(placer.evaluations() == evaluations);
            const naive_ledger ledger{machines, work, live};
            std::array<std::size_t, refusal_count> counted{};
            for (std::size_t n = 0; n < machines.node_count(); ++n) {
                auto holds = ledger.reasons(task_index{t}, node_index{n});
                const auto group = static_cast<std::size_t>(refusal::group);
                bool fits = true;
                for (std::size_t r = 0; r < refusal_count; ++r) fits = fits && (r == group || !holds[r]);
                if (fits && n % 2 == 0) {
                    holds[group] = false;
                    holds[static_cast<std::size_t>(refusal::admission)] = true;
                }
                for (std::size_t r = 0; r < refusal_count; ++r) counted[r] += holds[r] ? 1 : 0;
            }
            REQUIRE(why.counted == counted);
            REQUIRE(why.nodes == machines.node_count());
            for (std::size_t r = 0; r < refusal_count; ++r) seen[r] += counted[r];
            const slot where = placer.place(task_index{t});
            if (where.placed()) live[t] = where;
        }
    }
    for (std::size_t r = 0; r < refusal_count; ++r) {
        CAPTURE(to_string(static_cast<refusal>(r)));
        CHECK(seen[r] > 0);
    }
}

TEST_CASE("evaluations counts candidates, an index asks for fewer") {
    const auto machines = hand_fleet(std::vector<hand_node>(50, hand_node{{1000, 1000}, 64'000}));
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .copies = 100}});
    const problem p{machines, work};
    auto exhaustive = greedy{best_fit{}}.exhaustive().start(p);
    CHECK(exhaustive.evaluations() == 0);
    (void)exhaustive.place(task_index{0});
    CHECK(exhaustive.evaluations() == 50);
    auto indexed = greedy{best_fit{}}.start(p);
    for (std::size_t t = 0; t < 100; ++t) (void)indexed.place(task_index{t});
    // One node of the only kind at first, then the one that changed.
    CHECK(indexed.evaluations() <= 100);
}

TEST_CASE("a placer can be copied for a what-if and goes its own way") {
    const auto [machines, work] = random_problem(7);
    const problem p{machines, work};
    auto placer = greedy{fgd{}, best_scored_gpu{}}.start(p);
    for (std::size_t t = 0; t < 40; ++t) (void)placer.place(task_index{t});
    auto copy = placer;
    for (std::size_t t = 40; t < 80; ++t) (void)copy.place(task_index{t});
    CHECK(copy.ledger() != placer.ledger());
    auto again = placer;
    for (std::size_t t = 40; t < 80; ++t) (void)again.place(task_index{t});
    CHECK(copy.ledger() == again.ledger());
}
