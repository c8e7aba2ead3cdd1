// SPDX-License-Identifier: Apache-2.0
// Rebalancing: tasks run already, and moving one has a cost. The initial assignment is both the base of that cost and
// the start of the search, so the plan is never worse than no move at all.
#include "berth/search.hpp"

#include <cstddef>
#include <cstdio>
#include <span>
#include <vector>

int main() {
    constexpr std::size_t tasks = 200;
    constexpr std::size_t gpus = 16;
    berth::xoshiro256 random{7};
    std::vector<double> watts;          // of a task on a GPU
    std::vector<berth::amount> memory;  // GiB
    std::vector<double> state;          // GiB to copy when a task moves
    for (std::size_t t = 0; t < tasks; ++t) {
        const berth::amount size = 4 + berth::bounded(random, 36);
        state.push_back(static_cast<double>(size) / 2.0);
        for (std::size_t g = 0; g < gpus; ++g) {
            memory.push_back(size);
            watts.push_back(100.0 + berth::bounded(random, 200));
        }
    }
    const std::vector<berth::amount> capacities(gpus, 320);
    std::vector<berth::gpu_index> initial;  // tasks in order of arrival, round robin
    for (std::size_t t = 0; t < tasks; ++t) initial.push_back(berth::gpu_index{t % gpus});

    const berth::matrix_cost cost{{watts.data(), tasks, gpus}};
    const berth::matrix_load load{{memory.data(), tasks, gpus}};
    bool good = true;
    for (const double watts_per_gib : {0.0, 2.0, 8.0, 32.0}) {
        const berth::move_penalty with_moves{cost, std::span<const berth::gpu_index>{initial}, watts_per_gib,
                                             berth::move_weights{state}};
        const berth::priced_problem problem{
            berth::assignment_problem{tasks, with_moves, load, std::span<const berth::amount>{capacities}}};
        const berth::assignment_plan before = problem.plan_of(initial);
        const berth::assignment_plan plan =
            berth::genetic<>{.seed = 1, .islands = {.count = 2}}.run(problem, initial, {.max_evaluations = 2'000'000});

        std::size_t moved = 0;
        double drawn = 0.0;
        for (std::size_t t = 0; t < tasks; ++t) {
            moved += plan.gpu_of[t] == initial[t] ? 0 : 1;
            drawn += cost(berth::task_index{t}, plan.gpu_of[t]);
        }
        std::printf("moving a GiB counts %4.1f W: %3zu of %zu tasks move, %.0f W drawn, %.2f %% above the bound\n",
                    watts_per_gib, moved, tasks, drawn, plan.gap());
        good = good && plan.feasible() && !better(before, plan);
    }
    return good ? 0 : 1;
}
