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
            for (const task_index t : door->tasks())
                sum += cost(t, berth::gpus_of(world.problem(), all)[t.value()]);
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
