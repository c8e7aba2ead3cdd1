// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/dive.hpp"

#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"

#include "allocate/assignment/allocator_kit.hpp"
#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace berth;
using namespace berth_test;

TEST_CASE("dive against exact: never better and optimal on most tiny problems") {
    int solvable = 0;
    int optimal = 0;
    int optimal_in_full = 0;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(5, 12, seed) : gap_of_type("ABCDE"[seed % 5], 4, 12, seed);
        const priced_problem p{d.problem()};
        const assignment_plan optimum = exact{}.run(p);
        const assignment_plan rough = priced_greedy{.max_rebuild_evaluations = 0}.run(p);
        const assignment_plan plan = dive{}.run(p, rough.gpu_of);
        const assignment_plan full = dive{.candidates = 5, .keep_within = 1.0}.run(p, rough.gpu_of);
        CAPTURE(seed);
        for (const assignment_plan* each : {&plan, &full}) {
            check_plan(d, *each);
            CHECK_FALSE(better(rough, *each));
            CHECK(each->stopped == stop_reason::completed);
            if (each->feasible()) CHECK(each->cost >= optimum.cost - 1e-9 * (1.0 + std::abs(optimum.cost)));
        }
        CHECK(full.feasible() == optimum.feasible());
        if (!optimum.feasible()) continue;
        ++solvable;
        const double tolerance = 1e-9 * (1.0 + std::abs(optimum.cost));
        optimal += plan.feasible() && plan.cost <= optimum.cost + tolerance ? 1 : 0;
        optimal_in_full += full.feasible() && full.cost <= optimum.cost + tolerance ? 1 : 0;
    }
    CHECK(solvable > 200);
    CHECK(optimal * 100 >= solvable * 85);
    CHECK(optimal_in_full == solvable);  // all GPUs are candidates and no pair is guessed away: that is exact
}

TEST_CASE("dive assigns only candidates and GPUs of the start") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const gap_instance d = gap_of_type(seed % 2 == 0 ? 'D' : 'E', 8, 30, seed);
        const priced_problem p{d.problem()};
        const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
        const candidate_lists lists{p.tables(), p.bound(), 2};
        // The repair of relaxed answers may go elsewhere; without it only the tree is left.
        detail::branch_and_bound tree{p,
                                      {.max_root_iterations = 60,
                                       .max_node_iterations = 5,
                                       .width = 2'000,
                                       .seed = 0,
                                       .max_nodes = 200,
                                       .guess_every = std::numeric_limits<std::uint64_t>::max()},
                                      p.plan_of(start)};
        const auto listed = [&](std::size_t t, std::size_t g) {
            const auto list = lists.of(task_index{t});
            return std::find(list.begin(), list.end(), gpu_index{g}) != list.end();
        };
        tree.restrict_to(listed);
        tree.run([](std::uint64_t) { return stop_reason::completed; }, [] {});
        for (std::size_t t = 0; t < d.tasks; ++t) {
            const gpu_index g = tree.best().gpu_of[t];
            CHECK((g == start[t] || listed(t, g.value())));
        }
    }
}

TEST_CASE("dive improves on block search or leaves its plan as it is") {
    for (const char type : {'C', 'D', 'E'}) {
        const gap_instance d = gap_of_type(type, 5, 60, 2);
        const priced_problem p{d.problem()};
        const assignment_plan before = block_search{}.run(p, {}, {.max_evaluations = 1'700'000});
        const assignment_plan plan = dive{}.run(p, before.gpu_of, {.max_evaluations = 3'000'000});
        CAPTURE(type);
        check_plan(d, plan);
        CHECK(plan.feasible());
        CHECK_FALSE(better(before, plan));
        CHECK(plan.gap() < 3.0);
        CHECK(plan.lower_bound >= p.bound().value);
    }
}

TEST_CASE("dive places several tasks at a time where there are many") {
    for (const char type : {'D', 'E'}) {
        const gap_instance d = gap_of_type(type, 8, 160, 2);
        const priced_problem p{d.problem()};
        const assignment_plan before = priced_greedy{.max_rebuild_evaluations = 0}.run(p);
        for (const double share : {0.0, 0.05, 1.0}) {
            const dive search{.max_root_iterations = 60, .place_share = share};
            const assignment_plan plan = search.run(p, before.gpu_of, {.max_evaluations = 600'000});
            CAPTURE(type);
            CAPTURE(share);
            check_plan(d, plan);
            CHECK(plan.feasible());
            CHECK_FALSE(better(before, plan));
        }
    }
}

TEST_CASE("dive is never worse than its start whatever the budget and keeps to it") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const gap_instance d = seed % 3 == 0 ? type_d{4, 20, seed} : odd_instance(6, 20, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        const gpu_assignment poor = anywhere(d, seed);
        const assignment_plan good = priced_greedy{.max_rebuild_evaluations = 0}.run(p);
        for (const std::uint64_t budget : {0U, 1U, 300U, 20'000U}) {
            for (const gpu_assignment* start : {&poor, &good.gpu_of}) {
                const assignment_plan plan = dive{.seed = seed}.run(p, *start, {.max_evaluations = budget});
                check_plan(d, plan);
                CHECK_FALSE(better(p.plan_of(*start), plan));
                if (plan.stopped == stop_reason::completed) continue;
                CHECK(plan.stopped == stop_reason::budget_exhausted);
                CHECK(plan.evaluations >= budget);
                CHECK(plan.evaluations <= budget + 100'000);
            }
        }
    }
}

TEST_CASE("dive repeats itself with and without a start") {
    const gap_instance d = gap_of_type('E', 6, 40, 3);
    const priced_problem p{d.problem()};
    const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
    for (const std::uint64_t budget : {1000U, 50'000U, 1'000'000U}) {
        const run_control<> control{.max_evaluations = budget};
        const assignment_plan plan = dive{.seed = 5}.run(p, start, control);
        const assignment_plan again = dive{.seed = 5}.run(p, start, control);
        CHECK(plan.gpu_of == again.gpu_of);
        CHECK(plan.evaluations == again.evaluations);
        CHECK(dive{.seed = 5}.run(p, {}, control).gpu_of == dive{.seed = 5}.run(p, {}, control).gpu_of);
    }
}

TEST_CASE("dive stops on request and reports progress") {
    const type_d d{8, 60, 3};
    const priced_problem p{d.problem()};
    const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
    int polls = 20;
    const assignment_plan plan = dive{}.run(p, start, run_control<stop_after>{.stop = {&polls}});
    CHECK(plan.stopped == stop_reason::cancelled);
    check_plan(d, plan);
    polls = 0;
    const assignment_plan at_once = dive{}.run(p, {}, run_control<stop_after>{.stop = {&polls}});
    CHECK(at_once.stopped == stop_reason::cancelled);
    check_plan(d, at_once);

    double last = std::numeric_limits<double>::infinity();
    int ends = 0;
    const assignment_plan watched =
        dive{}.run(p, start, run_control<never_stop, watch>{.max_evaluations = 2'000'000, .observer = {&last, &ends}});
    CHECK(ends == 1);
    CHECK(last == watched.cost);
}

TEST_CASE("dive answers infeasible and empty problems") {
    gap_instance tight;  // three tasks of load 2 for two GPUs of 3
    tight.tasks = 3;
    tight.costs = {1, 2, 3, 4, 5, 6};
    tight.loads = {2, 2, 2, 2, 2, 2};
    tight.capacities = {3, 3};
    const assignment_plan least = dive{}.run(priced_problem{tight.problem()});
    check_plan(tight, least);
    CHECK(least.excess == 1);
    CHECK(least.stopped == stop_reason::completed);
    gap_instance nowhere = tight;  // a task that fits on no GPU
    nowhere.loads[0] = nowhere.loads[1] = 9;
    const assignment_plan over = dive{}.run(priced_problem{nowhere.problem()});
    check_plan(nowhere, over);
    CHECK_FALSE(over.feasible());

    gap_instance none;
    none.capacities = {1, 1};
    CHECK(dive{}.run(priced_problem{none.problem()}).gpu_of.empty());
    gap_instance one;
    one.tasks = 2;
    one.costs = {4, 5};
    one.loads = {1, 1};
    one.capacities = {1};
    const assignment_plan alone = dive{}.run(priced_problem{one.problem()});
    CHECK(alone.cost == 9.0);
    CHECK(alone.excess == 1);
    one.capacities = {2};
    CHECK(dive{}.run(priced_problem{one.problem()}).feasible());
}

TEST_CASE("golden plans of dive: the same on every compiler") {
    const type_d d{8, 60, 7};
    const gap_instance e = gap_of_type('E', 8, 60, 7);
    gap_instance fractional = gap_of_type('C', 6, 40, 7);
    for (std::size_t i = 0; i < fractional.costs.size(); ++i) fractional.costs[i] += static_cast<double>(i % 7) / 10.0;
    const auto golden = [](const gap_instance& of, std::uint64_t seed) {
        const priced_problem p{of.problem()};
        const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
        const dive search{.seed = seed,
                          .candidates = 5,
                          .max_root_iterations = 100,
                          .max_node_iterations = 10,
                          .keep_within = 0.4,
                          .width = 1'000};
        return hash_of(search.run(p, start, {.max_evaluations = 1'500'000}));
    };
    CHECK(golden(d, 1) == 11561037385784928044ULL);
    CHECK(golden(e, 2) == 8598471134633519815ULL);
    CHECK(golden(fractional, 3) == 3936734399429037492ULL);
}

TEST_CASE("dive stops within one evaluation of the bound") {
    const type_d d{80, 1200, 5, 150};
    const priced_problem p{d.problem(), {.bound = {.max_iterations = 20}}};
    const assignment_plan start = priced_greedy{.max_passes = 0, .max_rebuild_evaluations = 0}.run(p);
    REQUIRE(start.feasible());
    std::uint64_t polls = 0;
    const assignment_plan plan = dive{}.run(p, start.gpu_of, run_control<stop_at_poll>{.stop = {&polls, 2}});
    CHECK(plan.stopped == stop_reason::cancelled);
    CHECK(polls == 3);
    CHECK(plan.evaluations == 0);  // the first evaluation of the root was not completed
    CHECK(plan.gpu_of == start.gpu_of);
    CHECK(plan.lower_bound == p.bound().rounded);
}
