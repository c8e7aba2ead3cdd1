// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/makespan/makespan_door.hpp"

#include "berth/allocate/assignment/makespan/makespan_search.hpp"
#include "berth/core/random.hpp"

#include "allocate/door_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

using berth::amount;
using berth::gpu_index;
using berth::task_index;
using berth_test::need;

namespace {

/// The share, or on odd GPUs a multiple of it, so that loads differ.
struct share_by_speed {
    const berth::workload* tasks;
    amount slow;

    amount operator()(task_index t, gpu_index g) const {
        return tasks->demand(t).gpu[0] * (g.value() % 2 == 0 ? 1 : slow);
    }
};

template <class Load>
amount makespan_of(const berth_test::door_world& world, const Load& load, const berth::assignment& slots) {
    std::vector<amount> loads(world.machines.gpu_count(), 0);
    for (std::size_t t = 0; t < slots.size(); ++t) {
        for (berth::gpu_mask rest = slots[t].gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = world.machines.gpu(slots[t].node, berth::lowest_gpu(rest));
            loads[g.value()] += load(task_index{t}, g);
        }
    }
    return loads.empty() ? 0 : *std::max_element(loads.begin(), loads.end());
}

/// `f(GPUs, makespan)` for every assignment without forbidden pairs.
template <class Problem, class F>
void each_assignment(const Problem& p, std::vector<amount>& loads, berth::gpu_assignment& so_far, const F& f) {
    if (so_far.size() == p.tasks) return f(so_far, loads.empty() ? 0 : *std::max_element(loads.begin(), loads.end()));
    const task_index t{so_far.size()};
    for (std::size_t g = 0; g < loads.size(); ++g) {
        const amount load = p.load(t, gpu_index{g});
        if (load >= p.forbidden) continue;
        loads[g] += load;
        so_far.push_back(gpu_index{g});
        each_assignment(p, loads, so_far, f);
        so_far.pop_back();
        loads[g] -= load;
    }
}

}  // namespace

TEST_CASE("makespan door: up to its limit it is the problem, and the search finds the optimum") {
    berth::xoshiro256 random{3};
    std::size_t made = 0;
    std::size_t refused = 0;
    std::size_t within = 0;
    std::size_t solved = 0;
    while (made < 1000) {
        berth_test::door_world world = berth_test::random_door_world(random, {});
        if (berth_test::chance(random, 50)) berth_test::run_some(random, world, 70);
        std::vector<task_index> chosen;
        for (std::size_t t = 0; t < world.current.size(); ++t) {
            if (!world.current[t].placed() || berth_test::chance(random, 70)) chosen.push_back(task_index{t});
        }
        const share_by_speed load{&world.tasks, static_cast<amount>(1 + berth_test::below(random, 2))};
        const auto door = berth::to_makespan_problem(world.problem(), load, world.current,
                                                     {.tasks = chosen, .inexpressible_stay = true});
        if (!door) {
            ++refused;
            continue;
        }
        ++made;
        amount least = std::numeric_limits<amount>::max();
        berth::ledger ledger = berth_test::ledger_without(world, door->tasks());
        berth::assignment slots = world.current;
        berth_test::each_placement(ledger, world.tasks, door->tasks(), slots, [&](const berth::assignment& all) {
            least = std::min(least, makespan_of(world, load, all));
        });
        const auto narrow = door->problem();
        amount optimum = std::numeric_limits<amount>::max();
        bool right = true;
        std::vector<amount> loads(narrow.gpus, 0);
        berth::gpu_assignment so_far;
        each_assignment(narrow, loads, so_far, [&](const berth::gpu_assignment& gpus, amount makespan) {
            optimum = std::min(optimum, makespan);
            if (makespan > door->limit() && made % 20 != 0) return;
            const auto back = door->slots(gpus);
            const bool fits = back && berth_test::feasible(world, door->tasks(), *back);
            right = right && (makespan > door->limit() || fits) && back.has_value() == fits;
            right = right && (!fits || makespan_of(world, load, *back) == makespan);
        });
        REQUIRE(right);
        REQUIRE(optimum <= least);
        REQUIRE(optimum < narrow.forbidden);
        if (optimum <= door->limit()) {
            ++within;
            REQUIRE(optimum == least);
        }
        if (made % 20 != 0 || narrow.tasks == 0) continue;
        const berth::makespan_search search{.max_attempt_evaluations = 500, .patience = 4};
        const berth::makespan_plan plan = search.run(narrow, door->start());
        CHECK(plan.lower_bound <= optimum);
        CHECK(plan.makespan == optimum);
        ++solved;
    }
    CHECK(within > 400);
    CHECK(refused < made);
    CHECK(solved > 20);
}

namespace {

berth::slot on(std::size_t node, berth::gpu_mask gpus) { return {berth::node_index{node}, gpus}; }

/// Two nodes of two GPUs with memory of 80; tasks of 100 thousandths and of the memory that is given.
berth_test::door_world world_of(const std::vector<amount>& memories) {
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const amount capacity[] = {1000, 80};
    const berth::gpu_description gpus[] = {{.capacity = capacity}, {.capacity = capacity}};
    for (int n = 0; n < 2; ++n) (void)need(machines.add_node({.gpus = gpus}));
    auto fleet = need(std::move(machines).build());
    berth::workload_builder tasks{fleet};
    for (const amount memory : memories) {
        const amount demand[] = {100, memory};
        (void)need(tasks.add_task({.gpu_demand = demand}));
    }
    auto work = need(std::move(tasks).build());
    berth::assignment current(work.task_count(), berth::unplaced);
    return {std::move(fleet), std::move(work), std::move(current)};
}

}  // namespace

TEST_CASE("makespan door: tasks that stay and moves in flight load their GPUs") {
    berth_test::door_world world = world_of({10, 10, 10, 10});
    world.current = {on(0, 1), on(0, 1), on(1, 1), on(1, 2)};
    const std::vector<berth::task_move> flying{{task_index{2}, on(1, 1), on(1, 2)}};
    const std::vector<task_index> chosen{task_index{0}, task_index{3}};
    const auto door = need(berth::to_makespan_problem(world.problem(), berth::share_load{&world.tasks}, world.current,
                                                      {.tasks = chosen, .in_flight = flying}));
    const auto p = door.problem();
    REQUIRE(p.tasks == 5);  // immovable load on GPUs 0, 2 and 3
    CHECK(p.load(task_index{2}, gpu_index{0}) == 100);
    CHECK(p.load(task_index{2}, gpu_index{1}) >= p.forbidden);
    CHECK(door.limit() == std::numeric_limits<amount>::max());
    const berth::makespan_plan plan =
        berth::makespan_search{.max_attempt_evaluations = 500, .patience = 1}.run(p, door.start());
    CHECK(plan.makespan == 200);
    CHECK(plan.lower_bound <= 200);
    const auto slots = need(door.slots(plan.gpu_of));
    CHECK(slots[1] == on(0, 1));
    CHECK(slots[2] == on(1, 2));
    CHECK(door.slots(std::vector{gpu_index{0}}).error().message ==
          "answer: it has 1 GPUs, expected one for each of 5 tasks");
}

TEST_CASE("makespan door: a capacity that does not follow from the makespan is refused") {
    const berth_test::door_world world = world_of({70, 70, 10});
    const auto door = berth::to_makespan_problem(world.problem(), berth::share_load{&world.tasks});
    REQUIRE(door);  // at most one of the large tasks on a GPU while the makespan is that of one task
    CHECK(door->limit() == 115);
    const auto crowded = door->slots(std::vector{gpu_index{0}, gpu_index{0}, gpu_index{1}});
    CHECK(crowded.error().message ==
          "task 0 (\"task-0\"): the answer is not feasible, GPU 0 of node 0 (\"node-0\") has "
          "too little memory");
    const auto uneven = [](task_index t, gpu_index) { return t.value() == 2 ? amount{100} : amount{1}; };
    CHECK(
        berth::to_makespan_problem(world.problem(), uneven).error().message ==
        "GPU 0 of node 0 (\"node-0\"): its memory can run out at any makespan that an assignment can have (the largest "
        "load is 100), and a makespan problem has no capacities");
    const auto negative = [](task_index, gpu_index) { return amount{-1}; };
    CHECK(berth::to_makespan_problem(world.problem(), negative).error().message ==
          "task 0 (\"task-0\"): its load on GPU 0 is -1, expected 0..35184372088832");
}

TEST_CASE("makespan door: an infinite load forbids a pair, and NaN is refused") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const berth_test::door_world world = world_of({10, 10});
    const auto load = [](task_index t, gpu_index g) { return g.value() == t.value() ? 5.0 : infinity; };
    const auto door = need(berth::to_makespan_problem(world.problem(), load));
    const auto plan = berth::makespan_search{}.run(door.problem(), std::vector{gpu_index{1}, gpu_index{1}});
    CHECK(plan.makespan == 5);
    CHECK(plan.optimal());
    CHECK(plan.gpu_of == std::vector{gpu_index{0}, gpu_index{1}});
    CHECK(door.slots(std::vector{gpu_index{0}, gpu_index{0}}).error().message ==
          "task 1 (\"task-1\"): its load on GPU 0 is infinite, so that it may not be there");
    const auto nowhere = [](task_index, gpu_index) { return infinity; };
    CHECK(berth::to_makespan_problem(world.problem(), nowhere).error().message ==
          "task 0 (\"task-0\"): its load is infinite on every GPU where it may be");
    const auto no_number = [](task_index, gpu_index) { return std::numeric_limits<double>::quiet_NaN(); };
    CHECK(berth::to_makespan_problem(world.problem(), no_number).error().message ==
          "task 0 (\"task-0\"): its load on GPU 0 is not a number");
}

TEST_CASE("makespan: forbidden pairs are left alone by bound and search") {
    // Each task is allowed on two neighbouring GPUs only.
    const auto load = [](task_index t, gpu_index g) {
        return g.value() == t.value() % 8 || g.value() == (t.value() + 1) % 8 ? amount{10} : amount{1'000'000};
    };
    berth::makespan_problem<decltype(load)> p{40, 8, load};
    p.forbidden = 1'000'000;
    CHECK(berth::bound_makespan(p).rounded == 50);
    const auto plan = berth::makespan_search{.max_attempt_evaluations = 2000, .patience = 2}.run(p);
    CHECK(plan.makespan == 50);
}
