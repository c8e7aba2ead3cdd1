// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/priced_problem.hpp"

#include "berth/allocate/assignment/block_search.hpp"

#include "allocate/assignment/allocator_kit.hpp"
#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
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

TEST_CASE("a priced problem is complete whatever stops it") {
    const type_d d{40, 2000, 6, 200};
    std::uint64_t polls = 0;
    const priced_problem p{d.problem(), {.candidates = 3}, run_control<stop_at_poll>{.stop = {&polls, 0}}};
    CHECK(polls == 1);
    CHECK(p.bound().stopped == stop_reason::cancelled);
    CHECK(p.bound().iterations == 0);
    CHECK(std::isfinite(p.bound().value));
    double least = 0.0;
    for (std::size_t t = 0; t < d.tasks; ++t) {
        double lowest = d.costs[t * 40];
        for (std::size_t g = 0; g < 40; ++g) lowest = std::min(lowest, d.costs[t * 40 + g]);
        least += lowest;
        CHECK(p.cost(t, p.candidates().of(task_index{t})[0].value()) == lowest);
    }
    CHECK(p.bound().value == least);
    const assignment_plan plan = block_search{}.run(p, {}, {.max_evaluations = 300'000});
    check_plan(d, plan);
    // With time left the bound is better; a budget counts pairs.
    const priced_problem some{d.problem(), {}, run_control<>{.max_evaluations = 5 * 40 * 2000}};
    CHECK(some.bound().iterations == 5);
    CHECK(some.bound().stopped == stop_reason::budget_exhausted);
    CHECK(some.bound().value >= least);
}

TEST_CASE("a priced problem knows its largest cost and whether costs are whole") {
    gap_instance d = type_d{3, 9, 4};
    d.costs[5] = -500.0;
    CHECK(priced_problem{d.problem()}.largest_cost() == 500.0);
    CHECK(priced_problem{d.problem()}.has_whole_costs());
    d.costs[7] = 0.5;
    CHECK_FALSE(priced_problem{d.problem()}.has_whole_costs());
}

TEST_CASE("problems from outside are refused with task and GPU") {
    const double infinity = std::numeric_limits<double>::infinity();
    const auto refusal = [](const gap_instance& d) {
        const auto priced = priced_problem::of(d.problem());
        return priced ? std::string{} : priced.error().message;
    };
    const gap_instance good = type_d{3, 9, 4};
    CHECK(refusal(good).empty());
    gap_instance d = good;
    d.costs[4] = std::nan("");
    CHECK(refusal(d) == "cost of task 1 on GPU 1: not a number");
    d.costs[4] = -infinity;
    CHECK(refusal(d) == "cost of task 1 on GPU 1: minus infinity");
    d.costs[4] = infinity;
    CHECK(refusal(d).empty());
    d.loads[5] = -2;
    CHECK(refusal(d) == "load of task 1 on GPU 2 is -2, expected 0 or more");
    d.capacities[0] = -1;
    CHECK(refusal(d) == "capacity of GPU 0 is -1, expected 0 or more");
    CHECK(check_assignments(gap_instance{}.problem()));
}

TEST_CASE("a plan with a forbidden pair is infeasible, of finite cost") {
    const double infinity = std::numeric_limits<double>::infinity();
    gap_instance d;
    d.tasks = 2;
    d.costs = {1.0, infinity, 7.0, 3.0};
    d.loads = {2, 1, 2, 0};
    d.capacities = {1000, amount{1} << 62U};
    const priced_problem p{d.problem()};
    CHECK(p.forbidden_pairs() == 1);
    CHECK(p.largest_cost() == 7.0);
    CHECK(p.capacities()[0] == 1000);
    const assignment_plan bad = p.plan_of({gpu_index{1}, gpu_index{0}});
    CHECK_FALSE(bad.feasible());
    CHECK(bad.cost == 8.0);
    const assignment_plan best = p.plan_of({gpu_index{0}, gpu_index{1}});
    CHECK(best.feasible());
    CHECK(p.meets_bound(best));
    CHECK(best.lower_bound == 4.0);
    d.costs = {infinity, infinity, 7.0, 3.0};
    CHECK(priced_problem{d.problem()}.bound().value == infinity);
}

TEST_CASE("whole costs beyond a double's digits add up and compare exactly") {
    gap_instance d;
    d.tasks = 3;
    d.costs = {0x1p60, 0x1p60, 1.0, 2.0, 0.0, 0.0};
    d.loads = {0, 0, 0, 0, 0, 0};
    d.capacities = {1, 1};
    const priced_problem p{d.problem()};
    CHECK(p.has_whole_costs());
    CHECK_FALSE(p.has_exact_sums());
    const assignment_plan cheap = p.plan_of({gpu_index{0}, gpu_index{0}, gpu_index{0}});
    const assignment_plan dear = p.plan_of({gpu_index{0}, gpu_index{1}, gpu_index{0}});
    CHECK(cheap.cost == dear.cost);
    CHECK(cheap.cost_rest == 1.0);
    CHECK(dear.cost_rest == 2.0);
    CHECK(better(cheap, dear));
    CHECK_FALSE(better(dear, cheap));
    CHECK(cheap.lower_bound == cheap.cost);
    CHECK(dear.lower_bound < dear.cost);
    CHECK(dear.gap() > 0.0);
}
