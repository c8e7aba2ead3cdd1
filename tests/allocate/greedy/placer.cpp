// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/placer.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "allocate/problems.hpp"
#include "common/naive.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
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

TEST_CASE("a running fleet is entered as a whole or not at all, in one decision") {
    const auto as_one_by_one = [](const auto& policy) {
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
            CAPTURE(seed);
            const auto [machines, work] = random_problem(50 + seed, {.domains = seed % 2 == 0});
            const problem p{machines, work};
            const auto running = greedy{best_fit{}}.run(p).assignment;
            std::vector<task_index> tasks;
            std::vector<slot> where;
            for (std::size_t t = 0; t < work.task_count(); t += 2) {
                tasks.emplace_back(t);
                where.push_back(running[t]);
            }
            auto single = policy.start(p);
            auto bulk = policy.start(p);
            std::size_t entered = 0;
            for (std::size_t i = 0; i < tasks.size(); ++i) {
                if (where[i].placed()) entered += single.occupy(tasks[i], where[i]) ? 1 : 0;
            }
            // One that exists nowhere, one without room: nothing of the others stays.
            const std::vector<task_index> unknown{task_index{0}, task_index{work.task_count()}};
            CHECK_FALSE(bulk.occupy(unknown, std::vector<slot>(2, running[0])));
            CHECK_FALSE(bulk.occupy(tasks, std::span{where}.first(1)));
            auto too_many = where;
            too_many.back() = {node_index{machines.node_count()}, 1};
            CHECK_FALSE(bulk.occupy(tasks, too_many));
            CHECK(bulk.ledger() == ledger{machines});
            CHECK(bulk.occupy(tasks, where) == entered);
            CHECK(bulk.ledger() == single.ledger());
            for (std::size_t t = 1; t < work.task_count(); t += 2) {
                REQUIRE(bulk.place(task_index{t}) == single.place(task_index{t}));
            }
        }
    };
    as_one_by_one(greedy{fgd{}, best_scored_gpu{}});
    as_one_by_one(greedy{gpu_clustering{}});
    as_one_by_one(greedy{scarcity{.reprice_after = 2.0}});  // the market is not cleared on the way

    struct settled {
        int* count;
        double operator()(const candidate&) const { return 0.0; }
        void on_settled() const { ++*count; }
    };
    const auto machines = two_nodes();
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .copies = 3}});
    int decisions = 0;
    auto placer = greedy{settled{&decisions}}.start(problem{machines, work});
    const std::vector<task_index> three{task_index{0}, task_index{1}, task_index{2}};
    CHECK_FALSE(placer.occupy(three, std::vector<slot>(3, {node_index{0}, 1})));
    CHECK(decisions == 0);
    CHECK(placer.occupy(three, std::vector<slot>{{node_index{0}, 1}, unplaced, {node_index{0}, 1}}) == 2);
    CHECK(decisions == 1);
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
    // The lowest number of a type is an ordinary value.
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

TEST_CASE("evaluations counts candidates, fewer with an index") {
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

TEST_CASE("a copied placer is independent") {
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

TEST_CASE("tasks, shapes, nodes and slots that do not exist change nothing") {
    const auto check = [](const auto& policy) {
        const auto machines = two_nodes();
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 1'000, .copies = 2}});
        auto placer = policy.start(problem{machines, work});
        const task_index task{0};
        const slot where = placer.place(task);
        REQUIRE(where.placed());
        const ledger before = placer.ledger();
        for (const task_index unknown : {task_index{2}, task_index{4'000'000'000}, task_index{}}) {
            CHECK(placer.place(unknown) == unplaced);
            CHECK_FALSE(placer.occupy(unknown, {node_index{1}, 1}));
            CHECK_FALSE(placer.remove(unknown, where));
            CHECK(placer.explain(unknown).nodes == 0);
            CHECK_FALSE(placer.place_all(std::vector{task, unknown}).has_value());
        }
        for (const shape_index unknown : {shape_index{1}, shape_index{}}) {
            CHECK(placer.place(unknown) == unplaced);
            CHECK_FALSE(placer.remove(unknown, where));
        }
        const slot nowhere[] = {unplaced,
                                {node_index{2}, 1},
                                {node_index{4'000'000'000}, 1},
                                {node_index{0}, 0},
                                {node_index{0}, 0b11},
                                {node_index{0}, 0b100},
                                {node_index{0}, gpu_mask{1} << 63}};
        for (const slot& wrong : nowhere) {
            CHECK_FALSE(placer.occupy(task, wrong));
            CHECK_FALSE(placer.remove(task, wrong));
            CHECK_FALSE(placer.remove(shape_index{0}, wrong));
        }
        for (const node_index unknown : {node_index{2}, node_index{}}) {
            CHECK_FALSE(placer.close(unknown));
            CHECK_FALSE(placer.open(unknown));
            CHECK_FALSE(placer.closed(unknown));
        }
        CHECK(placer.ledger() == before);
        CHECK(placer.remove(task, where));
        CHECK_FALSE(placer.remove(task, where));  // twice
        CHECK(placer.ledger() == ledger{machines});
    };
    check(greedy{first_fit{}});
    check(greedy{first_fit{}}.exhaustive());
    check(greedy{});
    check(greedy{random_score{1}, random_gpu{1}});
}

TEST_CASE("a slot that does not hold the demand is not freed, counter by counter") {
    const auto machines = hand_fleet({{{1000, 1000}, 4'000}, {{1000, 1000}, 4'000}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 600, .cpu = 1'000}, {.cpu = 500}});
    auto placer = greedy{first_fit{}}.start(problem{machines, work});
    const slot where = placer.place(task_index{0});
    CHECK(where == slot{node_index{0}, 0b01});
    CHECK_FALSE(placer.remove(task_index{0}, {node_index{0}, 0b10}));  // that GPU is free
    CHECK_FALSE(placer.remove(task_index{1}, {node_index{1}, 0}));     // that CPU is free
    CHECK(placer.remove(task_index{0}, where));
    CHECK(placer.ledger() == ledger{machines});

    fleet_builder builder{{.gpu = {"share"}, .node = {"cpu"}, .domain = {"power"}}};
    const amount power[] = {10};
    (void)need(builder.add_domain("rack", 0, power));
    const std::string_view rack[] = {"rack"};
    const amount cpu[] = {8};
    (void)need(builder.add_node({.capacity = cpu, .domains = rack}));
    (void)need(builder.add_node({.capacity = cpu, .domains = rack}));
    const auto racks = need(std::move(builder).build());
    workload_builder tasks{racks};
    const amount one[] = {1};
    (void)need(tasks.add_task({.gpus = 0, .node_demand = one, .domain_demand = one}));
    (void)need(tasks.add_task({.gpus = 0, .node_demand = one}));
    const auto hosts = need(std::move(tasks).build());
    auto other = greedy{first_fit{}}.start(problem{racks, hosts});
    CHECK(other.place(task_index{1}) == slot{node_index{0}, 0});
    CHECK_FALSE(other.remove(task_index{0}, {node_index{0}, 0}));  // no power is held
    CHECK(other.remove(task_index{1}, {node_index{0}, 0}));
}

TEST_CASE("a GPU selection that breaks its contract refuses the node, with index and scan alike") {
    // Wrong on even nodes: another number of GPUs, or GPUs that do not exist.
    const auto check = [](const auto& score, gpu_mask wrong) {
        const auto machines = hand_fleet(std::vector<hand_node>(70, hand_node{{1000, 1000}, 64'000}));
        const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .copies = 150}});
        const problem p{machines, work};
        const auto faulty = [wrong](const node_view& node, const demand_view&, gpu_mask fitting) {
            return node.index.value() % 2 == 0 ? wrong : fitting & (~fitting + 1);
        };
        const greedy policy{score, faulty};
        auto indexed = policy.start(p);
        auto exhaustive = policy.exhaustive().start(p);
        for (std::size_t t = 0; t < 140; ++t) {
            const slot where = indexed.place(task_index{t});
            REQUIRE(where.placed());
            REQUIRE(where.node.value() % 2 == 1);
            REQUIRE(where == exhaustive.place(task_index{t}));
        }
        for (std::size_t t = 140; t < 150; ++t) {
            REQUIRE(indexed.place(task_index{t}) == unplaced);
            REQUIRE(exhaustive.place(task_index{t}) == unplaced);
        }
        CHECK(indexed.ledger() == exhaustive.ledger());
        CHECK(indexed.explain(task_index{0})[refusal::admission] == 35);
    };
    for (const gpu_mask wrong : {gpu_mask{0}, gpu_mask{0b11}, gpu_mask{0b100}, gpu_mask{1} << 63}) {
        CAPTURE(wrong);
        check(first_fit{}, wrong);    // selects GPUs on the winning node only
        check(gpu_packing{}, wrong);  // reads the GPUs of every candidate
        check([](const candidate&) { return 0.0; }, wrong);
        check(scarcity{}, wrong);
    }
}

TEST_CASE("a tie break that lists nodes twice, not at all or of another fleet still ranks every node once") {
    struct odd_order {
        [[nodiscard]] std::vector<node_index> rank(const fleet&) const {
            return {node_index{2}, node_index{9}, node_index{2}, node_index{}, node_index{1}};
        }
    };
    const auto machines = hand_fleet(std::vector<hand_node>(4, hand_node{{1000}, 64'000}));
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000, .copies = 5}});
    const problem p{machines, work};
    const greedy policy{first_fit{}, tightest_gpu{}, odd_order{}};
    const auto check = [&](auto placer) {
        for (const std::size_t expected : {2U, 1U, 0U, 3U}) {
            CHECK(placer.place(task_index{0}) == slot{node_index{expected}, 1});
        }
        CHECK(placer.place(task_index{0}) == unplaced);
    };
    check(policy.start(p));
    check(policy.exhaustive().start(p));
}
