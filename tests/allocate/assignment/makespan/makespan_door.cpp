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
