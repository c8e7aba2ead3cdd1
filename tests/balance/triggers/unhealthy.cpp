// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/unhealthy.hpp"

#include "berth/balance/balancer.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using berth_test::at;

TEST_CASE("unhealthy: every task leaves an unhealthy GPU for the least loaded ones, and the GPU is trusted again after "
          "some rounds") {
    const auto all = berth_test::make_instance({.nodes = 2, .gpus = 2}, std::vector<berth_test::small_task>(4));
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement{at(0, 1), at(0, 1), at(0, 2), at(1, 1)};
    const std::vector<double> load{0.2, 0.3, 0.2, 0.1};
    std::vector<berth::gpu_mask> healthy{3, 3};
    const berth::balancer policy{berth::triggers{berth::unhealthy{.rounds = 2, .recovery_rounds = 3}},
                                 berth::move_choice{berth::payback{}, berth::all_movable{}, {.cooldown = 0.0}}};
    auto state = policy.prepare(p);
    const auto round = [&] {
        const auto loads = berth_test::loads_of(all.machines, placement, load);
        auto answer =
            state.round({.placement = placement, .gpu_load = loads, .task_load = load, .healthy = healthy}).value();
        berth_test::carry_out(p, answer, placement);
        return answer;
    };
    CHECK(round().alarms.empty());
    healthy[0] = 2;
    CHECK(round().alarms.empty());
    const auto drained = round();
    REQUIRE(drained.alarms.size() == 1);
    CHECK(drained.alarms[0].gpus == 1);
    REQUIRE(drained.chosen.size() == 2);
    CHECK(drained.answered == 1);
    CHECK(drained.chosen[0].move.to == at(1, 2));
    CHECK(drained.chosen[1].move.to == at(1, 1));
    CHECK(round().alarms.empty());  // nothing is left on it
    // Healthy again: after three rounds tasks may come back. GPU 1 of node 0 and node 1 become unhealthy meanwhile.
    healthy = {1, 0};
    CHECK(round().chosen.empty());
    const auto waits = round();
    CHECK(waits.alarms.size() == 2);
    CHECK(waits.chosen.empty());
    CHECK(waits.answered == 0);
    CHECK(waits.stays(berth::stay_reason::over_limit) == 4);
    CHECK(round().chosen.size() == 4);
    for (const auto& where : placement) CHECK(where == at(0, 1));
}

TEST_CASE("unhealthy: tasks leave a failed GPU within their cooldown") {
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement{at(0), at(2)};
    std::vector<berth::gpu_mask> healthy{0, 1, 1};
    auto state = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare(p);
    auto round = state.round({.time = 0.0, .placement = placement, .healthy = healthy}).value();
    REQUIRE(round.chosen.size() == 1);
    berth_test::carry_out(p, round, placement);
    CHECK(placement[0] == at(1));
    healthy = {1, 0, 1};  // GPU 0 is healthy again, but not trusted
    round = state.round({.time = 60.0, .placement = placement, .healthy = healthy}).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move == berth::task_move{berth::task_index{0}, at(1), at(2)});
    CHECK(round.stays(berth::stay_reason::cooling_down) == 0);
}

TEST_CASE("unhealthy: tasks without GPU leave an unhealthy node, too") {
    const std::vector<berth_test::small_task> tasks{{.gpus = 0}, {.gpus = 1}, {.gpus = 0}};
    const auto all = berth_test::make_instance({.nodes = 3, .gpus = 1, .sick_nodes = {1}}, tasks);
    const berth::assignment placement{at(1, 0), at(1), at(0, 0)};
    auto state = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare({all.machines, all.tasks});
    const auto round = state.round({.placement = placement}).value();
    REQUIRE(round.chosen.size() == 2);
    for (const auto& c : round.chosen) CHECK(c.move.to.node.value() != 1);
}
