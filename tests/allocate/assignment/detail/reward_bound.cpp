// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/reward_bound.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("a domain undoes its decisions") {
    const type_d d{3, 6, 2, 900};
    const priced_problem p{d.problem()};
    detail::assignment_domain domain{p};
    const std::size_t start = domain.mark();
    domain.forbid(0, 1);
    domain.forbid(0, 1);
    CHECK(domain.choices(0) == 2);
    domain.place(1, 2);
    CHECK(domain.room(2) == d.capacities[2] - d.loads[1 * 3 + 2]);
    const std::size_t middle = domain.mark();
    domain.forbid(0, 0);
    CHECK(domain.settle());
    CHECK(domain.gpu_of(0) == 2);
    domain.undo(middle);
    CHECK(domain.gpu_of(0) == detail::assignment_domain::none);
    CHECK(domain.choices(0) == 2);
    domain.undo(start);
    CHECK(domain.choices(0) == 3);
    CHECK(domain.room(2) == d.capacities[2]);
    CHECK_FALSE(domain.complete());
    for (std::size_t g = 0; g < 3; ++g) domain.forbid(4, g);
    CHECK_FALSE(domain.settle());
}

TEST_CASE("rewards bound the optimum and every pair of it") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(4, 7, seed) : type_d{3, 6, seed, 100};
        const double optimum = cheapest(d);
        if (d.tasks == 0 || optimum > 1e9) continue;
        const priced_problem p{d.problem()};
        xoshiro256 random{seed};
        std::vector<double> rewards;
        for (std::size_t t = 0; t < d.tasks; ++t) rewards.push_back(p.cost(t, 0) + 40.0 * (uniform01(random) - 0.3));
        detail::assignment_domain domain{p};
        if (!domain.settle()) continue;
        for (const std::size_t width : {1000U, 7U}) {
            detail::reward_bound bound{p, width, p.costs().data()};
            bound.read(domain);
            CAPTURE(seed);
            CHECK(bound.evaluate(domain, rewards.data()) <= optimum + 1e-9);
            bound.look_through(domain, rewards.data());
            for (std::size_t t = 0; t < d.tasks; ++t) {
                if (domain.gpu_of(t) != detail::assignment_domain::none) continue;
                for (std::size_t g = 0; g < d.gpus(); ++g) {
                    if (!domain.allowed(t, g)) continue;
                    gap_instance forced = d;
                    for (std::size_t other = 0; other < d.gpus(); ++other) {
                        if (other != g) forced.loads[t * d.gpus() + other] = 1'000'000;
                    }
                    CHECK(bound.through(t, g) <= cheapest(forced) + 1e-9);
                }
            }
        }
    }
}
