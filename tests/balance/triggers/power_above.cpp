// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/power_above.hpp"

#include "berth/balance/balancer.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

using berth_test::at;

TEST_CASE("power_above: tasks leave the node, not only the GPU") {
    // 1000 W; 250 W for a GPU at full load. Cap 950, back below 850: more than 0.6 of load has to go.
    const std::vector<berth_test::small_task> tasks{{}, {}, {.gpus = 2}};
    const auto all = berth_test::make_instance({.nodes = 2, .gpus = 2}, tasks);
    const berth::assignment placement{at(0, 1), at(0, 2), at(0, 3)};
    const std::vector<double> load{0.5, 0.3, 0.1};
    const std::vector<double> power{1000.0, 300.0};
    const berth::power_above trigger{.enter = 950.0, .leave = 850.0, .rounds = 1};
    auto state = berth::balancer{berth::triggers{trigger}}.prepare({all.machines, all.tasks});
    const berth::fleet_observation seen{.placement = placement, .task_load = load, .node_power = power};
    const auto round = state.round(seen).value();
    REQUIRE(round.alarms.size() == 1);
    CHECK(round.alarms[0].gpus == 0);
    REQUIRE(round.chosen.size() == 2);
    CHECK(round.chosen[0].move == berth::task_move{berth::task_index{0}, at(0, 1), at(1, 1)});
    CHECK(round.chosen[1].move.task.value() == 1);
    CHECK(round.chosen[1].move.to.node.value() == 1);
    CHECK(round.answered == 1);
    CHECK(state.projected().load_change(berth::node_index{0}) == doctest::Approx(-0.8));

    auto direct = trigger.prepare({all.machines, all.tasks});
    direct.update(state.projected());
    const berth::task_move two_gpus{berth::task_index{2}, at(0, 3), at(1, 3)};
    // 800 W now; two GPUs of 0.1 each are 50 W.
    CHECK(direct.gain(state.projected(), round.alarms[0], two_gpus) ==
          doctest::Approx((800.0 * 800 - 750.0 * 750 + 500.0 * 500 - 550.0 * 550) / (950.0 * 950)));
    CHECK(direct.gain(state.projected(), round.alarms[0], {berth::task_index{0}, at(0, 1), at(0, 2)}) == 0.0);
}
