// SPDX-License-Identifier: Apache-2.0
// What a balancer allocates from round to round.
#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/fragmented.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/balance/triggers/temperature_above.hpp"
#include "berth/balance/triggers/unhealthy.hpp"

#include "balance/balance_fleets.hpp"
#include "common/counting_new.hpp"

#include <doctest/doctest.h>

#include <vector>

using berth_test::at;

TEST_CASE("a round without alarm allocates nothing, whatever moved since the last one") {
    const auto all = berth_test::make_instance({.nodes = 8}, std::vector<berth_test::small_task>(12));
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement;
    for (std::size_t t = 0; t < 11; ++t) placement.push_back(at(t % 8));
    placement.push_back(berth::unplaced);
    std::vector<double> task_load(12, 0.1);
    task_load[0] = 0.0;  // in flight, without making a GPU stand out
    const std::vector<double> gpu_load(8, 0.2);
    const std::vector<double> temperature(8, 50.0);
    const berth::task_index waiting[] = {berth::task_index{11}};
    const berth::task_move flights[] = {{berth::task_index{0}, at(0), at(1)}};
    auto state = berth::balancer{berth::triggers{berth::unhealthy{}, berth::load_above{}, berth::load_above_mean{},
                                                 berth::temperature_above{}, berth::fragmented{}}}
                     .prepare(p);
    const auto round = [&](double time) {
        const auto answer = state.round({.time = time,
                                         .placement = placement,
                                         .in_flight = flights,
                                         .waiting = waiting,
                                         .gpu_load = gpu_load,
                                         .task_load = task_load,
                                         .gpu_temperature = temperature});
        REQUIRE(answer);
        REQUIRE(answer->alarms.empty());
    };
    round(0.0);
    for (int i = 1; i < 20; ++i) {
        placement[3] = at(static_cast<std::size_t>(i) % 8);
        CHECK(berth_test::allocations_of([&] { round(i); }) == 0);
    }
}
