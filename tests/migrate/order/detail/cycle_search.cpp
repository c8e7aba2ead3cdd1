// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/cycle_search.hpp"

#include "migrate/order/detail/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::cycle_search;
using berth::detail::move_order;
using berth::detail::order_control;
using berth::detail::order_run;
using berth_test::random_moves;

namespace {

move_order found(const random_moves& in, std::size_t max_evaluations) {
    order_control control;
    return cycle_search{in.moves, in.free, in.weight, 1, control}.find(max_evaluations);
}

}  // namespace

TEST_CASE("cycle search: up to 16 moves, as light as the lightest of all reachable states") {
    std::size_t jams = 0;
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        CAPTURE(seed);
        const random_moves in = seed % 2 == 0 ? random_moves{seed, 1 + seed % 6, 2 + seed % 4}
                                              : random_moves::tight(seed, 2 + seed % 5, 2 + seed % 4);
        const move_order order = found(in, 0);
        REQUIRE(order.found);
        REQUIRE(order.proven);
        REQUIRE(in.works(order.order.view(), order.broken.view()));
        double sum = 0.0;
        for (const auto m : order.broken) sum += in.weight[m];
        CHECK(order.cost == doctest::Approx(sum));
        CHECK(order.cost == doctest::Approx(in.least_weight()));
        jams += order.broken.empty() ? 0 : 1;
    }
    CHECK(jams > 80);
}

TEST_CASE("cycle search: large groups are ordered, and a budget does not make them heavier") {
    double greedy = 0.0;
    double searched = 0.0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        CAPTURE(seed);
        const random_moves in = random_moves::tight(seed, 60, 20);
        const move_order quick = found(in, 0);
        const move_order slow = found(in, 20'000);
        REQUIRE(in.works(quick.order.view(), quick.broken.view()));
        REQUIRE(in.works(slow.order.view(), slow.broken.view()));
        CHECK(slow.cost <= quick.cost);
        greedy += quick.cost;
        searched += slow.cost;
    }
    CHECK(searched < greedy);
}

TEST_CASE("cycle search: moves of infinite weight are not broken") {
    std::size_t impossible = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        random_moves in = random_moves::tight(seed, 6, 3);
        for (std::size_t m = 0; m < 6; m += 2) in.weight[m] = order_run::no_limit;
        const move_order order = found(in, 0);
        const double least = in.least_weight();
        CHECK(order.found == (least < order_run::no_limit));
        impossible += order.found ? 0 : 1;
        if (!order.found) continue;
        CHECK(order.cost == doctest::Approx(least));
        for (const auto m : order.broken) CHECK(m % 2 == 1);
    }
    CHECK(impossible > 5);
}
