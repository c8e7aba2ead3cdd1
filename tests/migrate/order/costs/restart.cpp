// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/costs/restart.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

using berth::node_index;
using berth::restart;
using berth::task_index;

TEST_CASE("restart: half the interval is lost, and loading takes its time") {
    const berth_test::bare_gpus in{2, 80, {40}};
    const berth::slot first{node_index{0}, 1};
    const berth::slot second{node_index{1}, 1};
    const auto cost = restart<>{}(in.problem(), {task_index{0}, first, second});
    CHECK(cost.duration == doctest::Approx(25.0 + 8.0));
    CHECK(cost.downtime == doctest::Approx(300.0 + 25.0 + 8.0));
    CHECK(cost.bytes == 40'000'000'000);
    const restart<> mine{
        .checkpoint_interval = 100.0, .setup = 10.0, .storage = {.between_nodes = 1e9, .within_node = 1e9}};
    CHECK(mine(in.problem(), {task_index{0}, first, second}).downtime == doctest::Approx(50.0 + 10.0 + 40.0));
    // Parking ends the application; fetching starts it.
    CHECK(mine(in.problem(), {task_index{0}, first, berth::unplaced}).downtime == 50.0);
    CHECK(mine(in.problem(), {task_index{0}, first, berth::unplaced}).duration == 0.0);
    CHECK(mine(in.problem(), {task_index{0}, berth::unplaced, second}).downtime == 50.0);
}
