// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/fleet_observation.hpp"

#include "berth/balance/projected_state.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("fleet_observation: of the wrong size or with a wrong node") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(1));
    const berth::problem p{all.machines, all.tasks};
    berth::projected_state now{p};
    CHECK_FALSE(now.see({}));  // a placement has to be there
    const berth::assignment placement{berth_test::at(0)};
    const std::vector<double> three(3, 1.0);
    CHECK(now.see({.placement = placement, .node_power = three}).error().message ==
          "observation: node_power has 3 entries, expected 2");
    CHECK(now.see({.placement = placement, .remaining = three}).error().message ==
          "observation: remaining has 3 entries, expected 1");
    const berth::assignment elsewhere{berth_test::at(7)};
    CHECK(now.see({.placement = elsewhere}).error().message == "task 0 (\"task-0\"): node is 7, the fleet has 2");
    CHECK(now.see({.placement = placement}));
}
