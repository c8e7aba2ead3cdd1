// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/temperature_above.hpp"

#include "berth/balance/balancer.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <vector>

using berth_test::at;

TEST_CASE("temperature_above: tasks leave a hot GPU until it is below the threshold, for GPUs that stay below it") {
    // 88 °C and tasks of 0.1 and 0.2; 40 degrees for a whole load: 4 and 8 degrees.
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(2));
    const berth::assignment placement{at(0), at(0)};
    const std::vector<double> load{0.1, 0.2};
    std::vector<double> temperature{88.0, 75.0, 60.0};
    auto state =
        berth::balancer{berth::triggers{berth::temperature_above{.rounds = 1}}}.prepare({all.machines, all.tasks});
    const auto seen = [&] {
        return berth::fleet_observation{.placement = placement, .task_load = load, .gpu_temperature = temperature};
    };
    auto round = state.round(seen()).value();
    REQUIRE(round.chosen.size() == 2);  // 88 - 8 = 80 is not below 78 yet
    CHECK(round.chosen[0].move == berth::task_move{berth::task_index{1}, at(0), at(2)});
    CHECK(round.chosen[1].move == berth::task_move{berth::task_index{0}, at(0), at(2)});
    CHECK(round.alarms.at(0).pressure == 88.0);
    CHECK(round.chosen[0].gain ==
          doctest::Approx(600.0 * (88.0 * 88 - 80.0 * 80 + 60.0 * 60 - 68.0 * 68) / (85.0 * 85)));

    auto fresh =
        berth::balancer{berth::triggers{berth::temperature_above{.rounds = 1}}}.prepare({all.machines, all.tasks});
    temperature = {88.0, 75.0, 71.0};
    round = fresh.round(seen()).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.task.value() == 0);  // 71 + 8 would be too hot
    CHECK(round.stays(berth::stay_reason::over_limit) == 1);
}
