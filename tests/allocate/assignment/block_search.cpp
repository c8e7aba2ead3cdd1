// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/block_search.hpp"

#include "berth/allocate/assignment/compositions.hpp"
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

TEST_CASE("block search against an enumeration: never better and nearly always optimal") {
    int solvable = 0;
    int optimal = 0;
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(4, 8, seed) : gap_of_type("ABCDE"[seed % 5], 3, 8, seed);
        const priced_problem p{d.problem()};
        // From a poor start, so that the result is its own work.
        const gpu_assignment start = anywhere(d, seed);
        const assignment_plan plan = block_search{.patience = 500}.run(p, start, {.max_evaluations = 100'000});
        CAPTURE(seed);
        check_plan(d, plan);
        CHECK_FALSE(better(p.plan_of(start), plan));
        const double optimum = cheapest(d);
        if (plan.feasible()) CHECK(plan.cost >= optimum - 1e-9);
        if (!std::isfinite(optimum)) continue;
        ++solvable;
        optimal += plan.feasible() && plan.cost <= optimum + 1e-9 * (1.0 + std::abs(optimum)) ? 1 : 0;
    }
    CHECK(solvable > 500);
    CHECK(optimal * 1000 >= solvable * 995);
}

TEST_CASE("block search comes near the bound on tight instances") {
    for (const char type : {'C', 'D', 'E'}) {
        for (const std::uint64_t seed : {1U, 2U}) {
            const gap_instance d = gap_of_type(type, 10, 100, seed);
            const priced_problem p{d.problem()};
            const assignment_plan plan = block_search{.seed = seed}.run(p, {}, {.max_evaluations = 4'000'000});
            CAPTURE(type);
            check_plan(d, plan);
            CHECK(plan.feasible());
            CHECK(plan.gap() < 1.5);
            CHECK(plan.lower_bound == p.bound().value);
            CHECK(plan.accepted > 0);
        }
    }
}

TEST_CASE("block search is never worse than its start whatever the budget") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const gap_instance d = seed % 3 == 0 ? type_d{4, 30, seed} : odd_instance(6, 30, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        const gpu_assignment poor = anywhere(d, seed);
        const assignment_plan good = priced_greedy{.max_rebuild_evaluations = 0}.run(p);
        for (const std::uint64_t budget : {0U, 1U, 300U, 5000U}) {
            for (const gpu_assignment* start : {&poor, &good.gpu_of}) {
                const assignment_plan plan =
                    block_search{.seed = seed, .tolerance = 4.0}.run(p, *start, {.max_evaluations = budget});
                check_plan(d, plan);
                CHECK_FALSE(better(p.plan_of(*start), plan));
            }
        }
    }
}

TEST_CASE("an infeasible start is mended even if everything is on one GPU") {
    for (const char type : {'A', 'B', 'C', 'D', 'E'}) {
        const gap_instance d = gap_of_type(type, 20, 100, 3);
        const priced_problem p{d.problem()};
        const gpu_assignment start(100, gpu_index{4});
        const assignment_plan plan = block_search{}.run(p, start, {.max_evaluations = 6'000'000});
        CAPTURE(type);
        check_plan(d, plan);
        CHECK(plan.feasible());
    }
    // Block search alone got stuck here.
    const gap_instance d = gap_of_type('C', 10, 100, 3);
    const priced_problem p{d.problem()};
    const assignment_plan plan = block_search{}.run(p, anywhere(d, 1), {.max_evaluations = 3'000'000});
    check_plan(d, plan);
    CHECK(plan.feasible());
    CHECK(plan.gap() < 3.0);
}

TEST_CASE("block search repeats itself and keeps to a budget up to a few blocks") {
    const gap_instance d = gap_of_type('E', 10, 100, 3);
    const priced_problem p{d.problem()};
    const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
    for (const std::uint64_t budget : {0U, 1U, 1000U, 100'000U}) {
        const block_search search{.seed = 5, .max_nodes = 500};
        const assignment_plan plan = search.run(p, start, {.max_evaluations = budget});
        CHECK(plan.stopped == stop_reason::budget_exhausted);
        CHECK(plan.evaluations >= budget);
        CHECK(plan.evaluations <= budget + 8 * (501 + 100));  // the budget is looked at after every eight blocks
        const assignment_plan again = search.run(p, start, {.max_evaluations = budget});
        CHECK(again.gpu_of == plan.gpu_of);
        CHECK(again.evaluations == plan.evaluations);
    }
    const run_control<> control{.max_evaluations = 2'000'000};
    const assignment_plan one = block_search{.seed = 1}.run(p, {}, control);
    CHECK(one.gpu_of == block_search{.seed = 1}.run(p, {}, control).gpu_of);
    const run_control<> longer{.max_evaluations = 3'000'000};
    CHECK_FALSE(better(one, block_search{.seed = 1}.run(p, {}, longer)));
}

TEST_CASE("block search stops on request and reports progress") {
    const type_d d{10, 100, 3};
    const priced_problem p{d.problem()};
    const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
    int polls = 5;
    const assignment_plan plan = block_search{}.run(p, start, run_control<stop_after>{.stop = {&polls}});
    CHECK(plan.stopped == stop_reason::cancelled);
    check_plan(d, plan);
    polls = 0;
    const assignment_plan at_once = block_search{}.run(p, {}, run_control<stop_after>{.stop = {&polls}});
    CHECK(at_once.stopped == stop_reason::cancelled);
    check_plan(d, at_once);

    double last = std::numeric_limits<double>::infinity();
    int ends = 0;
    const assignment_plan watched = block_search{}.run(
        p, {}, run_control<never_stop, watch>{.max_evaluations = 2'000'000, .observer = {&last, &ends}});
    CHECK(ends == 1);
    CHECK(last == watched.cost);
}

TEST_CASE("block search stops within one block") {
    const type_d d{10, 100, 3};
    const priced_problem p{d.problem()};
    const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
    for (const std::uint64_t last : {1U, 3U, 10U}) {
        std::uint64_t polls = 0;
        const assignment_plan plan =
            block_search{.max_nodes = 100}.run(p, start, run_control<stop_at_poll>{.stop = {&polls, last}});
        CAPTURE(last);
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::cancelled);
        CHECK(polls == last + 1);
        CHECK(plan.evaluations <= last * (101 + 100));
    }
}

TEST_CASE("block search ends by itself once nothing new comes or the bound is met") {
    const type_d d{3, 12, 3};
    const priced_problem p{d.problem()};
    const assignment_plan plan = block_search{.patience = 200}.run(p);
    check_plan(d, plan);
    CHECK(plan.stopped == stop_reason::completed);
    gap_instance easy;
    easy.tasks = 3;
    easy.costs = {1, 9, 9, 1, 1, 9};
    easy.loads = {1, 1, 1, 1, 1, 1};
    easy.capacities = {3, 3};
    const priced_problem q{easy.problem()};
    const assignment_plan proven = block_search{.patience = 0}.run(q, gpu_assignment(3, gpu_index{1}));
    CHECK(proven.stopped == stop_reason::completed);
    CHECK(proven.cost == 3.0);
}

TEST_CASE("block search answers infeasible and empty problems") {
    gap_instance tight;  // three tasks of load 2 for two GPUs of 3
    tight.tasks = 3;
    tight.costs = {1, 2, 3, 4, 5, 6};
    tight.loads = {2, 2, 2, 2, 2, 2};
    tight.capacities = {3, 3};
    const priced_problem p{tight.problem()};
    const assignment_plan least = block_search{.patience = 100}.run(p, {}, {.max_evaluations = 100'000});
    check_plan(tight, least);
    CHECK(least.excess == 1);
    const assignment_plan kept =
        block_search{.patience = 100}.run(p, gpu_assignment(3, gpu_index{0}), {.max_evaluations = 100'000});
    check_plan(tight, kept);
    CHECK(kept.excess <= 3);

    gap_instance nowhere = tight;  // a task that fits on no GPU
    nowhere.loads[0] = nowhere.loads[1] = 9;
    const assignment_plan over =
        block_search{.patience = 100}.run(priced_problem{nowhere.problem()}, {}, {.max_evaluations = 100'000});
    check_plan(nowhere, over);
    CHECK_FALSE(over.feasible());

    gap_instance none;
    none.capacities = {1, 1};
    CHECK(block_search{}.run(priced_problem{none.problem()}).gpu_of.empty());
    gap_instance one;
    one.tasks = 2;
    one.costs = {4, 5};
    one.loads = {1, 1};
    one.capacities = {1};
    const assignment_plan alone = block_search{}.run(priced_problem{one.problem()}, {}, {.max_evaluations = 1000});
    CHECK(alone.cost == 9.0);
    CHECK(alone.excess == 1);
}

TEST_CASE("block search takes part in compositions") {
    const gap_instance d = gap_of_type('E', 5, 40, 3);
    const priced_problem p{d.problem()};
    const then parts{priced_greedy{}, limited{200'000, block_search{}}, block_search{.seed = 1, .max_gpus = 2}};
    const assignment_plan plan = parts.run(p, {}, {.max_evaluations = 2'000'000});
    check_plan(d, plan);
    CHECK_FALSE(better(priced_greedy{}.run(p), plan));
}

TEST_CASE("golden plans of block search: the same on every compiler") {
    const type_d d{10, 100, 7};
    const gap_instance e = gap_of_type('E', 10, 100, 7);
    gap_instance fractional = gap_of_type('C', 8, 60, 7);
    for (std::size_t i = 0; i < fractional.costs.size(); ++i) fractional.costs[i] += static_cast<double>(i % 7) / 10.0;
    const auto golden = [](const gap_instance& of, std::uint64_t seed) {
        const priced_problem p{of.problem()};
        const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(p).gpu_of;
        const block_search search{.seed = seed, .max_nodes = 5'000, .max_gpus = 12, .tolerance = 0.8, .patience = 0};
        return hash_of(search.run(p, start, {.max_evaluations = 300'000}));
    };
    CHECK(golden(d, 1) == 15113727749016358723ULL);
    CHECK(golden(e, 2) == 15372422817107023862ULL);
    CHECK(golden(fractional, 3) == 2682042221267282985ULL);
}
