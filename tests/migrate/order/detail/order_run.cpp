// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/order_run.hpp"

#include "migrate/order/detail/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::order_control;
using berth::detail::order_run;
using berth_test::random_moves;

namespace {

std::vector<std::uint32_t> whole_order(const order_run& run) {
    std::vector<std::uint32_t> order{run.first().begin(), run.first().end()};
    order.insert(order.end(), run.last().rbegin(), run.last().rend());
    return order;
}

}  // namespace

TEST_CASE("order run: every run is an order that works, however its choices are shaken") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const random_moves in{seed, 1 + seed % 30, 2 + seed % 7};
        std::vector<std::uint32_t> dice(in.moves.size());
        berth::xoshiro256 g{seed};
        order_control control;
        order_run run{in.moves, in.free, control};
        for (const double noise : {0.0, 0.05, 0.0}) {
            for (auto& die : dice) die = berth::bounded(g, 1024);
            run.restart();
            REQUIRE(run.finish_all(in.weight, order_run::no_limit, noise, dice));
            const std::vector<std::uint32_t> broken{run.broken().begin(), run.broken().end()};
            REQUIRE(in.works(whole_order(run), broken));
        }
    }
}

TEST_CASE("order run: the rules cost nothing") {
    // What the rules leave pending can be ordered at the weight of the whole.
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        CAPTURE(seed);
        const random_moves in{seed, 6, 4};
        order_control control;
        order_run run{in.moves, in.free, control};
        run.settle();
        const double least = in.least_weight();
        if (run.left() == 0) CHECK(least == 0.0);
        if (least > 0.0) CHECK(run.left() > 0);
    }
}

TEST_CASE("order run: a limit on the cost ends it") {
    std::size_t ended = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const random_moves in = random_moves::tight(seed, 20, 6);
        const std::vector<std::uint32_t> dice(20, 0);
        order_control control;
        order_run run{in.moves, in.free, control};
        const bool whole = run.finish_all(in.weight, order_run::no_limit, 0.0, dice);
        REQUIRE(whole);
        const double cost = run.cost();
        run.restart();
        CHECK(run.finish_all(in.weight, cost, 0.0, dice));
        if (cost == 0.0) continue;
        run.restart();
        CHECK_FALSE(run.finish_all(in.weight, cost / 2.0, 0.0, dice));
        ++ended;
    }
    CHECK(ended > 10);
}
