// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/reassignment_annealer.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

using namespace berth;
using namespace berth_test;
using berth::detail::reassignment_reach;

namespace {

/// A temperature and a penalty, held for rounds.
struct fixed {
    double temperature;
    amount overload_penalty;
    [[nodiscard]] double at(double) const noexcept { return temperature; }
};
using island = berth::detail::reassignment_island<2>;
using steps = berth::detail::reassignment_steps<2>;
using test_annealer = annealer<island, steps, fixed>;

test_annealer make(const reassignment_problem& p, const reassignment_reach<2>& reach, std::span<const node_index> start,
                   const reassignment_mix& mix, std::uint64_t seed) {
    return test_annealer{island{p, start}, steps{p, reach, mix}, fixed{0.0, 0}, berth::detail::island_options(seed)};
}
void begin(test_annealer& search, const fixed& at, std::uint64_t evaluations) {
    search.restart(at);
    search.begin_round(0.0, evaluations);
    search.state().now().set_overload_penalty(at.overload_penalty);
}
void run(test_annealer& search, const fixed& at, std::uint64_t evaluations) {
    search.restore();
    begin(search, at, evaluations);
    while (search.advance()) {}
}

std::vector<node_index> best_of(const test_annealer& search) {
    return {search.state().best().begin(), search.state().best().end()};
}

/// The best value and its feasibility agree with an evaluation from scratch.
void check_best(const reassignment_problem& p, const test_annealer& search) {
    const auto evaluation = evaluate(p, search.state().best());
    REQUIRE(search.best_value().cost == static_cast<double>(evaluation.cost.total()));
    REQUIRE(search.best_value().feasible() == evaluation.feasible());
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
            test_annealer search = make(p, reach, start, only(kind), seed);
            const test_annealer first = search;
            CHECK(best_of(search) == start);
            check_best(p, search);
            for (const double temperature : {500.0, 20.0, 0.0}) {
                run(search, {temperature, 40}, 400);
                check_best(p, search);
                CHECK_FALSE(first.best_value() < search.best_value());
            }
            CHECK(search.accepted() <= search.evaluations());
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
        test_annealer search = make(p, reach, initial_assignment(p), {}, seed);
        const double before = search.best_value().cost;
        run(search, {100.0, 1}, 5000);
        check_best(p, search);
        CHECK(search.best_value().feasible());
        CHECK(search.best_value().cost < before);
    }
}

TEST_CASE("reassignment annealer: how a round is divided changes nothing") {
    std::size_t slices = 0;
    for (const std::size_t kind : {std::size_t{4}, std::size_t{8}}) {
        CAPTURE(kind);
        const auto p = need(make_reassignment_problem(
            random_reassignment({.nodes = 3, .tasks = 90, .groups = 90, .resources = 4, .room = 1.3}, 3)));
        const reassignment_reach<2> reach{p};
        test_annealer whole = make(p, reach, initial_assignment(p), only(kind), 5);
        test_annealer divided = whole;
        for (int round = 0; round < 3; ++round) {
            run(whole, {50.0, 10}, 3000);
            divided.restore();
            begin(divided, {50.0, 10}, 3000);
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
    test_annealer one = make(p, reach, start, {}, 5);
    test_annealer two = make(p, reach, start, {}, 5);
    test_annealer other = make(p, reach, start, {}, 6);
    for (int i = 0; i < 4; ++i) {
        run(one, {50.0, 10}, 1000);
        run(two, {50.0, 10}, 1000);
        run(other, {50.0, 10}, 1000);
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
    test_annealer search = make(p, reach, initial_assignment(p), {}, 1);
    run(search, {1.0, 1}, 1000);
    CHECK(search.evaluations() == 0);
}
