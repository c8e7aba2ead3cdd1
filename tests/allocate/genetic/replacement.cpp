// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/replacement.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace berth;
using namespace berth_test;

namespace {

/// Members of value 10, 20, 30, ... with genes all 1, all 2, ...
population ladder(std::size_t size, std::size_t children) {
    population members{8, size, children};
    for (std::size_t i = 0; i < size; ++i) {
        std::ranges::fill(members.mutable_genes(i), static_cast<gpu_gene>(i + 1));
        members.set(i, 10.0 * static_cast<double>(i + 1), 0.0, 0);
    }
    return members;
}

}  // namespace

TEST_CASE("a generation replaces all but the elite") {
    const generational policy{.elite = 2};
    CHECK(policy.children(6) == 4);
    CHECK(policy.children(2) == 1);
    population members = ladder(6, 4);
    for (std::size_t j = 0; j < 4; ++j) members.set_child(j, 100.0 + static_cast<double>(j), 0.0, 0);
    policy(members);
    members.rank();
    CHECK(members.value(0) == 10.0);
    CHECK(members.value(1) == 20.0);
    CHECK(members.value(2) == 100.0);
    CHECK(members.value(5) == 103.0);
}

TEST_CASE("in a steady state a child replaces the worst member or the one that it resembles") {
    const steady_state policy{.offspring = 1, .least_distance = 3};
    CHECK(policy.children(10) == 1);

    population members = ladder(4, 1);
    std::ranges::fill(members.mutable_child_genes(0), gpu_gene{9});
    members.set_child(0, 25.0, 0.0, 0);
    policy(members);
    members.rank();
    CHECK(members.value(2) == 25.0);
    CHECK(members.value(3) == 30.0);  // 40 is gone

    std::ranges::fill(members.mutable_child_genes(0), gpu_gene{7});
    members.set_child(0, 99.0, 0.0, 0);
    policy(members);
    CHECK(members.child_value(0) == 99.0);  // no better than the worst

    // Two genes from member 0, and worse than that: not wanted, though better than the others.
    std::ranges::fill(members.mutable_child_genes(0), gpu_gene{1});
    members.mutable_child_genes(0)[0] = 5;
    members.mutable_child_genes(0)[1] = 5;
    members.set_child(0, 11.0, 0.0, 0);
    policy(members);
    CHECK(members.child_value(0) == 11.0);
    members.set_child(0, 9.0, 0.0, 0);
    policy(members);
    members.rank();
    CHECK(members.value(0) == 9.0);
    CHECK(members.value(1) == 20.0);  // 10 gave way, 30 did not
    CHECK(members.value(3) == 30.0);
}

TEST_CASE("several children of a steady state see each other") {
    const steady_state policy{.offspring = 2, .least_distance = 1};
    population members = ladder(3, 2);
    for (std::size_t j = 0; j < 2; ++j) {
        std::ranges::fill(members.mutable_child_genes(j), gpu_gene{8});
        members.set_child(j, 5.0, 0.0, 0);
    }
    policy(members);
    members.rank();
    CHECK(members.value(0) == 5.0);
    CHECK(members.value(1) == 10.0);  // the copy stayed out
    CHECK(steady_state{.offspring = 0}.validate().error().message == "steady_state.offspring is 0, expected 1 or more");
}
