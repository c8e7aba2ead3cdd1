// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/reassignment_annealer.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::reassignment_cooling;
using berth::detail::reassignment_reach;
using berth::detail::reassignment_annealer;

namespace {

std::vector<node_index> best_of(const reassignment_annealer<2>& walk) { return {walk.best().begin(), walk.best().end()}; }

/// What a walk says of its best is so.
void check_best(const reassignment_problem& p, const reassignment_annealer<2>& walk) {
    const auto verdict = evaluate(p, walk.best());
    REQUIRE(walk.best_value() == static_cast<double>(verdict.cost.total()));
    REQUIRE(walk.best_is_feasible() == verdict.feasible());
}

/// Only steps of one kind, the first or the ninth.
reassignment_mix only(std::size_t kind) {
    return {.shift = kind == 0 ? 1.0 : 0.0,
            .go_home = kind == 1 ? 1.0 : 0.0,
            .swap = kind == 2 ? 1.0 : 0.0,
            .swap_at_home = kind == 3 ? 1.0 : 0.0,
            .swap_alike = kind == 4 ? 1.0 : 0.0,
            .chain = kind == 5 ? 1.0 : 0.0,
            .make_room = kind == 6 ? 1.0 : 0.0,
            .whole_group = kind == 7 ? 1.0 : 0.0,
            .node_pair = kind == 8 ? 1.0 : 0.0};
}

}  // namespace

TEST_CASE("reassignment walk: steps of each kind alone keep the ledger and never lose the best") {
    for (std::size_t kind = 0; kind < 9; ++kind) {
        CAPTURE(kind);
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            CAPTURE(seed);
            const auto p = need(make_reassignment_problem(
                random_reassignment({.tasks = 20, .groups = 12, .resources = 4, .room = 1.3}, seed)));
            xoshiro256 random{seed};
            const auto start = random_assignment(p, random);
            const reassignment_reach<2> reach{p};
            reassignment_annealer<2> walk{p, reach, start, only(kind), seed};
            const reassignment_annealer<2> first = walk;
            CHECK(best_of(walk) == start);
            check_best(p, walk);
            for (const double temperature : {500.0, 20.0, 0.0}) {
                walk.run({temperature, 40}, 400);
                check_best(p, walk);
                CHECK_FALSE(first.better_than(walk));
            }
            CHECK(walk.accepted() <= walk.evaluations());
        }
    }
}

TEST_CASE("reassignment walk: a feasible start stays within spread and dependencies and conflicts") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        auto in = random_reassignment({.tasks = 12, .groups = 8, .resources = 3, .room = 2.0}, seed);
        if (!observe_feasibly(in, seed)) continue;
        const auto p = need(make_reassignment_problem(in));
        const reassignment_reach<2> reach{p};
        reassignment_annealer<2> walk{p, reach, initial_assignment(p), {}, seed};
        const double before = walk.best_value();
        walk.run({100.0, 1}, 5000);
        check_best(p, walk);
        CHECK(walk.best_is_feasible());
        CHECK(walk.best_value() <= before);
    }
}

TEST_CASE("reassignment walk: same seed - same walk") {
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

TEST_CASE("reassignment walk: steps that come to nothing end a run") {
    auto in = random_reassignment({.nodes = 1, .tasks = 3, .groups = 3, .resources = 3}, 2);
    const auto p = need(make_reassignment_problem(in));
    const reassignment_reach<2> reach{p};
    reassignment_annealer<2> walk{p, reach, initial_assignment(p), {}, 1};
    walk.run({1.0, 1}, 1000);
    CHECK(walk.evaluations() == 0);
}
