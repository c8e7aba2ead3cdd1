// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/population.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace berth;
using namespace berth_test;

TEST_CASE("the distance of two assignments equals counting for every length") {
    xoshiro256 random{3};
    for (std::size_t tasks = 0; tasks < 70; ++tasks) {
        const genome a = random_genome(tasks, 3, random);
        genome b = random_genome(tasks, 3, random);
        CHECK(hamming_distance(a, b) == differing(a, b));
        CHECK(hamming_distance(a, a) == 0);
    }
    const genome low(200'001, 0);
    const genome high(200'001, 0x8000);
    CHECK(hamming_distance(low, high) == 200'001);
    CHECK(hamming_distance(genome(9, 65'534), genome(9, 32'766)) == 9);
}

TEST_CASE("members and children are exchanged without copying genes") {
    population members{5, 3, 2};
    CHECK(members.size() == 3);
    CHECK(members.children() == 2);
    CHECK(members.tasks() == 5);
    CHECK(members.adjacent_children(0) == 2);
    for (std::size_t i = 0; i < 3; ++i) {
        std::ranges::fill(members.mutable_genes(i), static_cast<gpu_gene>(i));
        members.set(i, 10.0 - static_cast<double>(i), 1.0, static_cast<amount>(i));
    }
    std::ranges::fill(members.mutable_child_genes(1), gpu_gene{7});
    members.set_child(1, 0.5, 0.25, 4);
    members.rank();
    CHECK(members.value(0) == 8.0);
    CHECK(members.genes(0)[0] == 2);
    members.exchange(1, 1);
    CHECK(members.exchanges() == 1);
    CHECK(members.child_genes(1)[4] == 1);
    CHECK(members.child_value(1) == 9.0);
    members.rank();
    CHECK(members.value(0) == 0.5);
    CHECK(members.cost(0) == 0.25);
    CHECK(members.excess(0) == 4);
    CHECK(members.genes(0)[2] == 7);
    CHECK(members.value(2) == 10.0);
    // Children are in the order of memory: what was member 1 lies before the first child, with a gap.
    CHECK(members.child_value(0) == 9.0);
    CHECK(members.adjacent_children(0) == 1);
    CHECK(members.child_cost(0) == 1.0);
    CHECK(members.child_excess(0) == 1);
}
