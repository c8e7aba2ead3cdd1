// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/detail/overload_penalty.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("the penalty of overload changes by the delta of a move") {
    const type_d d{5, 30, 2};
    const priced_problem p{d.problem()};
    const detail::overload_penalty price{p, 2.0};
    xoshiro256 random{1};
    individual i{p};
    i.assign(random_genome(30, 5, random));
    for (int k = 0; k < 200; ++k) {
        const std::size_t t = below(random, 30);
        const std::size_t g = below(random, 5);
        if (g == i.gpu_of(t)) continue;
        const double before = price.of(i);
        const double change = price.change(i, t, i.gpu_of(t), g);
        i.move_task(t, g);
        CHECK(price.of(i) - before == doctest::Approx(change));
    }
}

TEST_CASE("the penalty of overload rises where it is raised and is above 0 everywhere") {
    const type_d d{4, 10, 2, 400};  // capacity is worth nothing
    const priced_problem p{d.problem()};
    detail::overload_penalty price{p};
    CHECK(price.of(0, 0) == 0.0);
    CHECK(price.of(0, 5) == 0.0);
    CHECK(price.of(0, -1) > 0.0);
    const double once = price.of(1, -3);
    price.raise(1, 2.0);
    CHECK(price.of(1, -3) == 2.0 * once);
    price.reset();
    CHECK(price.of(1, -3) == once);
}
