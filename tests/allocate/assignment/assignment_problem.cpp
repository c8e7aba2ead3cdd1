// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/assignment_problem.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace berth;

TEST_CASE("the gap is in per cent of the bound") {
    CHECK(gap_percent(0.0, 0.0) == 0.0);
    CHECK(gap_percent(101.0, 100.0) == doctest::Approx(1.0));
    CHECK(gap_percent(-99.0, -100.0) == doctest::Approx(1.0));
    CHECK(gap_percent(1.0, 0.0) == std::numeric_limits<double>::infinity());
    CHECK(gap_percent(1.0, -std::numeric_limits<double>::infinity()) == std::numeric_limits<double>::infinity());
}

TEST_CASE("the better plan exceeds less and then costs less") {
    const assignment_plan cheap{.gpu_of = {}, .cost = 1.0, .excess = 2};
    const assignment_plan dear{.gpu_of = {}, .cost = 9.0, .excess = 0};
    const assignment_plan dearer{.gpu_of = {}, .cost = 10.0, .excess = 0};
    CHECK(better(dear, cheap));
    CHECK_FALSE(better(cheap, dear));
    CHECK(better(dear, dearer));
    CHECK_FALSE(better(dear, dear));
    CHECK(dear.feasible());
    CHECK_FALSE(cheap.feasible());
}

TEST_CASE("an assignment problem is made of any cost and load") {
    const amount capacities[] = {4, 5};
    const assignment_problem p{3, [](task_index t, gpu_index) { return t.value(); },
                               [](task_index, gpu_index g) { return g.value(); }, std::span<const amount>{capacities}};
    CHECK(p.cost(task_index{2}, gpu_index{0}) == 2);
    CHECK(p.load(task_index{2}, gpu_index{1}) == 1);
}
