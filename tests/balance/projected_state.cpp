// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/projected_state.hpp"

#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

using berth_test::at;

TEST_CASE("projected_state: random moves, compared with the state of the placement that they lead to") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        berth::xoshiro256 g{seed};
        const std::size_t nodes = 2 + berth_test::below(g, 4);
        const std::vector<berth_test::small_task> tasks(20, {.share = 90, .memory = 3});
        const auto all = berth_test::make_instance({.nodes = nodes, .gpus = 2}, tasks);
        const berth::problem p{all.machines, all.tasks};
        berth::assignment placement;
        std::vector<double> task_load;
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            placement.push_back(at(t % nodes, 1 + t / nodes % 2));
            task_load.push_back(static_cast<double>(berth_test::below(g, 8)) * 0.125);
        }
        std::vector<double> speed(2 * nodes, 1.0);
        speed[0] = 2.0;
        const auto gpu_load = [&] {
            auto load = berth_test::loads_of(all.machines, placement, task_load);
            for (std::size_t i = 0; i < load.size(); ++i) load[i] /= speed[i];
            return load;
        };
        const auto initial = gpu_load();
        berth::projected_state now{p};
        const berth::fleet_observation seen{
            .placement = placement, .gpu_load = initial, .task_load = task_load, .gpu_speed = speed};
        const auto start = placement;
        auto kept = seen;
        kept.placement = start;
        REQUIRE(now.update(kept));
        std::vector<berth::task_move> done;
        for (int i = 0; i < 30; ++i) {
            const berth::task_index t{berth_test::below(g, tasks.size())};
            const std::size_t node = berth_test::below(g, nodes);
            const berth::slot to = at(node, 1 + berth_test::below(g, 2));
            if (to == now.where(t) || !now.fits(all.tasks.demand(t), to)) continue;
            done.push_back({t, now.where(t), to});
            now.move_task(done.back());
            placement[t.value()] = to;
        }
        const auto loads = gpu_load();
        for (std::size_t i = 0; i < loads.size(); ++i) {
            const berth::gpu_index gpu{i};
            CHECK(now.load(gpu) == doctest::Approx(loads[i]));
            CHECK(now.load_change(gpu) == doctest::Approx(loads[i] - initial[i]));
        }
        for (std::size_t n = 0; n < nodes; ++n) {
            CHECK(now.load_change(berth::node_index{n}) ==
                  doctest::Approx(loads[2 * n] - initial[2 * n] + loads[2 * n + 1] - initial[2 * n + 1]));
            std::size_t there = 0;
            now.each_task(berth::node_index{n}, [&](berth::task_index t) {
                CHECK(placement[t.value()].node.value() == n);
                ++there;
            });
            CHECK(there == static_cast<std::size_t>(std::count_if(placement.begin(), placement.end(),
                                                                  [n](const auto& s) { return s.node.value() == n; })));
        }
        CHECK(now.ledger() == berth_test::need(berth::make_ledger(p, placement)));
        while (!done.empty()) {
            now.undo_move(done.back());
            done.pop_back();
        }
        CHECK(now.ledger() == berth_test::need(berth::make_ledger(p, start)));
        for (std::size_t t = 0; t < start.size(); ++t) CHECK(now.where(berth::task_index{t}) == start[t]);
    }
}

TEST_CASE("projected_state: nothing measured but the placement") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(1));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0)};
    berth::projected_state now{p};
    REQUIRE(now.update({.time = 5.0, .placement = placement}));
    CHECK_FALSE(now.has_loads());
    CHECK(now.time() == 5.0);
    CHECK(std::isnan(now.load(berth::gpu_index{0})));
    CHECK(now.mean_load() == 0.0);
    CHECK(std::isnan(now.added_load(berth::task_index{0}, berth::gpu_index{1})));
    CHECK_FALSE(now.has_load(berth::task_index{0}));
    CHECK(now.healthy(berth::node_index{1}) == 1);
    CHECK(now.remaining(berth::task_index{0}) > 1e300);
    CHECK(now.fits(all.tasks.demand(berth::task_index{0}), at(1)));
}

TEST_CASE("projected_state: nothing fits on an unhealthy GPU") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(1));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0)};
    const std::vector<berth::gpu_mask> healthy{1, 0};
    berth::projected_state now{p};
    REQUIRE(now.update({.placement = placement, .healthy = healthy}));
    CHECK_FALSE(now.fits(all.tasks.demand(berth::task_index{0}), at(1)));
}

TEST_CASE("projected_state: moves in flight out of the fleet, twice, or beyond a capacity") {
    const std::vector<berth_test::small_task> tasks{{.memory = 50}, {.memory = 50}};
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(1)};
    berth::projected_state now{p};
    const berth::task_index first{0};
    const berth::task_move parked[] = {{first, at(0), berth::unplaced}};
    REQUIRE(now.update({.placement = placement, .in_flight = parked}));
    CHECK(now.in_flight(first));
    const berth::task_move full[] = {{first, at(0), at(1)}};
    REQUIRE(now.update({.placement = placement, .in_flight = full}));
    CHECK(now.ledger().free(berth::gpu_index{1})[1] == 80 - 50 - 50);
    CHECK_FALSE(now.fits(all.tasks.demand(first), at(1)));
    const berth::task_move twice[] = {parked[0], parked[0]};
    CHECK(now.update({.placement = placement, .in_flight = twice}).error().message ==
          "task 0 (\"task-0\"): is in flight twice");
    REQUIRE(now.update({.placement = placement}));
    CHECK(now.ledger() == berth_test::need(berth::make_ledger(p, placement)));
}

TEST_CASE("projected_state: a refused observation changes nothing") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        // Room for two on a GPU: half of the random placements and flights exceed a capacity. Some name node 5 of 5.
        const std::vector<berth_test::small_task> tasks(6, {.share = 100, .memory = 40});
        const auto all = berth_test::make_instance({.nodes = 5}, tasks);
        const berth::problem p{all.machines, all.tasks};
        const std::vector<double> load(5, 0.5);
        const std::vector<double> task_load(6, 0.1);
        berth::projected_state now{p};
        berth::projected_state accepted{p};
        std::size_t refused = 0;
        for (int i = 0; i < 20; ++i) {
            berth::assignment placement;
            for (std::size_t t = 0; t < tasks.size(); ++t)
                placement.push_back(berth_test::chance(g, 20) ? berth::unplaced : at(berth_test::below(g, 5)));
            if (berth_test::chance(g, 30)) placement[berth_test::below(g, 6)] = at(5);
            std::vector<berth::task_move> flights;
            for (std::size_t t = 0; t < 2; ++t)
                flights.push_back({berth::task_index{berth_test::below(g, 6)}, {}, at(berth_test::below(g, 5))});
            for (auto& r : flights) r.from = placement[r.task.value()];
            const berth::fleet_observation seen{
                .placement = placement, .in_flight = flights, .gpu_load = load, .task_load = task_load};
            if (now.update(seen)) {
                // The same from a new state.
                accepted = berth::projected_state{p};
                REQUIRE(accepted.update(seen));
            } else {
                ++refused;
                if (flights[0].task != flights[1].task) REQUIRE_FALSE(berth::projected_state{p}.update(seen));
            }
            REQUIRE(now.ledger() == accepted.ledger());
            for (std::size_t t = 0; t < tasks.size(); ++t) {
                REQUIRE(now.where(berth::task_index{t}) == accepted.where(berth::task_index{t}));
                REQUIRE(now.in_flight(berth::task_index{t}) == accepted.in_flight(berth::task_index{t}));
            }
            for (std::size_t n = 0; n < 5; ++n) {
                const double x = now.load(berth::gpu_index{n});
                REQUIRE((x == accepted.load(berth::gpu_index{n}) || std::isnan(x)));
            }
            // Choices and reservations of a round end with the next observation.
            const berth::task_index t{berth_test::below(g, 6)};
            const berth::slot to = at(berth_test::below(g, 5));
            if (!now.fits(all.tasks.demand(t), to) || to == now.where(t)) continue;
            if (!now.where(t).placed()) {
                now.reserve(t, to);
                accepted.reserve(t, to);
            } else if (!now.in_flight(t)) {
                now.move_task({t, now.where(t), to});
                accepted.move_task({t, accepted.where(t), to});
            }
        }
        CHECK(refused > 0);
        CHECK(refused < 20);
    }
}

TEST_CASE("projected_state: the mean is over healthy GPUs") {
    const auto all = berth_test::make_instance({.nodes = 4, .sick_nodes = {3}}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(1)};
    const std::vector<double> load{0.9, 0.3, 0.0, 0.0};
    const std::vector<double> task_load{0.9, 0.3};
    const std::vector<berth::gpu_mask> healthy{1, 1, 0, 1};
    berth::projected_state now{p};
    REQUIRE(now.update({.placement = placement, .gpu_load = load, .task_load = task_load, .healthy = healthy}));
    CHECK(now.mean_load() == doctest::Approx(0.6));
    // A task in flight out of the fleet takes its load along.
    const berth::task_move parked[] = {{berth::task_index{1}, at(1), berth::unplaced}};
    REQUIRE(now.update(
        {.placement = placement, .in_flight = parked, .gpu_load = load, .task_load = task_load, .healthy = healthy}));
    CHECK(now.mean_load() == doctest::Approx(0.45));
    const std::vector<berth::gpu_mask> none{0, 0, 0, 0};
    REQUIRE(now.update({.placement = placement, .gpu_load = load, .healthy = none}));
    CHECK(now.mean_load() == 0.0);
}

TEST_CASE("projected_state: answers do not depend on the caller's arrays after update") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(3));
    const berth::problem p{all.machines, all.tasks};
    const berth::task_index first{0};
    const berth::gpu_index gpu{1};
    const berth::node_index node{1};
    berth::projected_state now{p};
    {
        // Freed at the end of the block, so that a read afterwards is an error under the address sanitizer; overwritten
        // before, so that it is one without.
        berth::assignment placement{at(0), at(1), berth::unplaced};
        std::vector<berth::task_move> flights{{first, at(0), at(1)}};
        std::vector<berth::task_index> waiting{berth::task_index{2}};
        std::vector<double> tasks{0.5, 0.25, 0.125};
        std::vector<double> gpus{0.5, 1.0};
        std::vector<double> nodes{100.0, 200.0};
        std::vector<berth::gpu_mask> healthy{1, 0};
        const auto observation = [&] {
            return berth::fleet_observation{.placement = placement,
                                            .in_flight = flights,
                                            .waiting = waiting,
                                            .gpu_load = gpus,
                                            .task_load = tasks,
                                            .gpu_speed = gpus,
                                            .gpu_temperature = gpus,
                                            .node_power = nodes,
                                            .healthy = healthy,
                                            .remaining = tasks};
        };
        REQUIRE(now.update(observation()));
        placement.assign(3, berth::unplaced);
        flights[0] = {};
        waiting[0] = first;
        tasks.assign(3, 9.0);
        gpus.assign(2, 9.0);
        nodes.assign(2, 9.0);
        healthy.assign(2, 1);
    }
    CHECK(now.added_load(first, gpu) == 0.5);
    CHECK(now.added_load(first, berth::gpu_index{0}) == 1.0);
    CHECK(now.temperature(gpu) == 1.0);
    CHECK(now.power(node) == 200.0);
    CHECK(now.healthy(node) == 0);
    CHECK(now.remaining(first) == 0.5);
    CHECK(now.observed(first) == at(0));
    REQUIRE(now.moves_in_flight().size() == 1);
    CHECK(now.moves_in_flight()[0] == berth::task_move{first, at(0), at(1)});
    REQUIRE(now.waiting().size() == 1);
    CHECK(now.waiting()[0] == berth::task_index{2});

    const berth::projected_state copy = now;
    REQUIRE(now.update({.placement = copy.observation().placement}));
    CHECK(copy.observation().node_power[1] == 200.0);
    CHECK(copy.observation().task_load.size() == 3);
    REQUIRE(now.update(now.observation()));
    CHECK(now.observed(first) == at(0));
}

TEST_CASE("projected_state: what runs already may exceed a capacity, and nothing fits there") {
    const std::vector<berth_test::small_task> tasks{{.memory = 50}, {.memory = 50}, {.memory = 1}};
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0), at(1)};
    berth::projected_state now{p};
    REQUIRE(now.update({.placement = placement}));
    CHECK(now.ledger().free(berth::gpu_index{0})[1] == -20);
    CHECK_FALSE(now.fits(all.tasks.demand(berth::task_index{2}), at(0)));
    now.move_task({berth::task_index{0}, at(0), at(1)});
    CHECK(now.ledger().free(berth::gpu_index{0})[1] == 30);
    now.undo_move({berth::task_index{0}, at(0), at(1)});
    CHECK(now.ledger().free(berth::gpu_index{0})[1] == -20);
    REQUIRE(now.update({.placement = berth::assignment{at(1), at(0), at(1)}}));
    CHECK(now.ledger().free(berth::gpu_index{0})[1] == 30);
}

TEST_CASE("projected_state: a task of unknown load leaves both ends of its move unknown") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(1)};
    const std::vector<double> load{0.5, nan, 0.25};
    const std::vector<double> task_load{nan, 0.25};
    berth::projected_state now{p};
    REQUIRE(now.update({.placement = placement, .gpu_load = load, .task_load = task_load}));
    CHECK(now.mean_load() == 0.375);
    CHECK_FALSE(now.has_load(berth::task_index{0}));
    CHECK(now.has_load(berth::task_index{1}));
    const berth::task_move r{berth::task_index{0}, at(0), at(2)};
    now.move_task(r);
    CHECK(now.unknown_changes(berth::gpu_index{0}) == 1);
    CHECK(now.unknown_changes(berth::node_index{2}) == 1);
    CHECK(now.load(berth::gpu_index{2}) == 0.25);
    now.undo_move(r);
    for (std::size_t g = 0; g < 3; ++g) CHECK(now.unknown_changes(berth::gpu_index{g}) == 0);
    // The same while it is in flight.
    const berth::task_move flight[] = {r};
    REQUIRE(now.update({.placement = placement, .in_flight = flight, .gpu_load = load, .task_load = task_load}));
    CHECK(now.unknown_changes(berth::gpu_index{2}) == 1);
    CHECK(now.unknown_changes(berth::gpu_index{1}) == 0);
}

TEST_CASE("projected_state: a node that is sick as a whole") {
    const std::vector<berth_test::small_task> tasks{{.gpus = 0}};
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    berth::projected_state now{{all.machines, all.tasks}};
    const std::vector<std::uint8_t> nodes{1, 0};
    REQUIRE(now.update({.placement = berth::assignment{at(0, 0)}, .node_healthy = nodes}));
    CHECK(now.node_healthy(berth::node_index{0}));
    CHECK_FALSE(now.node_healthy(berth::node_index{1}));
    CHECK(now.healthy(berth::node_index{1}) == 0);
    CHECK_FALSE(now.fits(all.tasks.demand(berth::task_index{0}), at(1, 0)));
    CHECK(now.has_tasks(berth::node_index{0}));
    CHECK_FALSE(now.has_tasks(berth::node_index{1}));
}

TEST_CASE("projected_state: old readings count as not measured") {
    const auto all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(2));
    const berth::problem p{all.machines, all.tasks};
    constexpr double never = std::numeric_limits<double>::infinity();
    const std::vector<double> three{0.5, 0.5, 0.5};
    const std::vector<double> two{0.5, 0.5};
    const std::vector<double> age{60.0, 61.0, never};
    const std::vector<double> task_age{0.0, std::numeric_limits<double>::quiet_NaN()};
    berth::projected_state now{p, {.max_age = 60.0}};
    const berth::assignment placement{at(0), at(1)};
    REQUIRE(now.update({.placement = placement,
                        .gpu_load = three,
                        .task_load = two,
                        .gpu_temperature = three,
                        .node_power = three,
                        .gpu_age = age,
                        .node_age = age,
                        .task_age = task_age}));
    CHECK(now.load(berth::gpu_index{0}) == 0.5);
    CHECK(std::isnan(now.load(berth::gpu_index{1})));
    CHECK(std::isnan(now.temperature(berth::gpu_index{2})));
    CHECK(now.power(berth::node_index{0}) == 0.5);
    CHECK(std::isnan(now.power(berth::node_index{1})));
    CHECK(now.has_load(berth::task_index{0}));
    CHECK_FALSE(now.has_load(berth::task_index{1}));
}
