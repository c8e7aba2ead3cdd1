// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/detail/island.hpp"

#include "berth/allocate/genetic/genetic.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("an island keeps its best and takes copies only of members that it lacks") {
    const type_d d{5, 40, 2};
    const priced_problem p{d.problem()};
    const genetic<> description{.seed = 3, .population = 6};
    detail::island<genetic<>> first{description, p, {}, nullptr, 0};
    detail::island<genetic<>> second{description, p, {}, nullptr, 1};
    for (std::size_t k = 0; k < 6; ++k) {
        first.introduce(k, {}, 100'000);
        second.introduce(k, {}, 100'000);
    }
    double best = first.best_cost();
    for (std::uint64_t which = 0; which < 50; ++which) {
        first.generation(which, 100'000);
        CHECK(first.best_excess() == 0);
        CHECK(first.best_cost() <= best + 1e-9);
        best = first.best_cost();
        CHECK(first.members().value(0) == doctest::Approx(best));
    }
    byte_box copies_of_first;
    first.send(1, byte_writer{copies_of_first});
    second.receive(1, byte_reader{copies_of_first});
    second.receive(1, byte_reader{copies_of_first});  // known by now
    second.rank();
    std::size_t copies = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        copies += hamming_distance(second.members().genes(i), first.members().genes(0)) == 0 ? 1 : 0;
    }
    CHECK(copies == 1);
}

TEST_CASE("a warm start counts as an answer before it is improved") {
    const type_d d{5, 40, 2};
    const priced_problem p{d.problem()};
    detail::island<genetic<>> island{genetic<>{}, p, {}, nullptr, 0};
    const gpu_assignment given(40, gpu_index{2});
    island.introduce(0, given, 0);
    const assignment_plan as_it_was = p.plan_of(given);
    CHECK(island.best_excess() <= as_it_was.excess);
    CHECK(island.evaluations() >= 1);
}
