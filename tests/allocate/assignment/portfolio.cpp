// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/portfolio.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

using namespace berth;
using namespace berth_test;

TEST_CASE("the portfolio finds and proves the optimum of an independent enumeration on tiny problems") {
    int infeasible = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(4, 10, seed) : gap_of_type("ABCDE"[seed % 5], 3, 10, seed);
        const priced_problem p{d.problem()};
        const assignment_plan plan = portfolio{}.run(p);
        const double optimum = pruned_enumeration{d}.optimum();
        CAPTURE(seed);
        check_plan(d, plan);
        CHECK(plan.stopped == stop_reason::completed);
        if (optimum < std::numeric_limits<double>::infinity()) {
            CHECK(plan.feasible());
            CHECK(plan.cost == doctest::Approx(optimum));
            CHECK(plan.gap() == doctest::Approx(0.0));
        } else {
            ++infeasible;
            CHECK_FALSE(plan.feasible());
            CHECK(plan.lower_bound == std::numeric_limits<double>::infinity());
        }
    }
    CHECK(infeasible > 5);
    CHECK(infeasible < 75);
}

TEST_CASE("the portfolio finds the published optimum of a public instance") {
    const auto d = public_gap("c05100");
    if (!d) return;
    const assignment_plan plan = portfolio{}.run(priced_problem{d->problem()});
    check_plan(*d, plan);
    CHECK(plan.cost == 1931.0);
    CHECK(plan.lower_bound == 1931.0);
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
