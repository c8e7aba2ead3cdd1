// SPDX-License-Identifier: Apache-2.0
#include "berth/model/ledger.hpp"

#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"
#include "common/naive.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

using berth::amount;
using berth::domain_index;
using berth::gpu_index;
using berth::gpu_mask;
using berth::ledger;
using berth::node_index;
using berth::slot;
using berth::task_index;
using berth_test::below;
using berth_test::chance;
using berth_test::instance;
using berth_test::naive_books;
using berth_test::need;
using berth_test::random_instance;

static_assert(std::is_copy_constructible_v<ledger> && std::is_copy_assignable_v<ledger>);
static_assert(!std::is_constructible_v<ledger, berth::fleet&&>, "the fleet has to outlive the ledger");
static_assert(!std::is_constructible_v<berth::problem, berth::fleet&&, const berth::workload&>);
static_assert(!std::is_constructible_v<berth::problem, const berth::fleet&, berth::workload&&>);

namespace {

using live_tasks = std::map<std::size_t, slot>;

template <class Index>
bool equal(const ledger& kept, const std::vector<std::vector<amount>>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto left = kept.free(Index{i});
        if (!std::equal(left.begin(), left.end(), expected[i].begin(), expected[i].end())) return false;
        if (std::any_of(left.begin(), left.end(), [](amount value) { return value < 0; })) return false;
    }
    return true;
}

bool agrees(const ledger& kept, const naive_books& naive) {
    return equal<gpu_index>(kept, naive.gpu()) && equal<node_index>(kept, naive.node()) &&
           equal<domain_index>(kept, naive.domain());
}

/// Some slot on the node that the kept would allow, chosen at random.
std::optional<slot> random_slot(berth::xoshiro256& g, const ledger& kept, const berth::demand_view& demand,
                                node_index n) {
    if (!kept.fits(demand, n)) return std::nullopt;
    slot where{.node = n};
    gpu_mask candidates = kept.fitting_gpus(demand, n);
    for (std::size_t k = 0; k < demand.gpus; ++k) {
        std::size_t skip = below(g, berth::gpu_count(candidates));
        gpu_mask rest = candidates;
        while (skip-- > 0) rest &= rest - 1;
        where.gpus |= rest & (~rest + 1);
        candidates &= ~(rest & (~rest + 1));
    }
    return where;
}

/// Places or removes one random task.
void random_step(berth::xoshiro256& g, const instance& in, ledger& kept, live_tasks& live) {
    if (!live.empty() && chance(g, 30)) {
        auto victim = live.begin();
        std::advance(victim, static_cast<std::ptrdiff_t>(below(g, live.size())));
        kept.remove(in.tasks.demand(task_index{victim->first}), victim->second);
        live.erase(victim);
        return;
    }
    const std::size_t t = below(g, in.tasks.task_count());
    if (live.contains(t)) return;
    const auto demand = in.tasks.demand(task_index{t});
    if (const auto where = random_slot(g, kept, demand, node_index{below(g, in.machines.node_count())})) {
        kept.place(demand, *where);
        live.emplace(t, *where);
    }
}

}  // namespace

TEST_CASE("ledger: equals a full recount after every step, and never goes below zero") {
    std::size_t placed = 0;
    for (std::uint64_t seed = 0; seed < 120; ++seed) {
        CAPTURE(seed);
        const instance in = random_instance(seed, 40);
        berth::xoshiro256 g{berth::stream_seed(seed, 1)};
        ledger kept{in.machines};
        live_tasks live;
        for (int step = 0; step < 60; ++step) {
            random_step(g, in, kept, live);
            REQUIRE(agrees(kept, naive_books{in.machines, in.tasks, live}));
        }
        placed += live.size();
        for (const auto& [t, where] : live) kept.remove(in.tasks.demand(task_index{t}), where);
        REQUIRE(kept == ledger{in.machines});
    }
    CHECK(placed > 500);  // the instances are not all trivial
}

TEST_CASE("ledger: fits and fitting_gpus against brute force") {
    std::size_t yes = 0;
    std::size_t no = 0;
    for (std::uint64_t seed = 0; seed < 120; ++seed) {
        CAPTURE(seed);
        const instance in = random_instance(seed, 30);
        berth::xoshiro256 g{berth::stream_seed(seed, 2)};
        ledger kept{in.machines};
        live_tasks live;
        for (int step = 0; step < 40; ++step) random_step(g, in, kept, live);
        const naive_books naive{in.machines, in.tasks, live};
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto demand = in.tasks.demand(task_index{t});
            for (std::size_t i = 0; i < in.machines.node_count(); ++i) {
                const node_index n{i};
                gpu_mask expected = 0;
                for (std::size_t gpu = 0; gpu < in.machines.gpu_count(n); ++gpu) {
                    if (naive.gpu_fits(demand, n, gpu)) expected |= gpu_mask{1} << gpu;
                }
                REQUIRE(kept.fitting_gpus(demand, n) == expected);
                REQUIRE(kept.host_fits(demand, n) == naive.host_fits(demand, n));
                REQUIRE(kept.fits(demand, n) == naive.fits(demand, n));
                (naive.fits(demand, n) ? yes : no) += 1;

                // A slot fits exactly when it has the right number of GPUs and all of them fit.
                const slot where{.node = n, .gpus = g() & g()};
                const bool right = berth::gpu_count(where.gpus) == demand.gpus && (where.gpus & ~expected) == 0 &&
                                   naive.host_fits(demand, n);
                REQUIRE(kept.fits(demand, where) == right);
                if (const auto some = random_slot(g, kept, demand, n)) {
                    REQUIRE(kept.fits(demand, *some));
                    REQUIRE(kept.has_room(demand, *some));
                }
            }
        }
    }
    CHECK(yes > 1000);
    CHECK(no > 1000);
}

TEST_CASE("ledger: place and remove are inverse") {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const instance in = random_instance(seed, 30);
        berth::xoshiro256 g{berth::stream_seed(seed, 3)};
        ledger kept{in.machines};
        live_tasks live;
        for (int step = 0; step < 20; ++step) random_step(g, in, kept, live);
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto demand = in.tasks.demand(task_index{t});
            for (std::size_t n = 0; n < in.machines.node_count(); ++n) {
                const ledger before = kept;
                if (const auto where = random_slot(g, kept, demand, node_index{n})) {
                    kept.place(demand, *where);
                    kept.remove(demand, *where);
                }
                REQUIRE(kept == before);
            }
        }
    }
}

TEST_CASE("ledger: nested checkpoints equal copies") {
    std::size_t deepest = 0;
    for (std::uint64_t seed = 0; seed < 120; ++seed) {
        CAPTURE(seed);
        const instance in = random_instance(seed, 40);
        berth::xoshiro256 g{berth::stream_seed(seed, 4)};
        ledger kept{in.machines};
        live_tasks live;
        std::vector<std::pair<ledger, live_tasks>> copies;
        for (int step = 0; step < 200; ++step) {
            const std::size_t what = below(g, 10);
            if (what == 0 && copies.size() < 6) {
                copies.emplace_back(kept, live);
                kept.checkpoint();
            } else if (what == 1 && !copies.empty()) {
                kept.rollback();
                REQUIRE(kept == copies.back().first);
                live = copies.back().second;
                copies.pop_back();
            } else if (what == 2 && !copies.empty()) {
                kept.commit();
                copies.pop_back();
            } else {
                random_step(g, in, kept, live);
            }
            REQUIRE(kept.depth() == copies.size());
            deepest = std::max(deepest, copies.size());
        }
        REQUIRE(agrees(kept, naive_books{in.machines, in.tasks, live}));
        while (!copies.empty()) {
            kept.rollback();
            REQUIRE(kept == copies.back().first);
            copies.pop_back();
        }
        CHECK(kept.depth() == 0);
    }
    CHECK(deepest >= 4);
}

namespace {

/// Two nodes in one rack of limited power, in one zone of less.
struct small {
    berth::fleet machines = build();
    berth::workload tasks = build_tasks(machines);

    static berth::fleet build() {
        berth::fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"watts"}}};
        const amount rack[] = {1000};
        const amount zone[] = {700};
        (void)need(builder.add_domain("z", 1, zone));
        (void)need(builder.add_domain("r", 0, rack));
        const amount memory[] = {1000, 40};
        const amount cpu[] = {16};
        const std::vector<berth::gpu_description> gpus(2, {.model = "A", .capacity = memory});
        const std::string_view domains[] = {"z", "r"};
        (void)need(builder.add_node({.name = "a", .capacity = cpu, .gpus = gpus, .domains = domains}));
        (void)need(builder.add_node({.name = "b", .capacity = cpu, .gpus = gpus, .domains = domains}));
        (void)need(builder.add_node({.name = "sick", .capacity = cpu, .gpus = gpus, .healthy = false}));
        (void)need(builder.add_node({.name = "host", .capacity = cpu}));
        return need(std::move(builder).build());
    }
    static berth::workload build_tasks(const berth::fleet& machines) {
        berth::workload_builder builder{machines};
        const amount half[] = {500, 30};
        const amount cpu[] = {10};
        const amount watts[] = {400};
        (void)need(builder.add_task({.name = "half", .gpu_demand = half, .node_demand = cpu, .domain_demand = watts}));
        (void)need(builder.add_task({.name = "whole", .gpus = 2}));
        (void)need(builder.add_task({.name = "host", .gpus = 0, .node_demand = cpu}));
        return need(std::move(builder).build());
    }
    [[nodiscard]] berth::demand_view demand(std::size_t t) const { return tasks.demand(task_index{t}); }
};

}  // namespace

TEST_CASE("ledger: counters of a domain are shared by its nodes, at every level") {
    const small s;
    ledger kept{s.machines};
    const auto zone = *s.machines.find_domain("z");
    const auto rack = *s.machines.find_domain("r");
    const slot on_a{node_index{0}, 0b01};
    kept.place(s.demand(0), on_a);
    CHECK(kept.free(zone)[0] == 300);
    CHECK(kept.free(rack)[0] == 600);
    CHECK(kept.free(gpu_index{0})[0] == 500);
    CHECK(kept.free(gpu_index{0})[1] == 10);
    CHECK(kept.free(gpu_index{1})[0] == 1000);
    CHECK_FALSE(kept.fits(s.demand(0), node_index{1}));  // the zone is short, the rack and the node are not
    kept.remove(s.demand(0), on_a);
    CHECK(kept.fits(s.demand(0), node_index{1}));
}

TEST_CASE("ledger: a node as policies see it") {
    const small s;
    ledger kept{s.machines};
    kept.place(s.demand(0), {node_index{0}, 0b10});
    const auto view = kept.node(node_index{0});
    CHECK(view.gpu_count() == 2);
    CHECK(view.free_share(0) == 1000);
    CHECK(view.free_share(1) == 500);
    CHECK(view.free_gpu(1)[1] == 10);
    CHECK(view.free_node[0] == 6);
    CHECK(view.capacity()[0] == 16);
    CHECK(view.healthy == 0b11);
    CHECK(s.machines.name(view.model(1)) == "A");
    const auto host = kept.node(node_index{3});
    CHECK(host.gpu_count() == 0);
    CHECK(kept.fitting_gpus(s.demand(0), node_index{3}) == 0);
    CHECK(kept.fits(s.demand(2), node_index{3}));
    CHECK(berth::node_view{}.gpu_count() == 0);
}

TEST_CASE("ledger: slots that cannot be") {
    const small s;
    const ledger kept{s.machines};
    CHECK_FALSE(kept.fits(s.demand(2), berth::unplaced));
    CHECK_FALSE(kept.fits(s.demand(2), slot{node_index{4}, 0}));
    CHECK_FALSE(kept.fits(s.demand(2), slot{node_index{0}, 0b1}));  // GPUs for a task that wants none
    CHECK_FALSE(kept.fits(s.demand(1), slot{node_index{0}, 0b1}));
    CHECK_FALSE(kept.fits(s.demand(1), slot{node_index{0}, 0b101}));  // no third GPU
    CHECK(kept.fits(s.demand(1), slot{node_index{0}, 0b11}));
    CHECK_FALSE(kept.has_room(s.demand(1), slot{node_index{0}, 0b101}));
    CHECK_FALSE(kept.has_room(s.demand(1), slot{node_index{9}, 0b11}));
    CHECK_FALSE(kept.has_room(s.demand(2), berth::unplaced));
}

TEST_CASE("ledger: a task that runs on a sick node is entered, a new one is not admitted") {
    const small s;
    ledger kept{s.machines};
    const slot sick{node_index{2}, 0b1};
    CHECK_FALSE(kept.fits(s.demand(0), sick));
    REQUIRE(kept.has_room(s.demand(0), sick));
    kept.place(s.demand(0), sick);
    CHECK(kept.free(node_index{2})[0] == 6);
    kept.remove(s.demand(0), sick);
    CHECK(kept == ledger{s.machines});
}

TEST_CASE("make_ledger and validate name the task that cannot be where it is said to be") {
    const small s;
    const berth::problem problem{s.machines, s.tasks};
    const auto refused = [&](std::vector<slot> slots) {
        const auto ok = berth::validate(problem, slots);
        CHECK(berth::make_ledger(problem, slots).has_value() == ok.has_value());
        return ok ? std::string{} : ok.error().message;
    };
    const slot a{node_index{0}, 0b1};
    CHECK(refused({berth::unplaced, berth::unplaced, berth::unplaced}).empty());
    CHECK(refused({a, {node_index{2}, 0b11}, {node_index{3}, 0}}).empty());
    CHECK(refused({a}) == "assignment: it has 1 slots, the workload has 3 tasks");
    CHECK(refused({slot{node_index{}, 1}, berth::unplaced, berth::unplaced}) ==
          "task 0 (\"half\"): slot names GPUs, but no node");
    CHECK(refused({slot{node_index{4}, 1}, berth::unplaced, berth::unplaced}) ==
          "task 0 (\"half\"): node is 4, the fleet has 4");
    CHECK(refused({a, slot{node_index{1}, 0b110}, berth::unplaced}) ==
          "task 1 (\"whole\"): gpus names more than the 2 GPUs of node \"b\"");
    CHECK(refused({a, slot{node_index{1}, 0b1}, berth::unplaced}) ==
          "task 1 (\"whole\"): gpus names 1, the task wants 2");
    CHECK(refused({a, berth::unplaced, slot{node_index{0}, 0}}) ==
          "task 2 (\"host\"): node \"a\" has not enough left of some counter, given the tasks before");
    const auto kept = need(berth::make_ledger(problem, std::vector<slot>{a, berth::unplaced, berth::unplaced}));
    ledger expected{s.machines};
    expected.place(s.demand(0), a);
    CHECK(kept == expected);
}
