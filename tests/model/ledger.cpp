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
using berth_test::naive_ledger;
using berth_test::need;
using berth_test::random_instance;

static_assert(std::is_copy_constructible_v<ledger> && std::is_copy_assignable_v<ledger>);
static_assert(!std::is_constructible_v<ledger, berth::fleet&&>, "the fleet has to outlive the ledger");
static_assert(!std::is_constructible_v<berth::problem, berth::fleet&&, const berth::workload&>);
static_assert(!std::is_constructible_v<berth::problem, const berth::fleet&, berth::workload&&>);

namespace {

using live_tasks = std::map<std::size_t, slot>;

template <class Index>
bool equal(const ledger& ledger, const std::vector<std::vector<amount>>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto left = ledger.free(Index{i});
        if (!std::equal(left.begin(), left.end(), expected[i].begin(), expected[i].end())) return false;
        if (std::any_of(left.begin(), left.end(), [](amount value) { return value < 0; })) return false;
    }
    return true;
}

bool agrees(const ledger& ledger, const naive_ledger& naive) {
    return equal<gpu_index>(ledger, naive.gpu()) && equal<node_index>(ledger, naive.node()) &&
           equal<domain_index>(ledger, naive.domain());
}

/// A random slot on the node in which the demand fits.
std::optional<slot> random_slot(berth::xoshiro256& g, const ledger& ledger, const berth::demand_view& demand,
                                node_index n) {
    if (!ledger.fits(demand, n)) return std::nullopt;
    slot where{.node = n};
    gpu_mask candidates = ledger.fitting_gpus(demand, n);
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
void random_step(berth::xoshiro256& g, const instance& in, ledger& ledger, live_tasks& live) {
    if (!live.empty() && chance(g, 30)) {
        auto victim = live.begin();
        std::advance(victim, static_cast<std::ptrdiff_t>(below(g, live.size())));
        ledger.remove(in.tasks.demand(task_index{victim->first}), victim->second);
        live.erase(victim);
        return;
    }
    const std::size_t t = below(g, in.tasks.task_count());
    if (live.contains(t)) return;
    const auto demand = in.tasks.demand(task_index{t});
    if (const auto where = random_slot(g, ledger, demand, node_index{below(g, in.machines.node_count())})) {
        ledger.place(demand, *where);
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
        ledger ledger{in.machines};
        live_tasks live;
        for (int step = 0; step < 60; ++step) {
            random_step(g, in, ledger, live);
            REQUIRE(agrees(ledger, naive_ledger{in.machines, in.tasks, live}));
        }
        placed += live.size();
        for (const auto& [t, where] : live) ledger.remove(in.tasks.demand(task_index{t}), where);
        REQUIRE(ledger == berth::ledger{in.machines});
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
        ledger ledger{in.machines};
        live_tasks live;
        for (int step = 0; step < 40; ++step) random_step(g, in, ledger, live);
        const naive_ledger naive{in.machines, in.tasks, live};
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto demand = in.tasks.demand(task_index{t});
            for (std::size_t i = 0; i < in.machines.node_count(); ++i) {
                const node_index n{i};
                gpu_mask expected = 0;
                for (std::size_t gpu = 0; gpu < in.machines.gpu_count(n); ++gpu) {
                    if (naive.gpu_fits(demand, n, gpu)) expected |= gpu_mask{1} << gpu;
                }
                REQUIRE(ledger.fitting_gpus(demand, n) == expected);
                REQUIRE(ledger.host_fits(demand, n) == naive.host_fits(demand, n));
                REQUIRE(ledger.fits(demand, n) == naive.fits(demand, n));
                (naive.fits(demand, n) ? yes : no) += 1;

                // A slot fits exactly when it has the right number of GPUs and all of them fit.
                const slot where{.node = n, .gpus = g() & g()};
                const bool right = berth::gpu_count(where.gpus) == demand.gpus && (where.gpus & ~expected) == 0 &&
                                   naive.host_fits(demand, n);
                REQUIRE(ledger.fits(demand, where) == right);
                if (const auto some = random_slot(g, ledger, demand, n)) {
                    REQUIRE(ledger.fits(demand, *some));
                    REQUIRE(ledger.has_room(demand, *some));
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
        ledger ledger{in.machines};
        live_tasks live;
        for (int step = 0; step < 20; ++step) random_step(g, in, ledger, live);
        for (std::size_t t = 0; t < in.tasks.task_count(); ++t) {
            const auto demand = in.tasks.demand(task_index{t});
            for (std::size_t n = 0; n < in.machines.node_count(); ++n) {
                const auto before = ledger;
                if (const auto where = random_slot(g, ledger, demand, node_index{n})) {
                    ledger.place(demand, *where);
                    ledger.remove(demand, *where);
                }
                REQUIRE(ledger == before);
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
        ledger ledger{in.machines};
        live_tasks live;
        std::vector<std::pair<berth::ledger, live_tasks>> copies;
        for (int step = 0; step < 200; ++step) {
            const std::size_t what = below(g, 10);
            if (what == 0 && copies.size() < 6) {
                copies.emplace_back(ledger, live);
                ledger.checkpoint();
            } else if (what == 1 && !copies.empty()) {
                ledger.rollback();
                REQUIRE(ledger == copies.back().first);
                live = copies.back().second;
                copies.pop_back();
            } else if (what == 2 && !copies.empty()) {
                ledger.commit();
                copies.pop_back();
            } else {
                random_step(g, in, ledger, live);
            }
            REQUIRE(ledger.depth() == copies.size());
            deepest = std::max(deepest, copies.size());
        }
        REQUIRE(agrees(ledger, naive_ledger{in.machines, in.tasks, live}));
        while (!copies.empty()) {
            ledger.rollback();
            REQUIRE(ledger == copies.back().first);
            copies.pop_back();
        }
        CHECK(ledger.depth() == 0);
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
    ledger ledger{s.machines};
    const auto zone = *s.machines.find_domain("z");
    const auto rack = *s.machines.find_domain("r");
    const slot on_a{node_index{0}, 0b01};
    ledger.place(s.demand(0), on_a);
    CHECK(ledger.free(zone)[0] == 300);
    CHECK(ledger.free(rack)[0] == 600);
    CHECK(ledger.free(gpu_index{0})[0] == 500);
    CHECK(ledger.free(gpu_index{0})[1] == 10);
    CHECK(ledger.free(gpu_index{1})[0] == 1000);
    CHECK_FALSE(ledger.fits(s.demand(0), node_index{1}));  // the zone is short, the rack and the node are not
    ledger.remove(s.demand(0), on_a);
    CHECK(ledger.fits(s.demand(0), node_index{1}));
}

TEST_CASE("ledger: nothing is taken of a counter without a limit, however much is placed") {
    berth::fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu", "disk"}, .domain = {"power"}}};
    (void)need(builder.add_domain("rack", 0));
    const std::vector<berth::gpu_description> gpus(2, {.model = "A100"});
    const amount host[] = {100, berth::max_amount};
    const std::string_view racks[] = {"rack"};
    (void)need(builder.add_node({.name = "n", .capacity = host, .gpus = gpus, .domains = racks}));
    const auto machines = need(std::move(builder).build());
    berth::workload_builder tasks{machines};
    const amount gpu[] = {10, berth::max_amount / 2};
    const amount node[] = {1, berth::max_amount};
    const amount power[] = {berth::max_amount / 2};
    for (int i = 0; i < 90; ++i) {
        (void)need(tasks.add_task({.gpu_demand = gpu, .node_demand = node, .domain_demand = power}));
    }
    const auto work = need(std::move(tasks).build());
    const auto demand = work.demand(task_index{0});
    const slot where{node_index{0}, 2};
    ledger state{machines};
    const ledger empty = state;
    for (int i = 0; i < 90; ++i) {
        REQUIRE(state.fits(demand, node_index{0}));
        REQUIRE(state.fits(demand, where));
        if (i % 10 == 3) state.checkpoint();
        REQUIRE((i % 2 == 0 ? state.try_place(demand, where) : state.occupy(demand, where)));
        if (i % 10 == 3) state.rollback();
        if (i % 10 == 3) state.place(demand, where);
    }
    CHECK(state.free(node_index{0})[0] == 10);
    CHECK(state.free(node_index{0})[1] == berth::max_amount);
    CHECK(state.free(gpu_index{1})[1] == berth::max_amount);
    CHECK(state.free(domain_index{0})[0] == berth::max_amount);
    CHECK(need(berth::make_ledger({machines, work}, std::vector<slot>(90, where))) == state);
    for (int i = 0; i < 90; ++i) REQUIRE(state.try_remove(demand, where));
    CHECK_FALSE(state.try_remove(demand, where));  // by its limited counters
    CHECK(state == empty);
}

TEST_CASE("ledger: node views") {
    const small s;
    ledger ledger{s.machines};
    ledger.place(s.demand(0), {node_index{0}, 0b10});
    const auto view = ledger.node(node_index{0});
    CHECK(view.gpu_count() == 2);
    CHECK(view.free_share(0) == 1000);
    CHECK(view.free_share(1) == 500);
    CHECK(view.free_gpu(1)[1] == 10);
    CHECK(view.free_node[0] == 6);
    CHECK(view.capacity()[0] == 16);
    CHECK(view.healthy == 0b11);
    CHECK(s.machines.name(view.model(1)) == "A");
    const auto host = ledger.node(node_index{3});
    CHECK(host.gpu_count() == 0);
    CHECK(ledger.fitting_gpus(s.demand(0), node_index{3}) == 0);
    CHECK(ledger.fits(s.demand(2), node_index{3}));
    CHECK(berth::node_view{}.gpu_count() == 0);
}

TEST_CASE("ledger: slots that do not exist or do not fit the demand") {
    const small s;
    const ledger ledger{s.machines};
    CHECK_FALSE(ledger.fits(s.demand(2), berth::unplaced));
    CHECK_FALSE(ledger.fits(s.demand(2), slot{node_index{4}, 0}));
    CHECK_FALSE(ledger.fits(s.demand(2), slot{node_index{0}, 0b1}));  // GPUs for a task without GPUs
    CHECK_FALSE(ledger.fits(s.demand(1), slot{node_index{0}, 0b1}));
    CHECK_FALSE(ledger.fits(s.demand(1), slot{node_index{0}, 0b101}));  // no third GPU
    CHECK(ledger.fits(s.demand(1), slot{node_index{0}, 0b11}));
    CHECK_FALSE(ledger.has_room(s.demand(1), slot{node_index{0}, 0b101}));
    CHECK_FALSE(ledger.has_room(s.demand(1), slot{node_index{9}, 0b11}));
    CHECK_FALSE(ledger.has_room(s.demand(2), berth::unplaced));
}

TEST_CASE("ledger: an unhealthy node admits no new task, but has room for tasks that run there") {
    const small s;
    ledger ledger{s.machines};
    const slot sick{node_index{2}, 0b1};
    CHECK_FALSE(ledger.fits(s.demand(0), sick));
    REQUIRE(ledger.has_room(s.demand(0), sick));
    ledger.place(s.demand(0), sick);
    CHECK(ledger.free(node_index{2})[0] == 6);
    ledger.remove(s.demand(0), sick);
    CHECK(ledger == berth::ledger{s.machines});
}

TEST_CASE("ledger: checked calls refuse slots that do not exist, have no room or do not hold the demand, and change "
          "nothing") {
    const small s;
    ledger ledger{s.machines};
    ledger.place(s.demand(0), {node_index{0}, 0b01});
    ledger.place(s.demand(2), {node_index{3}, 0});
    const auto before = ledger;
    const auto refuses = [&](std::size_t t, const slot& where) {
        const auto demand = s.demand(t);
        const bool refused = !ledger.has_room(demand, where) && !ledger.holds(demand, where) &&
                             !ledger.try_place(demand, where) && !ledger.try_remove(demand, where);
        return refused && ledger == before;
    };
    for (const std::size_t t : {0U, 1U, 2U}) {
        CHECK(refuses(t, berth::unplaced));
        CHECK(refuses(t, slot{node_index{}, 0b11}));
        CHECK(refuses(t, slot{node_index{4}, 0b1}));
        CHECK(refuses(t, slot{node_index{0xfffffffe}, 0b11}));
        CHECK(refuses(t, slot{node_index{0}, ~gpu_mask{0}}));
        CHECK(refuses(t, slot{node_index{0}, gpu_mask{1} << 63U}));  // one GPU, beyond those of the node
        CHECK(refuses(t, slot{node_index{0}, 0b101}));               // two GPUs, one of them beyond
        CHECK(refuses(t, slot{node_index{3}, 0b1}));                 // a GPU of a node without any
    }

    // Room or use of one counter is not enough.
    CHECK_FALSE(ledger.holds(s.demand(0), {node_index{0}, 0b10}));  // the host counter is in use, the GPU is not
    CHECK_FALSE(ledger.try_remove(s.demand(0), {node_index{0}, 0b10}));
    CHECK_FALSE(ledger.try_place(s.demand(0), {node_index{0}, 0b01}));  // 10 of 40 of the memory are free
    CHECK_FALSE(ledger.try_place(s.demand(0), {node_index{1}, 0b01}));  // the zone is short
    CHECK_FALSE(ledger.try_remove(s.demand(1), {node_index{0}, 0b11}));
    CHECK(ledger == before);

    CHECK(ledger.try_remove(s.demand(0), {node_index{0}, 0b01}));
    CHECK_FALSE(ledger.try_remove(s.demand(0), {node_index{0}, 0b01}));
    CHECK(ledger.try_place(s.demand(0), {node_index{1}, 0b10}));
    CHECK(ledger.try_remove(s.demand(2), {node_index{3}, 0}));
    CHECK(ledger.try_remove(s.demand(0), {node_index{1}, 0b10}));
    CHECK(ledger == berth::ledger{s.machines});
}

TEST_CASE("ledger: holds and try_place against brute force over random slots") {
    std::size_t held = 0;
    std::size_t placed = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const instance in = random_instance(seed, 30);
        berth::xoshiro256 g{berth::stream_seed(seed, 5)};
        ledger ledger{in.machines};
        live_tasks live;
        for (int step = 0; step < 40; ++step) random_step(g, in, ledger, live);
        for (int draw = 0; draw < 200; ++draw) {
            const auto demand = in.tasks.demand(task_index{below(g, in.tasks.task_count())});
            slot where{.node = node_index{below(g, in.machines.node_count() + 1)}, .gpus = g() & g() & 0xf};
            if (!live.empty() && chance(g, 50))
                where = std::next(live.begin(), static_cast<std::ptrdiff_t>(below(g, live.size())))->second;
            const berth::ledger before = ledger;
            const bool holds = ledger.holds(demand, where);
            const bool room = ledger.has_room(demand, where);
            if (where.node.below(in.machines.node_count()) && berth::gpu_count(where.gpus) == demand.gpus &&
                (where.gpus & ~berth::first_gpus(in.machines.gpu_count(where.node))) == 0) {
                const auto in_use = [&](auto place, std::span<const amount> wanted) {
                    const auto capacity = in.machines.capacity(place);
                    for (std::size_t r = 0; r < capacity.size(); ++r) {
                        const bool limited = capacity[r] < berth::max_amount;
                        if (limited && capacity[r] - ledger.free(place)[r] < wanted[r]) return false;
                    }
                    return true;
                };
                bool expected = in_use(where.node, demand.node);
                for (std::size_t i = 0; i < in.machines.gpu_count(where.node); ++i) {
                    if ((where.gpus >> i & 1U) != 0)
                        expected = in_use(in.machines.gpu(where.node, i), demand.gpu) && expected;
                }
                for (const auto d : in.machines.domains(where.node)) expected = in_use(d, demand.domain) && expected;
                REQUIRE(holds == expected);
            } else {
                REQUIRE_FALSE(holds);
                REQUIRE_FALSE(room);
            }
            if (draw % 2 == 0) {
                REQUIRE(ledger.try_remove(demand, where) == holds);
                if (holds) ledger.place(demand, where);
            } else {
                REQUIRE(ledger.try_place(demand, where) == room);
                if (room) ledger.remove(demand, where);
            }
            REQUIRE(ledger == before);
            held += holds ? 1 : 0;
            placed += room ? 1 : 0;
        }
    }
    CHECK(held > 300);
    CHECK(placed > 300);
}

TEST_CASE("make_ledger and validate name the task whose slot cannot be") {
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
          "task 0 (\"half\"): slot has GPUs, but no node");
    CHECK(refused({slot{node_index{4}, 1}, berth::unplaced, berth::unplaced}) ==
          "task 0 (\"half\"): node is 4, the fleet has 4");
    CHECK(refused({a, slot{node_index{1}, 0b110}, berth::unplaced}) ==
          "task 1 (\"whole\"): gpus has bits beyond the 2 GPUs of node \"b\"");
    CHECK(refused({a, slot{node_index{1}, 0b1}, berth::unplaced}) ==
          "task 1 (\"whole\"): gpus has 1 GPUs, the task wants 2");
    CHECK(refused({a, berth::unplaced, slot{node_index{0}, 0}}) ==
          "task 2 (\"host\"): node \"a\" has no room in some counter after the tasks before this one");
    const auto ledger = need(berth::make_ledger(problem, std::vector<slot>{a, berth::unplaced, berth::unplaced}));
    berth::ledger expected{s.machines};
    expected.place(s.demand(0), a);
    CHECK(ledger == expected);
}

TEST_CASE("ledger: same_model asks for enough GPUs of one model") {
    berth::fleet_builder builder{{.gpu = {"share", "memory"}}};
    const std::vector<amount> small{1000, 16};
    const std::vector<amount> large{1000, 80};
    const std::vector<berth::gpu_description> gpus{
        {.model = "T4", .capacity = small}, {.model = "A100", .capacity = large}, {.model = "T4", .capacity = small}};
    (void)need(builder.add_node({.gpus = gpus}));
    const berth::fleet machines = need(std::move(builder).build());
    berth::workload_builder tasks{machines};
    const std::vector<amount> little{500, 10};
    (void)need(tasks.add_task({.gpus = 2, .gpu_demand = little, .same_model = true}));
    (void)need(tasks.add_task({.gpus = 2, .gpu_demand = little}));
    const berth::workload work = need(std::move(tasks).build());
    const berth::demand_view same = work.demand(task_index{0});
    const berth::demand_view any = work.demand(task_index{1});
    CHECK(same.same_model);
    ledger ledger{machines};
    const node_index n{0};
    CHECK(ledger.fitting_gpus(any, n) == 0b111);
    CHECK(ledger.fitting_gpus(same, n) == 0b101);
    CHECK(ledger.fits(same, n));
    CHECK(ledger.fits(same, slot{n, 0b101}));
    CHECK_FALSE(ledger.fits(same, slot{n, 0b011}));
    CHECK(ledger.fits(any, slot{n, 0b011}));
    ledger.place(any, {n, 0b011});  // no memory is left on the first T4
    CHECK(ledger.fitting_gpus(any, n) == 0b110);
    CHECK(ledger.fits(any, n));
    CHECK(ledger.fitting_gpus(same, n) == 0);
    CHECK_FALSE(ledger.fits(same, n));
    CHECK(ledger.has_room(same, slot{n, 0b110}));  // where a task runs already, models do not matter
}
