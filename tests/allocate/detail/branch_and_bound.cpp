// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/detail/branch_and_bound.hpp"

#include "allocate/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using namespace berth;
using namespace berth_test;

TEST_CASE("branch and bound finds the optimum from a poor start") {
    int checked = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const type_d d{3, 8, seed, 90};
        const double optimum = cheapest(d);
        if (optimum > 1e9) continue;
        const priced_problem p{d.problem()};
        detail::branch_and_bound tree{p, {30, 5, 500, 0}, p.plan_of(gpu_assignment(8, gpu_index{0}))};
        int improvements = 0;
        tree.run([](std::uint64_t) { return stop_reason::completed; }, [&] { ++improvements; });
        CAPTURE(seed);
        check_plan(d, tree.best());
        CHECK(tree.best().cost == optimum);
        CHECK(tree.lower_bound() == optimum);
        CHECK(tree.stopped() == stop_reason::completed);
        CHECK(improvements > 0);
        CHECK(tree.evaluations() > 0);
        ++checked;
    }
    CHECK(checked > 20);
}

TEST_CASE("branch and bound cut short bounds what is left") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const type_d d{4, 10, seed, 95};
        const priced_problem p{d.problem()};
        const double optimum = cheapest(d);
        for (const std::uint64_t limit : {0U, 400U, 2000U, 4000U}) {
            detail::branch_and_bound tree{p, {10, 3, 500, 0}, p.plan_of(gpu_assignment(10, gpu_index{0}))};
            tree.run(
                [&](std::uint64_t evaluations) {
                    return evaluations < limit ? stop_reason::completed : stop_reason::budget_exhausted;
                },
                [] {});
            CAPTURE(seed);
            CHECK(tree.lower_bound() <= optimum);
            CHECK(tree.lower_bound() >= p.bound().value);
        }
    }
}
