// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/repair.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("without repair any excess is worse than any cost and more is worse than less") {
    const no_repair r;
    CHECK(r.value(5.0, 0) == 5.0);
    CHECK(r.value(1e18, 0) < r.value(-1e18, 1));
    CHECK(r.value(7.0, 3) < r.value(1.0, 4));
}

TEST_CASE("a penalty is the given one or one from the costs") {
    gap_instance d;
    d.tasks = 2;
    d.costs = {10, 30, 10, 20};  // ranges 20 and 10
    d.loads = {2, 4, 3, 3};      // 3 on average
    d.capacities = {9, 9};
    const priced_problem p{d.problem()};
    CHECK(penalty_only{.per_unit = 3.0}.prepare(p).value(10.0, 2) == 16.0);
    CHECK(penalty_only{}.prepare(p).value(10.0, 1) == 10.0 + 2.0 * 30.0 / 6.0);
    CHECK(penalty_only{}.prepare(p).value(10.0, 0) == 10.0);
}

TEST_CASE("repair by price makes random assignments of tight problems feasible or nearly") {
    for (const std::size_t gpus : {5U, 10U, 20U}) {
        const type_d d{gpus, 100, gpus};
        const priced_problem p{d.problem()};
        auto repair = price_repair{.max_steps = 2000}.prepare(p);
        xoshiro256 random{1};
        int feasible = 0;
        for (int k = 0; k < 10; ++k) {
            individual i{p};
            i.assign(random_genome(100, gpus, random));
            REQUIRE(i.excess() > 0);
            CHECK(repair(i, random) > 0);
            check_individual(d, i);
            feasible += i.excess() == 0 ? 1 : 0;
        }
        CAPTURE(gpus);
        CHECK(feasible >= 8);
    }
}

TEST_CASE("repair changes no feasible individual and ends if nothing can be repaired") {
    const type_d d{5, 20, 1, 300};
    const priced_problem p{d.problem()};
    individual i{p};
    xoshiro256 random{1};
    const genome genes = random_genome(20, 5, random);
    i.assign(genes);
    auto repair = price_repair{}.prepare(p);
    if (i.excess() == 0) CHECK(repair(i, random) == 0);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const gap_instance odd = odd_instance(4, 12, seed);
        if (odd.tasks == 0) continue;
        const priced_problem q{odd.problem()};
        individual j{q};
        j.assign(random_genome(odd.tasks, odd.gpus(), random));
        auto mend = price_repair{.max_steps = 50}.prepare(q);
        (void)mend(j, random);
        check_individual(odd, j);
    }
}
