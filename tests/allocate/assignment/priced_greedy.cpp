// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/priced_greedy.hpp"

#include "allocate/assignment/allocator_kit.hpp"
#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("priced_greedy is never better than an enumeration and mostly feasible where a plan is") {
    int solvable = 0;
    int solved = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const type_d d{2 + seed % 3, 3 + seed % 6, seed, seed % 2 == 0 ? 80 : 130};
        const assignment_plan plan = priced_greedy{.max_repairs = 500}.run(priced_problem{d.problem()});
        CAPTURE(seed);
        check_plan(d, plan);
        const double optimum = cheapest(d);
        if (plan.feasible()) CHECK(plan.cost >= optimum);
        if (optimum == std::numeric_limits<double>::infinity()) continue;
        ++solvable;
        solved += plan.feasible() ? 1 : 0;
    }
    CHECK(solvable > 100);
    CHECK(solved * 100 >= solvable * 95);
}

TEST_CASE("priced_greedy is feasible and within five per cent on tight instances of type D") {
    for (const std::size_t gpus : {5U, 10U, 20U, 40U}) {
        for (std::uint64_t seed = 1; seed <= 3; ++seed) {
            const type_d d{gpus, 200, seed};
            const priced_problem p{d.problem()};
            const assignment_plan plan = priced_greedy{}.run(p);
            CAPTURE(gpus);
            CAPTURE(seed);
            check_plan(d, plan);
            CHECK(plan.feasible());
            CHECK(plan.gap() < 5.0);
            if (seed == 1) CHECK(plan.gpu_of == priced_greedy{}.run(p).gpu_of);
            CHECK(plan.evaluations > 200 * gpus);
        }
    }
}

TEST_CASE("priced_greedy reports an infeasible problem as such") {
    const type_d d{3, 30, 1, 20};
    const assignment_plan plan = priced_greedy{.max_repairs = 200}.run(priced_problem{d.problem()});
    check_plan(d, plan);
    CHECK_FALSE(plan.feasible());
}

TEST_CASE("priced_greedy improves a start and is never worse") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const type_d d{6, 50, seed};
        const priced_problem p{d.problem()};
        xoshiro256 random{seed};
        gpu_assignment start;
        for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(gpu_index{below(random, 6)});
        const assignment_plan before = p.plan_of(start);
        const assignment_plan plan = priced_greedy{}.run(p, start);
        check_plan(d, plan);
        CHECK_FALSE(better(before, plan));
        const assignment_plan again = priced_greedy{}.run(p, plan.gpu_of);
        CHECK_FALSE(better(plan, again));
        CHECK_FALSE(better(before, priced_greedy{}.run(p, start, run_control<>{.max_evaluations = 1})));
    }
}

TEST_CASE("priced_greedy ends at a budget and reports it") {
    const type_d d{6, 80, 2};
    const priced_problem p{d.problem()};
    const assignment_plan plan = priced_greedy{}.run(p, {}, run_control<>{.max_evaluations = 1});
    check_plan(d, plan);
    CHECK(plan.stopped == stop_reason::budget_exhausted);
    CHECK(priced_greedy{}.run(p).stopped == stop_reason::completed);
}

TEST_CASE("priced_greedy is within five per cent where few tasks share a GPU") {
    for (const char type : {'A', 'B', 'C', 'D', 'E'}) {
        for (std::uint64_t seed = 1; seed <= 2; ++seed) {
            const gap_instance d = gap_of_type(type, 20, 100, seed);
            const assignment_plan plan = priced_greedy{}.run(priced_problem{d.problem()});
            CAPTURE(type);
            check_plan(d, plan);
            CHECK(plan.feasible());
            CHECK(plan.gap() < 5.0);
        }
    }
}

TEST_CASE("priced_greedy takes the smaller of equally cheap GPUs") {
    // Everything costs the same; only light choices fit.
    gap_instance d;
    d.tasks = 12;
    d.costs.assign(12 * 3, 10.0);
    for (std::size_t t = 0; t < 12; ++t) {
        for (std::size_t g = 0; g < 3; ++g) d.loads.push_back(g == t % 3 ? 2 : 9);
    }
    d.capacities.assign(3, 8);
    const assignment_plan plan = priced_greedy{.max_rebuild_evaluations = 0}.run(priced_problem{d.problem()});
    check_plan(d, plan);
    CHECK(plan.feasible());
}

TEST_CASE("priced_greedy has an answer to every odd problem") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        const gap_instance d = odd_instance(5, 12, seed);
        CAPTURE(seed);
        check_plan(d,
                   priced_greedy{.max_repairs = 100, .max_rebuild_evaluations = 1000}.run(priced_problem{d.problem()}));
    }
    const priced_problem empty{gap_instance{}.problem()};
    CHECK(priced_greedy{}.run(empty).feasible());
}

TEST_CASE("priced_greedy stops within an interval of work in every phase") {
    const type_d d{40, 1000, 2, 120};  // a pass of the descent is a million evaluations
    const priced_problem p{d.problem(), {.bound = {.max_iterations = 30}}};
    const std::uint64_t interval = 65'536;
    const std::uint64_t step = d.tasks + d.gpus();
    std::uint64_t polls = 0;
    for (const std::uint64_t last : {0U, 1U, 2U, 4U, 8U, 12U}) {
        polls = 0;
        const assignment_plan plan = priced_greedy{}.run(p, {}, run_control<stop_at_poll>{.stop = {&polls, last}});
        CAPTURE(last);
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::cancelled);
        CHECK(polls == last + 1);
        CHECK(plan.evaluations <= (last + 1) * (interval + step));
    }
    // From a feasible start only descent and rebuilding are left; the plan is not worse whenever it stops.
    const assignment_plan start = priced_greedy{.max_passes = 0, .max_rebuild_evaluations = 0}.run(p);
    REQUIRE(start.feasible());
    for (const std::uint64_t last : {1U, 3U, 9U, 30U}) {
        polls = 0;
        const assignment_plan plan =
            priced_greedy{}.run(p, start.gpu_of, run_control<stop_at_poll>{.stop = {&polls, last}});
        CAPTURE(last);
        check_plan(d, plan);
        CHECK_FALSE(better(start, plan));
        CHECK(plan.evaluations <= (last + 1) * (interval + step));
    }
}

TEST_CASE("polls of priced_greedy change nothing") {
    const type_d d{10, 120, 5};
    const priced_problem p{d.problem()};
    const assignment_plan alone = priced_greedy{}.run(p);
    std::uint64_t polls = 0;
    const assignment_plan watched =
        priced_greedy{}.run(p, {}, run_control<stop_at_poll>{.stop = {&polls, 1'000'000'000}});
    CHECK(hash_of(watched) == hash_of(alone));
    CHECK(polls > 20);
}
