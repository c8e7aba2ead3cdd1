// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/priced_problem.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <utility>

using namespace berth;
using namespace berth_test;

TEST_CASE("a priced problem holds the tables and prices of its problem") {
    const type_d d{4, 25, 11};
    const priced_problem p{d.problem(), {.candidates = 3}};
    const auto bound = bound_assignments(d.problem());
    CHECK(p.tasks() == 25);
    CHECK(p.gpus() == 4);
    CHECK(p.capacities()[2] == d.capacities[2]);
    CHECK(p.bound().value == bound.value);
    CHECK(p.bound().prices == bound.prices);
    CHECK(p.candidates().width() == 3);
    for (std::size_t t = 0; t < 25; ++t) {
        for (std::size_t g = 0; g < 4; ++g) {
            CHECK(p.cost(t, g) == d.costs[t * 4 + g]);
            CHECK(p.load(t, g) == d.loads[t * 4 + g]);
            CHECK(p.costs()(t, g) == p.cost(t, g));
            CHECK(p.loads()(t, g) == p.load(t, g));
            CHECK(p.reduced(t, g) == reduced_cost(d.problem(), bound, task_index{t}, gpu_index{g}));
        }
        CHECK(p.candidates().of(task_index{t})[0] == candidate_lists{d.problem(), bound, 1}.of(task_index{t})[0]);
    }
    priced_problem copy{p};
    const priced_problem moved{std::move(copy)};
    CHECK(moved.cost(3, 3) == p.cost(3, 3));
    CHECK(moved.capacities()[0] == d.capacities[0]);
}

TEST_CASE("the plan of an assignment has its cost and excess") {
    const type_d d{3, 12, 5};
    const priced_problem p{d.problem()};
    const assignment_plan plan = p.plan_of(gpu_assignment(12, gpu_index{1}));
    check_plan(d, plan);
    CHECK(plan.excess > 0);
    CHECK(plan.lower_bound == p.bound().value);
    CHECK(plan.stopped == stop_reason::completed);
}

TEST_CASE("a priced problem without tasks has an empty plan") {
    const type_d d{2, 0, 5};
    const assignment_plan plan = priced_problem{d.problem()}.plan_of({});
    CHECK(plan.cost == 0.0);
    CHECK(plan.feasible());
    CHECK(plan.gap() == 0.0);
}
