// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/load_above.hpp"

#include "berth/balance/balancer.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using berth_test::at;

static_assert(berth::migration_trigger<berth::load_above>);
static_assert(!berth::migration_trigger<int>);

namespace {

/// Two GPUs, a task of 0.2 on each.
struct two_gpus {
    berth_test::instance all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(2));
    berth::problem problem{all.machines, all.tasks};
    berth::assignment placement{at(0), at(1)};
    std::vector<double> task_load{0.2, 0.2};
    std::vector<double> gpu_load{0.5, 0.5};
    berth::projected_state now{problem};

    template <class State>
    std::vector<berth::alarm> see(State& state, double time, double first, double second = 0.5) {
        gpu_load = {first, second};
        REQUIRE(now.update({.time = time, .placement = placement, .gpu_load = gpu_load, .task_load = task_load}));
        state.update(now);
        std::vector<berth::alarm> alarms;
        state.alarms(now, alarms);
        return alarms;
    }
};

}  // namespace

TEST_CASE("load_above: an alarm begins at one threshold and ends below another") {
    two_gpus fleet;
    auto state = berth::load_above{.enter = 0.9, .leave = 0.75, .rounds = 1, .sweep = 0}.prepare(fleet.problem);
    CHECK(fleet.see(state, 0, 0.89).empty());
    const auto alarms = fleet.see(state, 1, 0.9);
    REQUIRE(alarms.size() == 1);
    CHECK(alarms[0].node.value() == 0);
    CHECK(alarms[0].gpus == 1);
    CHECK(alarms[0].pressure == 0.9);
    CHECK(fleet.see(state, 2, 0.75).size() == 1);
    CHECK(fleet.see(state, 3, 0.74).empty());
    CHECK(fleet.see(state, 4, 0.89).empty());
}

TEST_CASE("load_above: several rounds in a row") {
    two_gpus fleet;
    auto state = berth::load_above{.rounds = 3, .sweep = 0}.prepare(fleet.problem);
    CHECK(fleet.see(state, 0, 1.0).empty());
    CHECK(fleet.see(state, 1, 1.0).empty());
    CHECK(fleet.see(state, 2, 0.8).empty());
    CHECK(fleet.see(state, 3, 1.0).empty());
    CHECK(fleet.see(state, 4, 1.0).empty());
    CHECK(fleet.see(state, 5, 1.0).size() == 1);
}

TEST_CASE("load_above: a sweep adds GPUs between the thresholds, for some rounds") {
    two_gpus fleet;
    auto state = berth::load_above{.rounds = 1, .sweep = 2}.prepare(fleet.problem);
    CHECK(fleet.see(state, 0, 0.8, 0.8).empty());
    CHECK(fleet.see(state, 1, 0.95, 0.8).size() == 2);
    CHECK(fleet.see(state, 2, 0.5, 0.5).empty());
    CHECK(fleet.see(state, 3, 0.5, 0.8).empty());
    CHECK(fleet.see(state, 4, 0.95, 0.5).size() == 1);
    CHECK(fleet.see(state, 5, 0.5, 0.8).size() == 1);
}

TEST_CASE("load_above: gain and limit, computed by hand") {
    two_gpus fleet;
    auto state =
        berth::load_above{.enter = 0.9, .leave = 0.75, .rounds = 1, .sweep = 0, .weight = 2.0}.prepare(fleet.problem);
    const auto alarms = fleet.see(state, 0, 1.0);
    REQUIRE(alarms.size() == 1);
    const berth::task_move r{berth::task_index{0}, at(0), at(1)};
    // (1 - 0.64) + (0.25 - 0.49), over 0.81, twice
    CHECK(state.gain(fleet.now, alarms[0], r) == doctest::Approx(2.0 * 0.12 / 0.81));
    CHECK(state.admits(fleet.now, r));
    CHECK(state.wants(fleet.now, alarms[0]));
    fleet.now.move_task(r);
    CHECK(state.wants(fleet.now, alarms[0]));  // 0.8
    // The target would be where the source was: nothing is gained.
    const auto again = fleet.see(state, 1, 1.0, 0.8);
    CHECK(state.gain(fleet.now, again.at(0), r) == 0.0);
    CHECK_FALSE(state.admits(fleet.now, r));
    // Below the source, but over the limit.
    const auto near = fleet.see(state, 2, 1.0, 0.6);
    CHECK(state.gain(fleet.now, near.at(0), r) > 0.0);
    CHECK_FALSE(state.admits(fleet.now, r));
}

TEST_CASE("load_above: peaks are remembered for a while") {
    two_gpus fleet;
    auto state = berth::load_above{.rounds = 1, .memory = 10.0, .sweep = 0}.prepare(fleet.problem);
    const berth::task_move r{berth::task_index{0}, at(0), at(1)};
    (void)fleet.see(state, 0, 1.0, 0.6);
    CHECK_FALSE(state.admits(fleet.now, r));
    (void)fleet.see(state, 5, 1.0, 0.1);
    CHECK_FALSE(state.admits(fleet.now, r));
    (void)fleet.see(state, 10, 1.0, 0.1);
    CHECK_FALSE(state.admits(fleet.now, r));
    (void)fleet.see(state, 19, 1.0, 0.1);
    CHECK_FALSE(state.admits(fleet.now, r));
    (void)fleet.see(state, 20, 1.0, 0.1);
    CHECK(state.admits(fleet.now, r));
    (void)fleet.see(state, 25, 1.0, 0.6);
    (void)fleet.see(state, 60, 1.0, 0.1);
    CHECK(state.admits(fleet.now, r));

    auto forgets = berth::load_above{.rounds = 1, .memory = 0.0, .sweep = 0}.prepare(fleet.problem);
    (void)fleet.see(forgets, 0, 1.0, 0.6);
    (void)fleet.see(forgets, 1, 1.0, 0.1);
    CHECK(forgets.admits(fleet.now, r));
}

TEST_CASE("load_above: no alarm if loads were not measured") {
    two_gpus fleet;
    auto state = berth::load_above{}.prepare(fleet.problem);
    REQUIRE(fleet.now.update({.placement = fleet.placement}));
    state.update(fleet.now);
    std::vector<berth::alarm> alarms;
    state.alarms(fleet.now, alarms);
    CHECK(alarms.empty());
    CHECK(state.admits(fleet.now, {berth::task_index{0}, at(0), at(1)}));
}

TEST_CASE("load_above_mean: unhealthy GPUs do not lower the mean") {
    const auto all = berth_test::make_instance({.nodes = 4}, std::vector<berth_test::small_task>(4));
    const berth::assignment placement{at(0), at(0), at(0), at(1)};
    const std::vector<berth::gpu_mask> healthy{1, 1, 0, 0};
    const std::vector<double> task_load{0.3, 0.2, 0.3, 0.3};
    const std::vector<double> gpu_load{0.8, 0.3, 0.0, 0.0};
    auto state =
        berth::balancer{berth::triggers{berth::load_above_mean{.enter = 1.25, .leave = 1.05, .rounds = 1, .sweep = 0}}}
            .prepare({all.machines, all.tasks});
    const auto round =
        state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load, .healthy = healthy});
    REQUIRE(round.value().chosen.size() == 1);
    CHECK(round.value().chosen[0].move == berth::task_move{berth::task_index{1}, at(0), at(1)});
}

TEST_CASE("load_above_mean: in multiples of the mean") {
    two_gpus fleet;
    auto state = berth::load_above_mean{.enter = 1.25, .leave = 1.05, .rounds = 1, .sweep = 0}.prepare(fleet.problem);
    CHECK(fleet.see(state, 0, 0.6, 0.5).empty());
    const auto alarms = fleet.see(state, 1, 0.7, 0.4);
    REQUIRE(alarms.size() == 1);
    CHECK(alarms[0].pressure == doctest::Approx(0.7 / 0.55));
    CHECK(fleet.see(state, 2, 0.0, 0.0).empty());
}
