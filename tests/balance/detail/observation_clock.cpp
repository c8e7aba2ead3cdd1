// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/detail/observation_clock.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using berth_test::at;

namespace {

/// Observes a time; what the clock shows then, or -1 if the time is refused.
double observe(berth::detail::observation_clock& clock, double time) {
    const auto judgement = clock.judge(time);
    if (judgement.accepted) {
        clock.accept(time, judgement.elapsed);
    } else {
        clock.refuse(time);
    }
    return judgement.accepted ? judgement.elapsed : -1.0;
}

}  // namespace

TEST_CASE("observation_clock: one wrong time is refused, and the next is in step again") {
    berth::detail::observation_clock clock{3600.0};
    CHECK(observe(clock, 100.0) == 100.0);
    CHECK(observe(clock, 4e9) == -1.0);
    CHECK(observe(clock, 160.0) == 160.0);
    CHECK(observe(clock, 90.0) == -1.0);
    CHECK(observe(clock, 160.0) == 160.0);
    CHECK(observe(clock, 3760.0) == 3760.0);
    CHECK(observe(clock, 1e308) == -1.0);
    CHECK(observe(clock, -1e308) == -1.0);
    CHECK(observe(clock, 3761.0) == 3761.0);
}

TEST_CASE("observation_clock: two that agree change the caller's clock, and this one goes on") {
    berth::detail::observation_clock clock{3600.0};
    CHECK(observe(clock, 10'000.0) == 10'000.0);
    // Set back by an hour or so.
    CHECK(observe(clock, 6000.0) == -1.0);
    CHECK(observe(clock, 6060.0) == 10'060.0);
    CHECK(observe(clock, 6120.0) == 10'120.0);
    // Not observed for a week.
    CHECK(observe(clock, 606'120.0) == -1.0);
    CHECK(observe(clock, 606'180.0) == 610'180.0);
    // Observed once a week: every other time is refused, and the clock keeps up.
    CHECK(observe(clock, 1'206'180.0) == -1.0);
    CHECK(observe(clock, 1'806'180.0) == 1'810'180.0);
    // The first time was wrong.
    berth::detail::observation_clock late{3600.0};
    CHECK(observe(late, 4e9) == 4e9);
    CHECK(observe(late, 100.0) == -1.0);
    CHECK(observe(late, 160.0) == 4e9 + 60.0);
    // Two wrong ones on different sides do not agree.
    CHECK(observe(clock, 1e12) == -1.0);
    CHECK(observe(clock, 5.0) == -1.0);
    CHECK(observe(clock, 2e12) == -1.0);
    CHECK(observe(clock, 1'806'240.0) == 1'810'240.0);
}

TEST_CASE("observation_clock: never runs back, and is never locked") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        berth::xoshiro256 g{seed};
        berth::detail::observation_clock clock{100.0};
        double time = 0.0;
        double last = observe(clock, time);
        int refused = 0;
        for (int i = 0; i < 300; ++i) {
            time += 100.0 * berth::uniform01(g);
            const bool glitch = berth_test::chance(g, 10);
            const double shown = observe(clock, glitch ? 1e6 * berth::uniform01(g) - 5e5 : time);
            refused = !glitch && shown < 0.0 ? refused + 1 : 0;
            CHECK(refused <= 2);
            if (shown < 0.0) continue;
            CHECK(shown >= last);
            last = shown;
        }
    }
}

TEST_CASE("balancer: a clock that jumps ahead once, or back for good, locks nothing, and cooldowns survive") {
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(4));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0), at(0), at(1)};
    const std::vector<double> task_load{0.3, 0.4, 0.3, 0.2};
    const std::vector<double> gpu_load{1.0, 0.2, 0.0};
    const berth::balancer policy{berth::triggers{berth::load_above{.rounds = 1, .sweep = 0}},
                                 berth::move_choice{berth::payback{}, berth::all_movable{}, {.cooldown = 300.0}},
                                 berth::migration_budget{}, berth::observation_limits{.max_step = 7200.0}};
    auto state = policy.prepare(p);
    const auto round = [&](double time) {
        return state.round({.time = time, .placement = placement, .gpu_load = gpu_load, .task_load = task_load});
    };
    CHECK(round(100.0).value().chosen.at(0).move.task.value() == 1);
    CHECK(round(4e9).error().message ==
          "observation: time is more than max_step after that of the round before; if the "
          "next observation agrees, it is taken as the clock's new time");
    CHECK(round(160.0).value().chosen.at(0).move.task.value() == 0);  // task 1 cools down
    CHECK(round(220.0).value().chosen.at(0).move.task.value() == 2);
    CHECK(round(-3340.0).error().code == berth::error_code::invalid_value);
    CHECK(round(-3280.0).value().stays(berth::stay_reason::cooling_down) == 3);  // 280 s on the clock within
    CHECK(round(-3220.0).value().stays(berth::stay_reason::cooling_down) == 3);
    CHECK(state.projected().elapsed() == 340.0);
    CHECK(state.projected().time() == -3220.0);
    CHECK(round(-3160.0).value().chosen.at(0).move.task.value() == 1);  // 400: 300 after the first choice
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(round(nan).error().message == "observation: time is not finite");
    CHECK(round(std::numeric_limits<double>::infinity()).error().message == "observation: time is not finite");
    CHECK(round(-3100.0));
}
