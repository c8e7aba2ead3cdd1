// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/crossover/gene_mixing.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

/// Parents that differ everywhere, with all bits of a gene in use.
genome first_parent(std::size_t tasks) {
    genome genes(tasks);
    for (std::size_t t = 0; t < tasks; ++t) genes[t] = static_cast<gpu_gene>(t * 7919);
    return genes;
}
genome second_parent(std::size_t tasks) {
    genome genes(tasks);
    for (std::size_t t = 0; t < tasks; ++t) genes[t] = static_cast<gpu_gene>(~(t * 7919));
    return genes;
}
/// How often the gene changes from one parent to the other along the child.
std::size_t cuts(const genome& child, const genome& a) {
    std::size_t count = 0;
    for (std::size_t t = 1; t < child.size(); ++t) count += (child[t] == a[t]) != (child[t - 1] == a[t - 1]) ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE("crossovers that look at genes only take every gene from a parent for every number of tasks") {
    xoshiro256 random{1};
    for (std::size_t tasks = 0; tasks <= 200; ++tasks) {
        CAPTURE(tasks);
        const genome a = first_parent(tasks);
        const genome b = second_parent(tasks);
        genome child(tasks);
        uniform_crossover{}({a, b}, child, random);
        CHECK(from_parents(child, a, b));
        one_point{}({a, b}, child, random);
        CHECK(from_parents(child, a, b));
        CHECK(cuts(child, a) <= 1);
        two_point{}({a, b}, child, random);
        CHECK(from_parents(child, a, b));
        CHECK(cuts(child, a) <= 2);
    }
}

TEST_CASE("uniform crossover takes each gene from either parent half of the time") {
    const genome a(131, 1);
    const genome b(131, 2);
    std::vector<int> from_b(131, 0);
    xoshiro256 random{9};
    genome child(131);
    for (int i = 0; i < 4000; ++i) {
        uniform_crossover{}({a, b}, child, random);
        for (std::size_t t = 0; t < 131; ++t) from_b[t] += child[t] == 2 ? 1 : 0;
    }
    for (const int count : from_b) CHECK(std::abs(count - 2000) < 200);
}

TEST_CASE("the cuts of one_point and two_point are anywhere") {
    const genome a(10, 1);
    const genome b(10, 2);
    std::vector<int> seen(11, 0);
    xoshiro256 random{9};
    genome child(10);
    for (int i = 0; i < 1000; ++i) {
        one_point{}({a, b}, child, random);
        ++seen[static_cast<std::size_t>(std::count(child.begin(), child.end(), gpu_gene{1}))];
    }
    for (const int count : seen) CHECK(count > 50);
}
