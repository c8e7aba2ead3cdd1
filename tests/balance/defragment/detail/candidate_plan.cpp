// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/candidate_plan.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::candidate_plan;
using berth_test::below;

TEST_CASE("candidate_plan: steps, then downtime, bytes and fragmentation") {
    const candidate_plan base{.steps = 2, .downtime = 3.0, .bytes = 10, .fragmentation = 50.0};
    const candidate_plan fewer{.steps = 1, .downtime = 9.0, .bytes = 90, .fragmentation = 900.0};
    const candidate_plan quicker{.steps = 2, .downtime = 2.0, .bytes = 90, .fragmentation = 900.0};
    const candidate_plan smaller{.steps = 2, .downtime = 3.0, .bytes = 9, .fragmentation = 900.0};
    const candidate_plan tidier{.steps = 2, .downtime = 3.0, .bytes = 10, .fragmentation = 49.0};
    for (const candidate_plan& better : {fewer, quicker, smaller, tidier}) {
        CHECK(better.better_than(base, 0.0));
        CHECK_FALSE(base.better_than(better, 0.0));
    }
    CHECK_FALSE(base.better_than(base, 0.0));
    const candidate_plan same{.steps = 2, .downtime = 3.0, .bytes = 10, .fragmentation = 50.0 - 1e-12};
    CHECK_FALSE(same.better_than(base, 0.0));
}

TEST_CASE("candidate_plan: with a step cost the lower total wins, whatever its steps") {
    const candidate_plan cheap{.steps = 3, .fragmentation = -400.0};
    const candidate_plan quick{.steps = 1, .fragmentation = -100.0};
    CHECK(cheap.total(100.0) == doctest::Approx(-100.0));
    CHECK(quick.total(100.0) == doctest::Approx(0.0));
    CHECK(cheap.better_than(quick, 100.0));
    CHECK_FALSE(quick.better_than(cheap, 100.0));
    CHECK(quick.better_than(cheap, 200.0));
    CHECK(quick.better_than(cheap, 150.0));  // equal totals: fewer steps
    CHECK(quick.better_than(cheap, 0.0));
}

TEST_CASE("candidate_plan: a strict order on random plans") {
    berth::xoshiro256 g{4};
    std::vector<candidate_plan> plans;
    for (int i = 0; i < 40; ++i) {
        plans.push_back({.steps = 1 + below(g, 3),
                         .downtime = static_cast<double>(below(g, 3)),
                         .bytes = static_cast<berth::amount>(below(g, 3)),
                         .fragmentation = static_cast<double>(below(g, 4)) - 2.0});
    }
    for (const double cost : {0.0, 0.5, 1.0}) {
        for (const auto& a : plans) {
            for (const auto& b : plans) {
                CHECK_FALSE((a.better_than(b, cost) && b.better_than(a, cost)));
                for (const auto& c : plans) {
                    if (a.better_than(b, cost) && b.better_than(c, cost)) REQUIRE(a.better_than(c, cost));
                }
            }
        }
    }
}
