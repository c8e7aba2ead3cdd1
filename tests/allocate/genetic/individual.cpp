// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/individual.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("an individual keeps cost and room and tasks up to date over random moves and swaps") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const gap_instance d = odd_instance(6, 20, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        individual i{p};
        check_individual(d, i);
        xoshiro256 random{seed};
        i.assign(random_genome(d.tasks, d.gpus(), random));
        check_individual(d, i);
        for (int k = 0; k < 100; ++k) {
            const std::size_t t = below(random, d.tasks);
            if (chance(random, 50)) {
                i.move_task(t, below(random, d.gpus()));
            } else {
                i.swap(t, below(random, d.tasks));
            }
        }
        check_individual(d, i);
        const individual copy = i;
        i.move_task(0, (i.gpu_of(0) + 1) % d.gpus());
        check_individual(d, copy);
        i.assign(copy);
        check_individual(d, i);
    }
}

TEST_CASE("an individual by hand") {
    gap_instance d;
    d.tasks = 3;
    d.costs = {1, 2, 3, 4, 5, 6};
    d.loads = {2, 2, 3, 1, 4, 5};
    d.capacities = {5, 4};
    const priced_problem p{d.problem()};
    individual i{p};
    i.assign(genome{0, 0, 1});
    CHECK(i.cost() == 10.0);
    CHECK(i.room(0) == 0);
    CHECK(i.room(1) == -1);
    CHECK(i.excess() == 1);
    i.move_task(2, 0);
    CHECK(i.cost() == 9.0);
    CHECK(i.excess() == 4);
    CHECK(i.first_on(1) >= i.tasks());
    i.swap(0, 1);  // on the same GPU: nothing happens
    CHECK(i.cost() == 9.0);
}
