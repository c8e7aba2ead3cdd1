// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/crossover/path_relinking.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("a child of path relinking lies between its parents and far enough from both") {
    const type_d d{10, 80, 5};
    const priced_problem p{d.problem()};
    xoshiro256 random{6};
    for (const double least : {0.0, 0.2, 0.5}) {
        auto relink = path_relinking{.least_distance = least}.prepare(p);
        for (int i = 0; i < 30; ++i) {
            const genome a = random_genome(80, 10, random);
            const genome b = random_genome(80, 10, random);
            genome child(80);
            const std::uint64_t evaluations = relink({a, b}, child, random);
            const std::size_t distance = differing(a, b);
            CHECK(from_parents(child, a, b));
            CHECK(differing(child, a) + differing(child, b) == distance);
            const auto wanted = static_cast<std::size_t>(least * static_cast<double>(distance));
            CHECK(differing(child, a) >= std::max<std::size_t>(wanted, 1));
            CHECK(differing(child, b) >= std::max<std::size_t>(wanted, 1));
            CHECK(evaluations > 0);
            CHECK(evaluations <= 16 * distance);
        }
    }
}

TEST_CASE("path relinking between alike parents") {
    const type_d d{4, 12, 5};
    const priced_problem p{d.problem()};
    xoshiro256 random{6};
    auto relink = path_relinking{}.prepare(p);
    const genome a = random_genome(12, 4, random);
    genome child(12);
    CHECK(relink({a, a}, child, random) == 0);
    CHECK(child == a);
    for (std::size_t changed = 1; changed <= 3; ++changed) {
        genome b = a;
        for (std::size_t t = 0; t < changed; ++t) b[t] = static_cast<gpu_gene>((b[t] + 1) % 4);
        relink({a, b}, child, random);
        CHECK(from_parents(child, a, b));
        if (changed > 1) CHECK((child != a && child != b));
    }
}

TEST_CASE("path relinking finds the best assignment on the way by hand") {
    // Two tasks differ. Taking the first from b costs 1 less, the second 5 more: the best in between takes the first.
    gap_instance d;
    d.tasks = 3;
    d.costs = {3, 2, 1, 6, 4, 4};
    d.loads = {1, 1, 1, 1, 1, 1};
    d.capacities = {3, 3};
    const priced_problem p{d.problem()};
    auto relink = path_relinking{}.prepare(p);
    const genome a{0, 0, 0};
    const genome b{1, 1, 0};
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        xoshiro256 random{seed};
        genome child(3);
        relink({a, b}, child, random);
        CHECK(child == genome{1, 0, 0});
    }
}

TEST_CASE("path relinking names the option that is out of range") {
    CHECK(path_relinking{}.validate());
    CHECK(path_relinking{.sample = 0}.validate().error().message == "path_relinking.sample is 0, expected 1 or more");
    CHECK(path_relinking{.least_distance = 0.6}.validate().error().message ==
          "path_relinking.least_distance is not within 0..0.5");
}
