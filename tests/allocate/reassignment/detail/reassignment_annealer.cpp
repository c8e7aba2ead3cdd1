// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/reassignment_annealer.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::reassignment_annealer;
using berth::detail::reassignment_reach;

namespace {

std::vector<node_index> best_of(const reassignment_annealer<2>& annealer) {
    return {annealer.best().begin(), annealer.best().end()};
}

/// The best value and its feasibility agree with an evaluation from scratch.
void check_best(const reassignment_problem& p, const reassignment_annealer<2>& annealer) {
    const auto evaluation = evaluate(p, annealer.best());
    REQUIRE(annealer.best_value() == static_cast<double>(evaluation.cost.total()));
    REQUIRE(annealer.best_is_feasible() == evaluation.feasible());
}

/// Only steps of one kind, 0 to 8.
reassignment_mix only(std::size_t kind) {
    return {.shift = kind == 0 ? 1.0 : 0.0,
            .shift_back = kind == 1 ? 1.0 : 0.0,
            .swap = kind == 2 ? 1.0 : 0.0,
            .swap_back = kind == 3 ? 1.0 : 0.0,
            .swap_alike = kind == 4 ? 1.0 : 0.0,
            .chain = kind == 5 ? 1.0 : 0.0,
            .make_room = kind == 6 ? 1.0 : 0.0,
            .whole_group = kind == 7 ? 1.0 : 0.0,
            .node_pair = kind == 8 ? 1.0 : 0.0};
}

}  // namespace

TEST_CASE("reassignment annealer: steps of each kind alone keep value and feasibility right and never lose the best") {
    for (std::size_t kind = 0; kind < 9; ++kind) {
        CAPTURE(kind);
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            CAPTURE(seed);
            const auto p = need(make_reassignment_problem(
                random_reassignment({.tasks = 20, .groups = 12, .resources = 4, .room = 1.3}, seed)));
            xoshiro256 random{seed};
            const auto start = random_assignment(p, random);
            const reassignment_reach<2> reach{p};
            reassignment_annealer<2> annealer{p, reach, start, only(kind), seed};
            const reassignment_annealer<2> first = annealer;
            CHECK(best_of(annealer) == start);
            check_best(p, annealer);
            for (const double temperature : {500.0, 20.0, 0.0}) {
                annealer.run({temperature, 40}, 400);
                check_best(p, annealer);
                CHECK_FALSE(first.better_than(annealer));
            }
            CHECK(annealer.accepted() <= annealer.evaluations());
        }
    }
}

TEST_CASE("reassignment annealer: a feasible start stays within spread and dependencies and conflicts") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        const auto in = bench::generate_mrp_instance(
                            {.machines = 12, .processes = 100, .resources = 3 + seed % 2, .fill = 0.9}, seed)
                            .input;
        const auto p = need(make_reassignment_problem(in));
        REQUIRE(evaluate(p, initial_assignment(p)).feasible());
        const reassignment_reach<2> reach{p};
        reassignment_annealer<2> annealer{p, reach, initial_assignment(p), {}, seed};
        const double before = annealer.best_value();
        annealer.run({100.0, 1}, 5000);
        check_best(p, annealer);
        CHECK(annealer.best_is_feasible());
        CHECK(annealer.best_value() < before);
    }
}

TEST_CASE("reassignment annealer: how a round is divided changes nothing") {
    std::size_t slices = 0;
    for (const std::size_t kind : {std::size_t{4}, std::size_t{8}}) {
        CAPTURE(kind);
        const auto p = need(make_reassignment_problem(
            random_reassignment({.nodes = 3, .tasks = 90, .groups = 90, .resources = 4, .room = 1.3}, 3)));
        const reassignment_reach<2> reach{p};
        reassignment_annealer<2> whole{p, reach, initial_assignment(p), only(kind), 5};
        reassignment_annealer<2> divided = whole;
        for (int round = 0; round < 3; ++round) {
            whole.run({50.0, 10}, 3000);
            divided.begin_round({50.0, 10}, 3000);
            std::uint64_t before = divided.evaluations();
            while (divided.advance()) {
                ++slices;
                CHECK(divided.evaluations() <= before + 600);  // a node pair, which may take 20,000, is divided, too
                before = divided.evaluations();
            }
            CHECK(best_of(whole) == best_of(divided));
            CHECK(whole.evaluations() == divided.evaluations());
            CHECK(whole.accepted() == divided.accepted());
        }
    }
    CHECK(slices > 20);
}

TEST_CASE("reassignment annealer: same seed - same steps") {
    const auto p = need(make_reassignment_problem(random_reassignment({.tasks = 20, .resources = 4}, 3)));
    const auto start = initial_assignment(p);
    const reassignment_reach<2> reach{p};
    reassignment_annealer<2> one{p, reach, start, {}, 5};
    reassignment_annealer<2> two{p, reach, start, {}, 5};
    reassignment_annealer<2> other{p, reach, start, {}, 6};
    for (int i = 0; i < 4; ++i) {
        one.run({50.0, 10}, 1000);
        two.run({50.0, 10}, 1000);
        other.run({50.0, 10}, 1000);
        CHECK(best_of(one) == best_of(two));
        CHECK(one.evaluations() == two.evaluations());
        CHECK(one.accepted() == two.accepted());
    }
    CHECK(one.accepted() != other.accepted());
}

TEST_CASE("reassignment annealer: a round ends though no step can be taken") {
    auto in = random_reassignment({.nodes = 1, .tasks = 3, .groups = 3, .resources = 3}, 2);
    const auto p = need(make_reassignment_problem(in));
    const reassignment_reach<2> reach{p};
    reassignment_annealer<2> annealer{p, reach, initial_assignment(p), {}, 1};
    annealer.run({1.0, 1}, 1000);
    CHECK(annealer.evaluations() == 0);
}
