// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/fleet_observation.hpp"

#include "berth/balance/projected_state.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("fleet_observation: wrong sizes, unknown nodes and GPUs are refused") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(1));
    const berth::problem p{all.machines, all.tasks};
    berth::projected_state now{p};
    CHECK_FALSE(now.update({}));  // a placement has to be there
    const berth::assignment placement{berth_test::at(0)};
    const std::vector<double> three(3, 1.0);
    CHECK(now.update({.placement = placement, .node_power = three}).error().message ==
          "observation: node_power has 3 entries, expected 2");
    CHECK(now.update({.placement = placement, .remaining = three}).error().message ==
          "observation: remaining has 3 entries, expected 1");
    const berth::assignment elsewhere{berth_test::at(7)};
    CHECK(now.update({.placement = elsewhere}).error().message == "task 0 (\"task-0\"): node is 7, the fleet has 2");
    const berth::assignment beyond{berth_test::at(0, 2)};
    CHECK(now.update({.placement = beyond}).error().code == berth::error_code::unknown_name);
    const berth::assignment none{berth_test::at(0, 0)};
    CHECK(now.update({.placement = none}).error().code == berth::error_code::inconsistent);
    const berth::assignment no_node{{berth::node_index{}, 1}};
    CHECK(now.update({.placement = no_node}).error().code == berth::error_code::inconsistent);
    const std::vector<berth::gpu_mask> masks{~berth::gpu_mask{0}, ~berth::gpu_mask{0}};
    CHECK(now.update({.placement = placement, .healthy = masks}));
    CHECK(now.healthy(berth::node_index{0}) == 1);  // bits beyond the node's GPUs are ignored
    const berth::task_move twice[] = {{berth::task_index{0}, berth_test::at(0), berth_test::at(1)},
                                      {berth::task_index{0}, berth_test::at(0), berth_test::at(1)}};
    CHECK(now.update({.placement = placement, .in_flight = twice}).error().code == berth::error_code::duplicate);
    CHECK(now.update({.placement = placement}));
}
