// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/assignment_door.hpp"

#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/move_penalty.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/random.hpp"

#include "allocate/door_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using berth::gpu_index;
using berth::task_index;
using berth_test::need;

namespace {

/// A whole number that depends on both positions.
struct made_up_cost {
    std::uint64_t seed;

    double operator()(task_index t, gpu_index g) const {
        return static_cast<double>(berth::splitmix64(seed + 100 * t.value() + g.value()) % 50);
    }
};

/// `f(GPUs, cost)` for every assignment within the capacities.
template <class Problem, class F>
void each_assignment(const Problem& p, std::vector<berth::amount>& left, berth::gpu_assignment& so_far, double cost,
                     const F& f) {
    if (so_far.size() == p.tasks) return f(so_far, cost);
    const task_index t{so_far.size()};
    for (std::size_t g = 0; g < left.size(); ++g) {
        const berth::amount load = p.load(t, gpu_index{g});
        if (load > left[g]) continue;
        left[g] -= load;
        so_far.push_back(gpu_index{g});
        each_assignment(p, left, so_far, cost + p.cost(t, gpu_index{g}), f);
        so_far.pop_back();
        left[g] += load;
    }
}

}  // namespace

TEST_CASE("assignment door: what is feasible, and the optimum, are those of the problem") {
    berth::xoshiro256 random{7};
    std::size_t made = 0;
    std::size_t refused = 0;
    std::size_t solved = 0;
    std::size_t with_staying = 0;
    while (made < 1000) {
        berth_test::door_world world = berth_test::random_door_world(random, {});
        if (berth_test::chance(random, 50)) berth_test::run_some(random, world, 70);
        std::vector<task_index> chosen;
        for (std::size_t t = 0; t < world.current.size(); ++t) {
            if (!world.current[t].placed() || berth_test::chance(random, 70)) chosen.push_back(task_index{t});
        }
        const berth::search_scope scope{.tasks = chosen, .inexpressible_stay = true};
        const made_up_cost cost{random()};
        const auto door = berth::to_assignment_problem(world.problem(), cost, world.current, scope);
        if (!door) {
            ++refused;
            continue;
        }
        ++made;
        with_staying += chosen.size() < world.current.size() ? 1 : 0;

        // Every placement of the problem, one by one.
        double least = std::numeric_limits<double>::infinity();
        std::size_t placements = 0;
        berth::ledger ledger = berth_test::ledger_without(world, door->tasks());
        berth::assignment slots = world.current;
        berth_test::each_placement(ledger, world.tasks, door->tasks(), slots, [&](const berth::assignment& all) {
            double sum = 0.0;
            for (const task_index t : door->tasks()) sum += cost(t, berth::gpus_of(world.problem(), all)[t.value()]);
            least = std::min(least, sum);
            ++placements;
        });
        // Every assignment of the narrower problem.
        const auto narrow = door->problem();
        double optimum = std::numeric_limits<double>::infinity();
        std::size_t assignments = 0;
        bool all_feasible = true;
        std::vector<berth::amount> left(narrow.capacities.begin(), narrow.capacities.end());
        berth::gpu_assignment so_far;
        each_assignment(narrow, left, so_far, 0.0, [&](const berth::gpu_assignment& gpus, double sum) {
            optimum = std::min(optimum, sum);
            if (++assignments % 7 == 1) {
                const auto back = door->slots(gpus);
                all_feasible = all_feasible && back && berth_test::feasible(world, door->tasks(), *back);
            }
        });
        REQUIRE(assignments == placements);
        REQUIRE(optimum == least);
        REQUIRE(all_feasible);
        if (made % 10 != 0 || placements == 0) continue;

        const berth::priced_problem priced{narrow};
        const berth::assignment_plan plan = berth::exact{}.run(priced, door->start());
        REQUIRE(plan.feasible());
        CHECK(plan.cost == least);
        const berth::assignment back = need(door->slots(plan.gpu_of));
        CHECK(berth_test::feasible(world, door->tasks(), back));
        for (std::size_t t = 0; t < back.size(); ++t) {
            const auto in = door->tasks();
            if (std::find(in.begin(), in.end(), task_index{t}) == in.end()) CHECK(back[t] == world.current[t]);
        }
        ++solved;
    }
    CHECK(refused < made);
    CHECK(solved > 50);
    CHECK(with_staying > 100);
}

namespace {

using berth::amount;
using berth::slot;

slot on(std::size_t node, berth::gpu_mask gpus) { return {berth::node_index{node}, gpus}; }

constexpr std::array<amount, 2> small{100, 10};
constexpr std::array<amount, 2> heavy{100, 50};
constexpr std::array<amount, 2> busy{700, 10};

/// Two nodes of two GPUs each with 1000 thousandths and 80 GB, an A and a B, and 16 CPUs; GPU 1 of node 1 is sick.
berth_test::door_world world_of(const std::vector<berth::task_description>& tasks) {
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    const amount capacity[] = {1000, 80};
    const amount cpu[] = {16};
    berth::gpu_description gpus[] = {{.model = "A", .capacity = capacity}, {.model = "B", .capacity = capacity}};
    (void)need(machines.add_node({.capacity = cpu, .gpus = gpus}));
    gpus[1].healthy = false;
    (void)need(machines.add_node({.capacity = cpu, .gpus = gpus}));
    auto fleet = need(std::move(machines).build());
    berth::workload_builder builder{fleet};
    for (const berth::task_description& one : tasks) (void)need(builder.add_task(one));
    auto work = need(std::move(builder).build());
    berth::assignment current(work.task_count(), berth::unplaced);
    return {std::move(fleet), std::move(work), std::move(current)};
}

std::string refusal(const berth_test::door_world& world, const berth::search_scope& scope = {}) {
    const auto door = berth::to_assignment_problem(world.problem(), made_up_cost{1}, world.current, scope);
    return door ? "" : door.error().message;
}

}  // namespace

TEST_CASE("assignment door: GPU memory leads on one GPU, the share on another") {
    const amount roomy[] = {1000, 400};
    const amount tight[] = {1000, 40};
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const berth::gpu_description gpus[] = {{.capacity = roomy}, {.capacity = tight}};
    (void)need(machines.add_node({.gpus = gpus}));
    auto fleet = need(std::move(machines).build());
    berth::workload_builder builder{fleet};
    const amount demand[] = {250, 20};
    for (int i = 0; i < 8; ++i) (void)need(builder.add_task({.gpu_demand = demand}));
    auto work = need(std::move(builder).build());
    const auto door = need(berth::to_assignment_problem(berth::problem{fleet, work}, made_up_cost{1}));
    CHECK(door.problem().capacities[0] == 1000);
    CHECK(door.problem().capacities[1] == 40);
    CHECK(door.problem().load(task_index{0}, gpu_index{0}) == 250);
    CHECK(door.problem().load(task_index{0}, gpu_index{1}) == 20);
}

TEST_CASE("assignment door: sick GPUs, models, moves in flight, and tasks that stay") {
    const std::string_view a[] = {"A"};
    berth_test::door_world world = world_of({{.gpu_demand = small},
                                             {.gpu_demand = small, .accepted_models = a},
                                             {.gpu_demand = busy},
                                             {.gpu_demand = small}});
    world.current = {on(1, 2), on(0, 1), on(0, 1), berth::unplaced};
    const std::vector<berth::task_move> flying{{task_index{2}, on(0, 1), on(1, 1)}};
    const auto door =
        need(berth::to_assignment_problem(world.problem(), made_up_cost{1}, world.current, {.in_flight = flying}));
    REQUIRE(door.tasks().size() == 2);  // task 3 runs nowhere, task 2 holds both ends
    const auto p = door.problem();
    const auto may = [&](std::size_t t, std::size_t g) {
        return p.load(task_index{t}, gpu_index{g}) <= p.capacities[g];
    };
    CHECK(p.capacities[0] == 300);
    CHECK(p.capacities[2] == 300);
    CHECK(may(0, 0));
    CHECK(may(0, 1));
    CHECK_FALSE(may(0, 3));  // sick, although it runs there
    CHECK_FALSE(may(1, 1));  // a B
    CHECK(p.cost(task_index{0}, gpu_index{3}) <= 50.0);
    CHECK(door.start() == berth::gpu_assignment{gpu_index{3}, gpu_index{0}});
    const auto slots = need(door.slots(std::vector{gpu_index{1}, gpu_index{2}}));
    CHECK(slots == berth::assignment{on(0, 2), on(1, 1), on(1, 1), berth::unplaced});

    const auto flaw = [&](gpu_index first, gpu_index second) {
        return door.slots(std::vector{first, second}).error().message;
    };
    CHECK(door.slots(std::vector{gpu_index{3}, gpu_index{0}}).has_value());  // nothing moves: reality is not refused
    CHECK(flaw(gpu_index{1}, gpu_index{1}) == "task 1 (\"task-1\"): the answer is not feasible, GPU 1 of node 0 "
                                              "(\"node-0\") is of a model that it does not accept");
    CHECK(flaw(gpu_index{1}, gpu_index{3}) == "task 1 (\"task-1\"): the answer is not feasible, GPU 1 of node 1 "
                                              "(\"node-1\") is not healthy");
    CHECK(flaw(gpu_index{9}, gpu_index{0}) == "task 0 (\"task-0\"): the answer's slot does not exist");
    CHECK(door.slots(std::vector{gpu_index{0}}).error().message ==
          "answer: it has 1 GPUs, expected one for each of 2 tasks");
}

TEST_CASE("assignment door: moves cost through move_penalty") {
    berth_test::door_world world = world_of({{.gpu_demand = small}, {.gpu_demand = small}});
    world.current = {on(0, 1), on(1, 1)};
    const auto initial = berth::gpus_of(world.problem(), world.current);
    CHECK(initial == std::vector{gpu_index{0}, gpu_index{2}});
    const berth::move_penalty dear{made_up_cost{4}, std::span<const gpu_index>{initial}, 1000.0};
    const auto door = need(berth::to_assignment_problem(world.problem(), dear, world.current));
    const auto plan = berth::exact{}.run(berth::priced_problem{door.problem()});
    CHECK(need(door.slots(plan.gpu_of)) == world.current);
}

TEST_CASE("assignment door: what it cannot express, it refuses by name") {
    berth_test::door_world world = world_of({{.gpu_demand = small}, {.gpus = 2}});
    CHECK(refusal(world, {.tasks = std::vector{task_index{0}, task_index{1}}}) ==
          "task 1 (\"task-1\"): gpus is 2, an assignment problem has one GPU for each task");
    const auto door = need(
        berth::to_assignment_problem(world.problem(), made_up_cost{1}, world.current,
                                     {.tasks = std::vector{task_index{0}, task_index{1}}, .inexpressible_stay = true}));
    CHECK(door.tasks().size() == 1);
    CHECK(door.left_out().size() == 1);

    const std::string_view b[] = {"B"};
    const amount too_much[] = {100, 90};
    world = world_of({{.gpu_demand = small}, {.name = "big", .gpu_demand = too_much, .accepted_models = b}});
    CHECK(refusal(world, {.tasks = std::vector{task_index{0}, task_index{1}}}) ==
          "task 1 (\"big\"): no healthy GPU of an accepted model has room for it, even beside none of the others");

    const berth::task_description busy_task{.gpu_demand = busy};
    const berth::task_description heavy_task{.gpu_demand = heavy};
    world = world_of({busy_task, busy_task, heavy_task, heavy_task});
    world.current = {on(0, 1), on(0, 2), on(0, 1), on(0, 2)};
    CHECK(refusal(world) == "GPU 0 of node 0 (\"node-0\"): share and memory can each run out before the other, and an "
                            "assignment problem has one capacity for each GPU");

    const amount cpus[] = {9};
    const berth::task_description wide{.gpu_demand = busy, .node_demand = cpus};
    world = world_of({wide, wide});
    world.current = {on(0, 1), on(1, 1)};
    CHECK(refusal(world) == "node 0 (\"node-0\"): its cpu can run out while GPUs have room (18 could be taken, 16 is "
                            "left), and an assignment problem has capacities of GPUs only");

    const berth::task_description member{.gpu_demand = small, .same_model = true, .group = "g", .gang = true};
    world = world_of({member, member});
    CHECK(refusal(world, {.tasks = std::vector{task_index{0}}}) ==
          "task 0 (\"task-0\"): its gang \"g\" starts with 2 tasks, only 1 take part or run");
    CHECK(refusal(world, {.tasks = std::vector{task_index{0}, task_index{1}}}) ==
          "task 0 (\"task-0\"): same_model of its gang \"g\" ties it to the GPUs of other tasks, which this problem "
          "cannot express");

    const auto no_number = [](task_index, gpu_index g) {
        return g.value() == 1 ? std::numeric_limits<double>::quiet_NaN() : 0.0;
    };
    world = world_of({{.gpu_demand = small}});
    CHECK(berth::to_assignment_problem(world.problem(), no_number).error().message ==
          "task 0 (\"task-0\"): its cost on GPU 1 is not a number");
    const auto everywhere = [](task_index, gpu_index) { return std::numeric_limits<double>::infinity(); };
    CHECK(berth::to_assignment_problem(world.problem(), everywhere).error().message ==
          "task 0 (\"task-0\"): its cost is infinite on every GPU where it may be");
}

TEST_CASE("assignment door: an infinite cost forbids a pair") {
    const auto infinite = [](task_index, gpu_index g) {
        return g.value() != 1 ? std::numeric_limits<double>::infinity() : 7.0;
    };
    const berth_test::door_world world = world_of({{.gpu_demand = small}});
    const auto door = need(berth::to_assignment_problem(world.problem(), infinite));
    const berth::priced_problem priced{door.problem()};
    const berth::assignment_plan plan = berth::exact{}.run(priced, std::vector{gpu_index{0}});
    CHECK(plan.gpu_of == std::vector{gpu_index{1}});
    CHECK(plan.lower_bound == 7.0);
    CHECK(need(door.slots(plan.gpu_of))[0] == on(0, 2));
    CHECK(door.slots(std::vector{gpu_index{0}}).error().message ==
          "task 0 (\"task-0\"): its cost on GPU 0 is infinite, so that it may not be there");
}

TEST_CASE("doors: a scope or a placement that is wrong is refused by entry") {
    berth_test::door_world world = world_of({{.gpu_demand = small}, {.gpu_demand = small}});
    world.current = {on(0, 1)};
    CHECK(refusal(world) == "current placement: it has 1 slots, the workload has 2 tasks");
    world.current = {on(0, 3), berth::unplaced};
    CHECK(refusal(world) == "task 0 (\"task-0\"): its current slot has no such node, or not 1 of its GPUs");
    world.current = {on(0, 1), berth::unplaced};
    CHECK(refusal(world, {.tasks = std::vector{task_index{2}}}) == "scope: tasks[0] does not exist, there are 2 tasks");
    CHECK(refusal(world, {.tasks = std::vector{task_index{1}, task_index{1}}}) ==
          "scope: tasks[1], task 1 (\"task-1\"), is listed twice");
    const std::vector<berth::task_move> flying{{task_index{0}, on(0, 1), on(0, 2)}};
    CHECK(refusal(world, {.tasks = std::vector{task_index{0}}, .in_flight = flying}) ==
          "scope: tasks[0], task 0 (\"task-0\"), is in flight");
    const std::vector<berth::task_move> twice{flying[0], flying[0]};
    CHECK(refusal(world, {.in_flight = twice}) == "in_flight[1]: its task does not exist, or is listed twice");
    const std::vector<berth::task_move> lost{{task_index{0}, on(7, 1), on(0, 2)}};
    CHECK(refusal(world, {.in_flight = lost}) ==
          "in_flight[0]: an end of task 0 (\"task-0\") has no such node, or not 1 of its GPUs");
    // Nothing runs and nothing is chosen: nothing takes part.
    world.current = {berth::unplaced, berth::unplaced};
    const auto door = need(berth::to_assignment_problem(world.problem(), made_up_cost{1}, world.current));
    CHECK(door.tasks().empty());
    CHECK(need(door.slots({})) == world.current);
}
