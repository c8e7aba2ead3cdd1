// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/move_penalty.hpp"

#include "berth/allocate/genetic/genetic.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace berth;
using namespace berth_test;

static_assert(pair_cost<move_penalty<matrix_cost>>);
static_assert(pair_cost<move_penalty<matrix_cost, move_weights>>);

TEST_CASE("leaving the initial GPU costs the penalty, staying or starting costs nothing") {
    const std::vector<double> costs{1, 2, 3, 4, 5, 6};
    const matrix_cost cost{{costs.data(), 3, 2}};
    const std::vector<gpu_index> initial{gpu_index{0}, gpu_index{1}, gpu_index{}};
    const std::vector<double> weights{10, 20, 30};
    const move_penalty flat{cost, std::span<const gpu_index>{initial}, 0.5};
    CHECK(flat(task_index{0}, gpu_index{0}) == 1.0);
    CHECK(flat(task_index{0}, gpu_index{1}) == 2.5);
    CHECK(flat(task_index{1}, gpu_index{0}) == 3.5);
    CHECK(flat(task_index{2}, gpu_index{0}) == 5.0);  // does not run yet
    const move_penalty weighted{cost, std::span<const gpu_index>{initial}, 0.5, move_weights{weights}};
    CHECK(weighted(task_index{1}, gpu_index{0}) == 13.0);
    CHECK(weighted(task_index{1}, gpu_index{1}) == 4.0);
}

TEST_CASE("the higher the penalty, the fewer tasks move") {
    const type_d d{6, 60, 1, 130};
    gpu_assignment initial;
    for (std::size_t t = 0; t < 60; ++t) initial.push_back(gpu_index{t % 6});
    std::size_t last = 61;
    for (const double penalty : {0.0, 20.0, 60.0, 1000.0}) {
        const auto plain = d.problem();
        const move_penalty cost{plain.cost, std::span<const gpu_index>{initial}, penalty};
        const priced_problem p{assignment_problem{d.tasks, cost, plain.load, plain.capacities}};
        const assignment_plan plan = genetic<>{.seed = 1}.run(p, initial, {.max_evaluations = 200'000});
        std::size_t moved = 0;
        for (std::size_t t = 0; t < 60; ++t) moved += plan.gpu_of[t] == initial[t] ? 0 : 1;
        CHECK(plan.feasible());
        CHECK(moved < last);
        last = moved;
    }
}
