// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/order_oracle.hpp"

#include "migrate/order/detail/random_moves.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using berth::detail::order_control;
using berth::detail::order_oracle;
using berth_test::random_moves;

TEST_CASE("order oracle: a spent budget is visible") {
    const random_moves in{3, 6, 3};
    order_control control;
    order_oracle oracle{in.moves, in.free, control};
    berth::detail::flat<std::uint32_t> order;
    oracle.set_budget(0);
    CHECK_FALSE(oracle.orders(0, order));
    CHECK(oracle.budget() == 0);
    oracle.set_budget(1000);
    CHECK(oracle.orders(0b111111, order));
    CHECK(order.empty());
}

TEST_CASE("order oracle: agrees with all states of up to 6 moves about whether any has to be broken") {
    std::size_t stuck = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        CAPTURE(seed);
        const random_moves in = random_moves::tight(seed, 1 + seed % 6, 2 + seed % 4);
        order_control control;
        order_oracle oracle{in.moves, in.free, control};
        oracle.set_budget(100'000);
        berth::detail::flat<std::uint32_t> order;
        const bool possible = oracle.orders(0, order);
        REQUIRE(oracle.budget() > 0);
        CHECK(possible == (in.least_weight() == 0.0));
        if (possible) CHECK(in.works(order.view(), {}));
        stuck += possible ? 0 : 1;
    }
    CHECK(stuck > 50);
    CHECK(stuck < 300);
}

namespace {
struct always {
    [[nodiscard]] bool stop_requested() const { return true; }
};
}  // namespace

TEST_CASE("order oracle: a stop spends the budget") {
    berth::run_control<always> stop;
    order_control control{stop};
    const random_moves in = random_moves::tight(1, 14, 4);
    order_oracle oracle{in.moves, in.free, control};
    oracle.set_budget(1'000'000);
    (void)control.poll();
    berth::detail::flat<std::uint32_t> order;
    (void)oracle.orders(0, order);
    CHECK(oracle.budget() == 0);
}
