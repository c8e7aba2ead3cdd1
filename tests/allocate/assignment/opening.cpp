// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/opening.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

using namespace berth;
using namespace berth_test;

TEST_CASE("the opening proves tiny problems and ends by itself") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(4, 8, seed) : gap_of_type("ABCDE"[seed % 5], 3, 8, seed);
        const priced_problem p{d.problem()};
        const assignment_plan plan = opening{}.run(p);
        const double optimum = cheapest(d);
        CAPTURE(seed);
        check_plan(d, plan);
        CHECK(plan.feasible() == std::isfinite(optimum));
        if (std::isfinite(optimum)) CHECK(plan.cost == doctest::Approx(optimum));
    }
}

TEST_CASE("the opening keeps to a budget and repeats itself and is never worse than its start") {
    for (const char type : {'C', 'D', 'E', 'c', 'd'}) {
        const bool many = type == 'c' || type == 'd';  // more tasks than are proven
        const gap_instance d = gap_of_type(static_cast<char>(many ? type - 'a' + 'A' : type), 10, many ? 230 : 100, 3);
        const priced_problem p{d.problem()};
        for (const std::uint64_t budget : {0U, 1000U, 2'000'000U}) {
            const run_control<> control{.max_evaluations = budget};
            const assignment_plan plan = opening{.seed = 7}.run(p, {}, control);
            CAPTURE(type);
            CAPTURE(budget);
            check_plan(d, plan);
            CHECK(plan.evaluations < budget + 500'000);
            CHECK(plan.gpu_of == opening{.seed = 7}.run(p, {}, control).gpu_of);
            CHECK_FALSE(better(plan, opening{.seed = 8}.run(p, plan.gpu_of, control)));
        }
    }
}

TEST_CASE("the opening of more tasks than are proven comes near the bound") {
    const gap_instance d = gap_of_type('E', 5, 210, 1);
    const priced_problem p{d.problem()};
    const assignment_plan plan = opening{}.run(p, {}, {.max_evaluations = 4'000'000});
    check_plan(d, plan);
    CHECK(plan.feasible());
    CHECK(plan.gap() < 0.5);
}
