// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/detail/observation_check.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using berth_test::at;

TEST_CASE("observation_check: a message names the field and the fault") {
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(1)};
    constexpr double infinite = std::numeric_limits<double>::infinity();
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    berth::detail::flat<std::uint8_t> marks(2, 0);
    const auto verdict = [&](const berth::fleet_observation& seen) -> std::string {
        auto ok = berth::detail::check_status(p, seen.status(), marks);
        if (ok) ok = berth::detail::check_readings(p, seen.placement, seen.readings(), marks);
        for (const std::uint8_t mark : marks) CHECK(mark == 0);
        return ok ? "fine" : ok.error().message;
    };
    berth::fleet_observation seen{.placement = placement};
    CHECK(verdict(seen) == "fine");
    CHECK(verdict({}) == "assignment: it has 0 slots, the workload has 2 tasks");
    CHECK(verdict({.time = nan, .placement = placement}) == "observation: time is not finite");
    CHECK(verdict({.time = infinite, .placement = placement}) == "observation: time is not finite");

    const std::vector<double> short_row(2, 1.0);
    const std::vector<double> below{0.0, -0.5, 1.0};
    const std::vector<double> nans{0.0, 1.0, nan};
    const std::vector<double> infinities{infinite, 1.0, 1.0};
    CHECK(verdict({.placement = placement, .gpu_load = short_row}) ==
          "observation: gpu_load has 2 entries, expected 3");
    CHECK(verdict({.placement = placement, .gpu_load = below}) == "observation: gpu_load[1] is below 0");
    CHECK(verdict({.placement = placement,
                   .gpu_load = nans,
                   .gpu_speed = nans,
                   .gpu_temperature = nans,
                   .node_power = nans}) == "observation: gpu_speed[0] is not above 0");
    CHECK(verdict({.placement = placement, .gpu_load = nans, .gpu_temperature = nans, .node_power = nans}) == "fine");
    CHECK(verdict({.placement = placement, .gpu_load = infinities}) == "observation: gpu_load[0] is not finite");
    CHECK(verdict({.placement = placement, .gpu_speed = below}) == "observation: gpu_speed[0] is not above 0");
    CHECK(verdict({.placement = placement, .gpu_temperature = below}) == "fine");
    CHECK(verdict({.placement = placement, .node_power = infinities}) == "observation: node_power[0] is not finite");
    CHECK(verdict({.placement = placement, .gpu_age = infinities, .node_age = nans}) == "fine");
    CHECK(verdict({.placement = placement, .gpu_age = below}) == "observation: gpu_age[1] is below 0");
    CHECK(verdict({.placement = placement, .task_age = below}) == "observation: task_age has 3 entries, expected 2");
    const std::vector<std::uint8_t> nodes(2, 1);
    CHECK(verdict({.placement = placement, .node_healthy = nodes}) ==
          "observation: node_healthy has 2 entries, expected 3");
    const std::vector<double> ever{infinite, -5.0};
    const std::vector<double> unknown{nan, 1.0};
    CHECK(verdict({.placement = placement, .remaining = ever}) == "fine");
    CHECK(verdict({.placement = placement, .task_load = unknown, .remaining = unknown}) == "fine");
    const std::vector<berth::gpu_mask> masks(2, 1);
    CHECK(verdict({.placement = placement, .healthy = masks}) == "observation: healthy has 2 entries, expected 3");
    const berth::task_index none[] = {berth::task_index{}};
    CHECK(verdict({.placement = placement, .waiting = none}) ==
          "observation: waiting names an unknown task, or one that is placed");
}

TEST_CASE("observation_check: moves in flight and settled ones") {
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(1)};
    const berth::task_index first{0};
    berth::detail::flat<std::uint8_t> marks(2, 0);
    const auto verdict = [&](std::vector<berth::task_move> flights, std::vector<berth::task_move> settled) {
        auto ok = berth::detail::check_status(p, {.placement = placement, .in_flight = flights}, marks);
        if (ok) ok = berth::detail::check_readings(p, placement, {.settled = settled}, marks);
        for (const std::uint8_t mark : marks) CHECK(mark == 0);
        return ok ? std::string{"fine"} : ok.error().message;
    };
    CHECK(verdict({{first, at(0), at(2)}}, {{berth::task_index{1}, at(2), at(1)}}) == "fine");
    CHECK(verdict({{first, at(0), berth::unplaced}}, {{first, berth::unplaced, at(0)}}) == "fine");
    CHECK(verdict({{first, at(1), at(2)}}, {}) ==
          "observation: a move in flight is not of a task that is placed at its source");
    CHECK(verdict({{berth::task_index{9}, at(1), at(2)}}, {}) ==
          "observation: a move in flight is not of a task that is placed at its source");
    CHECK(verdict({}, {{first, at(0), at(2)}}) ==
          "observation: a move settled is not of a task that is placed at its target");
    CHECK(verdict({{first, at(0), at(9)}}, {}) == "task 0 (\"task-0\"): is in flight to a slot that the fleet does not "
                                                  "have, or with another number of GPUs than the task wants");
    CHECK(verdict({}, {{first, at(9), at(0)}}) == "task 0 (\"task-0\"): is settled from a slot that the fleet does not "
                                                  "have, or with another number of GPUs than the task wants");
    CHECK(verdict({{first, at(0), at(2)}, {first, at(0), at(1)}}, {}) == "task 0 (\"task-0\"): is in flight twice");
    CHECK(verdict({}, {{first, at(1), at(0)}, {first, at(2), at(0)}}) == "task 0 (\"task-0\"): is settled twice");
    // GPUs beyond the node, too many of them, and GPUs without a node.
    CHECK(verdict({{first, at(0), at(1, 2)}}, {}) == "task 0 (\"task-0\"): is in flight to a slot that the fleet does "
                                                     "not have, or with another number of GPUs than the "
                                                     "task wants");
    CHECK_FALSE(verdict({{first, at(0), at(1, 3)}}, {}) == "fine");
    CHECK_FALSE(verdict({{first, at(0), {berth::node_index{}, 1}}}, {}) == "fine");
    CHECK_FALSE(verdict({{berth::task_index{}, at(0), at(1)}}, {}) == "fine");
}
