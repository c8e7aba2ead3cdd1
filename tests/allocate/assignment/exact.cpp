// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/exact.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// One of many kinds of tiny problems.
gap_instance tiny(std::uint64_t seed) {
    if (seed % 2 == 0) return odd_instance(5, 8, seed);
    if (seed % 3 == 0) return type_d{2 + seed % 4, 3 + seed % 5, seed, seed % 5 == 0 ? 110 : 80};
    return gap_of_type("ABCDE"[seed % 5], 2 + seed % 4, 3 + seed % 6, seed);
}

}  // namespace

TEST_CASE("exact agrees with an enumeration") {
    int infeasible = 0;
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        const gap_instance d = tiny(seed);
        const priced_problem p{d.problem()};
        const assignment_plan plan = exact{}.run(p);
        const double optimum = cheapest(d);
        CAPTURE(seed);
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::completed);
        if (optimum == infinity) {
            ++infeasible;
            CHECK_FALSE(plan.feasible());
            CHECK(plan.lower_bound == infinity);
        } else {
            CHECK(plan.feasible());
            CHECK(plan.cost == doctest::Approx(optimum));
            CHECK(plan.lower_bound == plan.cost);
            CHECK(plan.gap() == 0.0);
        }
    }
    CHECK(infeasible > 100);
    CHECK(infeasible < 1500);
}

TEST_CASE("heuristics keep their contract and are never cheaper than exact") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(5, 12, seed) : gap_of_type("BCDE"[seed % 4], 4, 12, seed);
        const priced_problem p{d.problem()};
        const assignment_plan optimum = exact{}.run(p);
        const assignment_plan greedy = priced_greedy{.max_rebuild_evaluations = 2000}.run(p);
        CAPTURE(seed);
        check_plan(d, optimum);
        check_plan(d, greedy);
        if (greedy.feasible()) CHECK(greedy.cost >= optimum.cost - 1e-9 * (1.0 + std::abs(optimum.cost)));
        if (greedy.feasible()) CHECK(optimum.feasible());
        if (optimum.feasible()) CHECK(p.bound().rounded <= optimum.cost + 1e-9 * (1.0 + std::abs(optimum.cost)));
        const assignment_plan warm = exact{}.run(p, greedy.gpu_of);
        CHECK(warm.feasible() == optimum.feasible());
        if (optimum.feasible()) CHECK(warm.cost == doctest::Approx(optimum.cost));
    }
}

TEST_CASE("exact proves small problems of every type") {
    for (const char type : {'A', 'B', 'C', 'D', 'E'}) {
        const gap_instance d = gap_of_type(type, 4, 24, 5);
        const priced_problem p{d.problem()};
        const assignment_plan plan = exact{}.run(p);
        CAPTURE(type);
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::completed);
        CHECK(plan.gap() == 0.0);
        CHECK(plan.gpu_of == exact{}.run(p).gpu_of);
    }
}

TEST_CASE("coarse capacities weaken the bound of exact and not its answer") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const gap_instance d = gap_of_type("BCDE"[seed % 4], 3, 9, seed);
        const priced_problem p{d.problem()};
        const assignment_plan coarse = exact{.width = 10}.run(p);
        CAPTURE(seed);
        CHECK(coarse.stopped == stop_reason::completed);
        CHECK(coarse.feasible() == exact{}.run(p).feasible());
        if (coarse.feasible()) CHECK(coarse.cost == exact{}.run(p).cost);
    }
}

TEST_CASE("exact handles capacities of any size") {
    gap_instance d = gap_of_type('C', 3, 14, 8);
    const double optimum = exact{}.run(priced_problem{d.problem()}).cost;
    for (amount& load : d.loads) load = load * 1'000'000'007;
    for (amount& capacity : d.capacities) capacity = capacity * 1'000'000'007 + 5;
    const assignment_plan plan = exact{}.run(priced_problem{d.problem()});
    check_plan(d, plan);
    CHECK(plan.stopped == stop_reason::completed);
    CHECK(plan.cost == optimum);
}

TEST_CASE("exact stopped early has a plan and a bound that hold") {
    const type_d d{6, 60, 4};
    const priced_problem p{d.problem()};
    double known = -infinity;
    assignment_plan last;
    for (const std::uint64_t budget : {1ULL, 50'000ULL, 300'000ULL, 2'000'000ULL}) {
        const assignment_plan plan = exact{}.run(p, {}, run_control<>{.max_evaluations = budget});
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::budget_exhausted);
        CHECK(plan.lower_bound >= known);
        CHECK(plan.lower_bound >= p.bound().value);
        CHECK(plan.evaluations < budget + 700'000);
        known = plan.lower_bound;
        const assignment_plan again = exact{}.run(p, {}, run_control<>{.max_evaluations = budget});
        CHECK(again.gpu_of == plan.gpu_of);
        CHECK(again.evaluations == plan.evaluations);
        last = plan;
    }
    const assignment_plan resumed = exact{}.run(p, last.gpu_of, run_control<>{.max_evaluations = 1});
    CHECK_FALSE(better(last, resumed));
}

TEST_CASE("exact on problems of nothing and of one GPU") {
    const priced_problem nothing{gap_instance{}.problem()};
    CHECK(exact{}.run(nothing).lower_bound == 0.0);
    CHECK(exact{}.run(nothing).feasible());
    gap_instance one;
    one.tasks = 2;
    one.costs = {-1.5, 4.0};
    one.loads = {3, 0};
    one.capacities = {3};
    CHECK(exact{}.run(priced_problem{one.problem()}).cost == 2.5);
    CHECK(exact{}.run(priced_problem{one.problem()}).gap() == 0.0);
    one.capacities = {2};
    const assignment_plan never = exact{}.run(priced_problem{one.problem()});
    CHECK(never.excess == 1);
    CHECK(never.lower_bound == infinity);
    CHECK(never.stopped == stop_reason::completed);
}

TEST_CASE("exact proves public instances") {
    for (const auto& [name, optimum] : {std::pair{"c05100", 1931.0}, std::pair{"b20100", 1166.0}}) {
        const auto d = public_gap(name);
        if (!d) return;
        const assignment_plan plan = exact{}.run(priced_problem{d->problem()});
        check_plan(*d, plan);
        CHECK(plan.cost == optimum);
        CHECK(plan.lower_bound == optimum);
    }
}
