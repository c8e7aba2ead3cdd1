// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/reassignment_door.hpp"

#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_search.hpp"
#include "berth/core/random.hpp"

#include "allocate/door_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using berth::amount;
using berth::node_index;
using berth::reassignment_place;
using berth::reassignment_wishes;
using berth::task_index;
using berth_test::need;

namespace {

/// The cost of slots, computed from the fleet alone: memory and CPU beyond the safety capacity, less what stays
/// beyond it, and moves from place to place.
struct slot_costs {
    const berth_test::door_world& world;
    std::span<const task_index> taking_part;
    reassignment_place place;
    amount memory_weight, cpu_weight, task_weight, pair_weight;
    double safety;

    [[nodiscard]] amount of(const berth::assignment& slots) const {
        berth::assignment others = world.current;
        for (const task_index t : taking_part) others[t.value()] = berth::unplaced;
        return load(slots) - load(others) + moves(slots);
    }

private:
    [[nodiscard]] amount over(amount used, amount capacity, amount weight) const {
        const auto safe = static_cast<amount>(std::floor(static_cast<double>(capacity) * safety));
        return used > safe ? (used - safe) * weight : 0;
    }
    [[nodiscard]] amount load(const berth::assignment& slots) const {
        const berth::fleet& fleet = world.machines;
        std::vector<amount> memory(fleet.gpu_count(), 0);
        std::vector<amount> cpu(fleet.node_count(), 0);
        for (std::size_t t = 0; t < slots.size(); ++t) {
            if (!slots[t].placed()) continue;
            const berth::demand_view demand = world.tasks.demand(task_index{t});
            cpu[slots[t].node.value()] += demand.node[0];
            for (berth::gpu_mask rest = slots[t].gpus; rest != 0; rest &= rest - 1)
                memory[fleet.gpu(slots[t].node, berth::lowest_gpu(rest)).value()] += demand.gpu[1];
        }
        amount sum = 0;
        for (std::size_t n = 0; n < fleet.node_count(); ++n) {
            const node_index node{n};
            amount used = 0;
            amount capacity = 0;
            for (std::size_t i = 0; i < fleet.gpu_count(node); ++i) {
                const berth::gpu_index g = fleet.gpu(node, i);
                if ((fleet.healthy_gpus(node) >> i & 1U) == 0) continue;
                used += memory[g.value()];
                capacity += fleet.capacity(g)[1];
                if (place == reassignment_place::gpu)
                    sum += over(memory[g.value()], fleet.capacity(g)[1], memory_weight);
            }
            if (place == reassignment_place::node) sum += over(used, capacity, memory_weight);
            sum += over(cpu[n], fleet.capacity(node)[0], cpu_weight);
        }
        return sum;
    }
    [[nodiscard]] amount moves(const berth::assignment& slots) const {
        amount sum = 0;
        for (const task_index t : taking_part) {
            const berth::slot from = world.current[t.value()];
            const berth::slot to = slots[t.value()];
            const bool moved = place == reassignment_place::gpu ? !(from == to) : from.node != to.node;
            if (!moved) continue;
            const bool same_rack = from.node.value() % 2 == to.node.value() % 2;
            sum += task_weight + (from.node == to.node || same_rack ? 0 : pair_weight);
        }
        return sum;
    }
};

/// `f(nodes, evaluation)` for every assignment without violations.
template <class F>
void each_assignment(const berth::reassignment_problem& p, std::vector<node_index>& so_far, const F& f) {
    if (so_far.size() == p.task_count()) {
        const auto found = berth::evaluate(p, so_far);
        if (found.feasible()) f(so_far, found);
        return;
    }
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        so_far.push_back(node_index{n});
        each_assignment(p, so_far, f);
        so_far.pop_back();
    }
}

/// Counts slots that differ only in which GPUs of a node tasks have once, if places are nodes.
std::vector<std::size_t> key_of(const berth_test::door_world& world, std::span<const task_index> tasks,
                                const berth::assignment& slots, reassignment_place place) {
    std::vector<std::size_t> key;
    for (const task_index t : tasks) {
        const berth::slot& where = slots[t.value()];
        key.push_back(place == reassignment_place::node
                          ? where.node.value()
                          : world.machines.gpu(where.node, berth::lowest_gpu(where.gpus)).value());
    }
    return key;
}

void round_trip(reassignment_place place, std::uint64_t seed, std::size_t wanted) {
    berth::xoshiro256 random{seed};
    std::size_t made = 0;
    std::size_t tried = 0;
    std::size_t searched = 0;
    std::size_t had_to_leave = 0;
    while (made < wanted) {
        ++tried;
        REQUIRE(tried < 20 * wanted);
        const bool nodes = place == reassignment_place::node;
        berth_test::door_world world =
            berth_test::random_door_world(random, {.gpus_per_node = nodes ? 3U : 2U, .whole_gpus = nodes});
        berth_test::run_some(random, world, 95);
        std::vector<task_index> chosen;
        for (std::size_t t = 0; t < world.current.size(); ++t) {
            if (world.current[t].placed() && berth_test::chance(random, 80)) chosen.push_back(task_index{t});
        }
        reassignment_wishes wishes{.place = place,
                                   .counters = {{.counter = "gpu.memory",
                                                 .load_weight = static_cast<amount>(berth_test::below(random, 4)),
                                                 .safety = 0.25 * static_cast<double>(berth_test::below(random, 5))}},
                                   .task_weight = static_cast<amount>(berth_test::below(random, 6)),
                                   .pair_weight = static_cast<amount>(berth_test::below(random, 3))};
        const bool cpu = nodes || berth_test::chance(random, 30);
        if (cpu) {
            wishes.counters.push_back({.counter = "node.cpu", .load_weight = 2, .safety = wishes.counters[0].safety});
        }
        const auto door = berth::to_reassignment_problem(world.problem(), world.current, wishes,
                                                         {.tasks = chosen, .inexpressible_stay = true});
        if (!door) continue;
        ++made;
        const slot_costs costs{world,
                               door->tasks(),
                               place,
                               wishes.counters[0].load_weight,
                               cpu ? 2 : 0,
                               wishes.task_weight,
                               wishes.pair_weight,
                               wishes.counters[0].safety};
        std::map<std::vector<std::size_t>, amount> placements;
        berth::ledger ledger = berth_test::ledger_without(world, door->tasks());
        berth::assignment slots = world.current;
        berth_test::each_placement(ledger, world.tasks, door->tasks(), slots, [&](const berth::assignment& all) {
            placements[key_of(world, door->tasks(), all, place)] = costs.of(all);
        });
        amount least = std::numeric_limits<amount>::max();
        for (const auto& [key, cost] : placements) least = std::min(least, cost);

        std::size_t assignments = 0;
        amount optimum = std::numeric_limits<amount>::max();
        bool right = true;
        std::vector<node_index> so_far;
        each_assignment(door->problem(), so_far, [&](const std::vector<node_index>& at, const auto& found) {
            ++assignments;
            optimum = std::min(optimum, found.cost.total());
            const auto back = door->slots(at);
            right = right && back && berth_test::feasible(world, door->tasks(), *back);
            right = right && costs.of(*back) == found.cost.total();
        });
        REQUIRE(right);
        REQUIRE(assignments == placements.size());
        REQUIRE(optimum == least);
        const auto start = berth::initial_assignment(door->problem());
        const bool may_stay = berth::evaluate(door->problem(), start).feasible();
        if ((made % 25 != 0 && may_stay) || placements.empty() || door->tasks().empty()) continue;

        had_to_leave += may_stay ? 0 : 1;
        const auto plan = need(berth::reassignment_search{}.run(door->problem(), start, {.max_evaluations = 2000}));
        CHECK(plan.violations.none());
        CHECK(plan.cost.total() == least);
        ++searched;
    }
    CHECK(searched > wanted / 50);
    CHECK(had_to_leave > 0);
}

}  // namespace

TEST_CASE("reassignment door: with GPUs as places it is the problem") { round_trip(reassignment_place::gpu, 11, 600); }

TEST_CASE("reassignment door: with nodes as places it is the problem") {
    round_trip(reassignment_place::node, 12, 400);
}

namespace {

/// Nodes of like GPUs with 1000 thousandths and 80 GB; racks r0, r1, ... of two nodes each.
berth_test::door_world world_of(std::size_t nodes, std::size_t gpus, amount cpu,
                                const std::vector<berth::task_description>& tasks) {
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    const amount capacity[] = {1000, 80};
    const std::vector<berth::gpu_description> each(gpus, {.model = "A100", .capacity = capacity});
    for (std::size_t n = 0; n < nodes; n += 2) (void)need(machines.add_domain("r" + std::to_string(n / 2), 0));
    for (std::size_t n = 0; n < nodes; ++n) {
        const amount host[] = {cpu};
        const std::string rack = "r" + std::to_string(n / 2);
        const std::string_view racks[] = {rack};
        (void)need(machines.add_node({.capacity = host, .gpus = each, .domains = racks}));
    }
    auto fleet = need(std::move(machines).build());
    berth::workload_builder builder{fleet};
    for (const berth::task_description& one : tasks) (void)need(builder.add_task(one));
    auto work = need(std::move(builder).build());
    berth::assignment current(work.task_count(), berth::unplaced);
    return {std::move(fleet), std::move(work), std::move(current)};
}

berth::slot on(std::size_t node, berth::gpu_mask gpus) { return {node_index{node}, gpus}; }

constexpr std::array<amount, 2> part{250, 20};
constexpr std::array<amount, 2> whole{1000, 60};
constexpr std::array<amount, 1> cpus{8};

std::string refusal(const berth_test::door_world& world, const reassignment_wishes& wishes,
                    const berth::search_scope& scope = {}) {
    const auto door = berth::to_reassignment_problem(world.problem(), world.current, wishes, scope);
    return door ? "" : door.error().message;
}

}  // namespace

TEST_CASE("reassignment door: a counter of a node with several GPUs is divided, and the start stays feasible") {
    const berth::task_description task{.gpu_demand = part, .node_demand = cpus};
    berth_test::door_world world = world_of(2, 2, 20, {task, task, task});
    world.current = {on(0, 1), on(0, 1), on(1, 2)};
    reassignment_wishes wishes{.counters = {{.counter = "gpu.memory", .load_weight = 1, .safety = 0.25}}};
    CHECK(refusal(world, wishes) ==
          "node 0 (\"node-0\"): its cpu can run out while its GPUs have room, but it has several GPUs, and each is a "
          "place of its own; see divide_node_counters");
    wishes.divide_node_counters = true;
    const auto door = need(berth::to_reassignment_problem(world.problem(), world.current, wishes));
    CHECK(std::vector<std::string>{door.resources().begin(), door.resources().end()} ==
          std::vector<std::string>{"gpu.share", "gpu.memory", "node.cpu"});
    const auto& p = door.problem();
    // 16 of 20 are in use on GPU 0; the rest is shared: 18 + 2. On node 1: 6 + 14.
    CHECK(p.capacity(node_index{0})[2] == 18);
    CHECK(p.capacity(node_index{1})[2] == 2);
    CHECK(p.capacity(node_index{2})[2] == 6);
    CHECK(p.capacity(node_index{3})[2] == 14);
    CHECK(berth::evaluate(p, berth::initial_assignment(p)).feasible());

    wishes.divide_node_counters = false;
    wishes.counters = {{.counter = "node.cpu", .load_weight = 1, .transient = true}};
    CHECK(refusal(world, wishes) ==
          "node 0 (\"node-0\"): its cpu is wished for, but it has several GPUs, and each is a "
          "place of its own; see divide_node_counters");
}

TEST_CASE("reassignment door: transient counters, balances, move costs") {
    const berth::task_description task{.gpu_demand = part, .node_demand = cpus};
    berth_test::door_world world = world_of(2, 1, 20, {task, task});
    world.current = {on(0, 1), on(0, 1)};
    const std::vector<amount> dear{3, 70};
    const reassignment_wishes wishes{
        .counters = {{.counter = "gpu.memory", .load_weight = 5, .safety = 0.5, .transient = true},
                     {.counter = "node.cpu", .load_weight = 7, .safety = 0.5}},
        .balances = {{.first = "node.cpu", .second = "gpu.memory", .target = 5, .weight = 2}},
        .task_weight = 2,
        .move_cost = dear,
        .pair_weight = 9};
    const auto door = need(berth::to_reassignment_problem(world.problem(), world.current, wishes));
    const auto& p = door.problem();
    REQUIRE(p.resource_count() == 3);
    CHECK_FALSE(p.resources()[0].transient);
    CHECK(p.resources()[1].transient);
    CHECK(p.resources()[1].load_weight == 5);
    CHECK(p.safety_capacity(node_index{0})[1] == 40);
    CHECK(p.safety_capacity(node_index{0})[2] == 10);
    CHECK(p.pair_cost(node_index{0}, node_index{1}) == 0);  // of one rack
    // Both on node 0: 16 CPU of a safe 10, and 5 · 4 - 40 < 0. Node 1 is empty: 5 · 20 - 80 = 20.
    const auto before = berth::evaluate(p, std::vector{node_index{0}, node_index{0}});
    CHECK(before.cost.total() == 7 * 6 + 2 * 20);
    const auto after = berth::evaluate(p, std::vector{node_index{1}, node_index{0}});
    CHECK(after.cost.tasks == 2 * 3);
    CHECK(after.cost.load == 0);
}

TEST_CASE("reassignment door: groups are kept apart, spread, and near what they depend on") {
    const berth::task_description web{.gpu_demand = part, .group = "web"};
    const berth::task_description db{.gpu_demand = part, .group = "db"};
    const berth::task_description single{.gpu_demand = part};
    berth_test::door_world world = world_of(4, 1, 20, {web, web, db, single});
    world.current = {on(0, 1), on(1, 1), on(2, 1), on(2, 1)};
    const std::vector<std::size_t> spread{2, 1};
    const std::vector<berth::group_dependency> near_by{{berth::group_index{1}, berth::group_index{0}}};
    reassignment_wishes wishes{
        .group_weight = 1, .groups_apart = true, .least_spread = spread, .dependencies = near_by, .near = {.level = 0}};
    const auto door = need(berth::to_reassignment_problem(world.problem(), world.current, wishes));
    const auto& p = door.problem();
    const auto at = [&](std::size_t a, std::size_t b, std::size_t c) {
        return berth::evaluate(p, std::vector{node_index{a}, node_index{b}, node_index{c}, node_index{2}}).violations;
    };
    CHECK(at(0, 1, 2).spread == 1);        // both in rack 0
    CHECK(at(0, 1, 2).dependencies == 1);  // no web beside db
    CHECK(at(0, 0, 2).conflicts == 1);
    CHECK(at(0, 3, 2).none());
    const auto plan =
        need(berth::reassignment_search{}.run(p, berth::initial_assignment(p), {.max_evaluations = 2000}));
    CHECK(plan.violations.none());
    CHECK(need(door.slots(plan.assignment))[3] == on(2, 1));

    CHECK(refusal(world, wishes, {.tasks = std::vector<task_index>{task_index{0}}}) ==
          "task 0 (\"task-0\"): its group \"web\" is kept apart, but a task of it, or of a group that it depends on, "
          "does not take part");
    const std::vector<task_index> dbs{task_index{2}, task_index{3}};
    const auto rest = need(berth::to_reassignment_problem(world.problem(), world.current, wishes,
                                                          {.tasks = dbs, .inexpressible_stay = true}));
    REQUIRE(rest.tasks().size() == 1);
    CHECK(rest.tasks()[0] == task_index{3});
    CHECK(rest.left_out()[0] == task_index{2});
    wishes.near = {.level = 1};
    CHECK(refusal(world, wishes) ==
          "node 0 (\"node-0\"): it has no domain of level 1, which dependencies of the wishes "
          "needs");
    wishes.groups_apart = false;
    CHECK(refusal(world, wishes).starts_with("wishes: group_weight is set, but groups_apart is not"));
}

TEST_CASE("reassignment door: whole nodes give GPUs away, and a task leaves a sick GPU of its node") {
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    const amount capacity[] = {1000, 80};
    std::vector<berth::gpu_description> gpus(4, {.model = "A100", .capacity = capacity});
    (void)need(machines.add_node({.gpus = gpus}));
    gpus[0].healthy = false;
    (void)need(machines.add_node({.gpus = gpus}));
    auto fleet = need(std::move(machines).build());
    berth::workload_builder tasks{fleet};
    for (const std::size_t wanted : {1U, 2U, 1U, 0U}) {
        (void)need(tasks.add_task(
            {.gpus = wanted, .gpu_demand = wanted > 0 ? std::span<const amount>{whole} : std::span<const amount>{}}));
    }
    auto work = need(std::move(tasks).build());
    const berth_test::door_world world{std::move(fleet), std::move(work), {on(1, 1), on(1, 6), on(0, 8), on(1, 0)}};
    const auto door = need(berth::to_reassignment_problem(
        world.problem(), world.current,
        {.place = reassignment_place::node, .counters = {{.counter = "gpu.memory", .load_weight = 1, .safety = 0.5}}}));
    CHECK(std::vector<std::string>{door.resources().begin(), door.resources().end()} ==
          std::vector<std::string>{"gpus", "node.cpu", "gpu.memory"});
    CHECK(door.problem().capacity(node_index{1})[0] == 3);
    const auto stay = need(door.slots(berth::initial_assignment(door.problem())));
    CHECK(stay == berth::assignment{on(1, 8), on(1, 6), on(0, 8), on(1, 0)});
    const auto moved = need(door.slots(std::vector{node_index{0}, node_index{0}, node_index{0}, node_index{0}}));
    CHECK(moved == berth::assignment{on(0, 1), on(0, 6), on(0, 8), on(0, 0)});
    const std::vector<node_index> short_answer(3, node_index{0});
    CHECK(door.slots(short_answer).error().message == "answer: it has 3 places, expected one for each of 4 tasks");
    const auto crowded = door.slots(std::vector{node_index{1}, node_index{1}, node_index{1}, node_index{9}});
    CHECK(crowded.error().message ==
          "task 2 (\"task-2\"): the answer is not feasible, node 1 (\"node-1\") has too few free GPUs");
}

TEST_CASE("reassignment door: what it cannot express, it refuses by name") {
    const berth::task_description share{.gpu_demand = part};
    const berth::task_description pair{.gpus = 2, .gpu_demand = whole};
    berth_test::door_world world = world_of(2, 2, berth::max_amount, {share, share, pair, share});
    world.current = {on(0, 1), on(0, 1), on(1, 3), berth::unplaced};
    CHECK(refusal(world, {}) ==
          "task 2 (\"task-2\"): gpus is 2, a reassignment problem with GPUs as places has one GPU for each task");
    CHECK(
        refusal(world, {.place = reassignment_place::node}) ==
        "node 0 (\"node-0\"): task 0 (\"task-0\") could share a GPU with another task, but a place is the whole node; "
        "see reassignment_place");
    const std::vector<task_index> waiting{task_index{3}};
    CHECK(refusal(world, {}, {.tasks = waiting}) ==
          "task 3 (\"task-3\"): it runs nowhere, a reassignment problem has tasks that run");
    CHECK(refusal(world, {.counters = {{.counter = "gpu.power"}}}) ==
          "wishes: counters[0] is \"gpu.power\", expected gpu.NAME or node.NAME of the schema");
    CHECK(refusal(world, {.counters = {{.counter = "gpu.share"}, {.counter = "gpu.share"}}}) ==
          "wishes: counters[1] is \"gpu.share\", as one before");
    CHECK(refusal(world, {.counters = {{.counter = "gpu.share", .safety = 1.5}}}) ==
          "wishes: counters[0], \"gpu.share\": safety is 0 to 1, load_weight 0 or more");
    CHECK(refusal(world, {.balances = {{.first = "gpu.share", .second = "cpu"}}}) ==
          "wishes: balances[0] names \"cpu\", expected gpu.NAME or node.NAME of the schema");
    const std::vector<amount> costs{1, 1};
    CHECK(refusal(world, {.move_cost = costs}, {.inexpressible_stay = true}) ==
          "wishes: move_cost has 2 entries, the workload has 4 tasks");
    CHECK(refusal(world, {.place = reassignment_place::node, .counters = {{.counter = "gpu.share", .transient = true}}},
                  {.tasks = std::vector<task_index>{task_index{2}}}) ==
          "wishes: gpu.share is transient, but places are nodes, where a moved task gives its GPUs back at once");

    // Bytes instead of MiB.
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const amount capacity[] = {1000, amount{80} << 30U};
    const berth::gpu_description gpu[] = {{.model = "A100", .capacity = capacity}};
    for (int n = 0; n < 2; ++n) (void)need(machines.add_node({.gpus = gpu}));
    auto fleet = need(std::move(machines).build());
    berth::workload_builder tasks{fleet};
    const amount bytes[] = {100, amount{8} << 30U};
    (void)need(tasks.add_task({.gpu_demand = bytes}));
    auto work = need(std::move(tasks).build());
    const berth_test::door_world in_bytes{std::move(fleet), std::move(work), {on(0, 1)}};
    CHECK(refusal(in_bytes, {}) ==
          "gpu.memory: all tasks together want 8589934592, a reassignment problem counts up to "
          "4294967295; choose a larger unit, such as MiB");

    // With what cannot be expressed staying, the rest is a problem; tasks that run nowhere were never looked at.
    const auto door =
        need(berth::to_reassignment_problem(world.problem(), world.current, {}, {.inexpressible_stay = true}));
    CHECK(door.tasks().size() == 2);
    REQUIRE(door.left_out().size() == 1);
    CHECK(door.left_out()[0] == task_index{2});
    CHECK(door.problem().capacity(node_index{3})[0] == 0);
    const auto wrong = door.slots(std::vector{node_index{3}, node_index{0}});
    CHECK(wrong.error().message == "task 0 (\"task-0\"): the answer is not feasible, GPU 1 of node 1 (\"node-1\") has "
                                   "too little share");
}
