// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/portfolio.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

using namespace berth;
using namespace berth_test;

TEST_CASE("the portfolio agrees with exact on tiny problems") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(5, 10, seed) : gap_of_type("ABCDE"[seed % 5], 3, 10, seed);
        const priced_problem p{d.problem()};
        const assignment_plan plan = portfolio{}.run(p);
        const assignment_plan optimum = exact{}.run(p);
        CAPTURE(seed);
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::completed);
        CHECK(plan.feasible() == optimum.feasible());
        if (optimum.feasible()) {
            CHECK(plan.cost == doctest::Approx(optimum.cost));
            CHECK(plan.gap() == doctest::Approx(0.0));
        } else {
            CHECK(plan.lower_bound == std::numeric_limits<double>::infinity());
        }
    }
}

TEST_CASE("the portfolio keeps to a budget and repeats itself") {
    const gap_instance d = gap_of_type('E', 10, 100, 3);
    const priced_problem p{d.problem()};
    const run_control<> control{.max_evaluations = 3'000'000};
    const assignment_plan plan = portfolio{.seed = 7}.run(p, {}, control);
    check_plan(d, plan);
    CHECK(plan.feasible());
    CHECK(plan.evaluations < 3'500'000);
    CHECK(plan.gpu_of == portfolio{.seed = 7}.run(p, {}, control).gpu_of);
    CHECK_FALSE(better(plan, portfolio{}.run(p, plan.gpu_of, control)));
}
