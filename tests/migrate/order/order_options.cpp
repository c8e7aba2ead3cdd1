// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/order_options.hpp"

#include <doctest/doctest.h>

using berth::order_options;

TEST_CASE("order options: by default nothing is limited, nothing is dropped, and the search has a budget") {
    const order_options options;
    CHECK(options.per_node == order_options::unlimited);
    CHECK(options.per_link == order_options::unlimited);
    CHECK(options.per_wave == order_options::unlimited);
    CHECK(options.staging);
    CHECK(options.parking);
    CHECK(options.host_memory.empty());
    CHECK(options.drop_cost == order_options::never);
    CHECK(options.max_evaluations == 400'000);
    const order_options some{.per_node = 2, .parking = false, .step_cost = 1.0, .max_evaluations = 0, .seed = 7};
    CHECK(some.per_node == 2);
    CHECK_FALSE(some.parking);
    CHECK(some.seed == 7);
}
