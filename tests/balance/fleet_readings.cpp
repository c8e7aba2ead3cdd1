// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/fleet_readings.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/balance/triggers/power_above.hpp"
#include "berth/balance/triggers/temperature_above.hpp"
#include "berth/balance/triggers/unhealthy.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

using berth_test::at;

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr berth::load_above at_once{.rounds = 1, .sweep = 0};

}  // namespace

TEST_CASE("readings: a lost GPU is drained although nothing about it is measured, and the others are balanced") {
    // GPU 0 is lost, GPU 1 overloaded. The loads of the tasks on the lost GPU are unknown as well.
    const std::vector<berth_test::small_task> tasks(5);
    const auto all = berth_test::make_instance({.nodes = 4}, tasks);
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement{at(0), at(0), at(1), at(1), at(2)};
    const std::vector<double> gpu_load{unknown, 1.0, 0.2, 0.0};
    const std::vector<double> temperature{unknown, 70.0, 60.0, 50.0};
    const std::vector<double> task_load{unknown, unknown, 0.6, 0.4, 0.2};
    const std::vector<berth::gpu_mask> healthy{0, 1, 1, 1};
    auto state =
        berth::balancer{berth::triggers{berth::unhealthy{}, at_once, berth::temperature_above{.rounds = 1}}}.prepare(p);
    const berth::fleet_status seen{.placement = placement, .healthy = healthy};
    auto round =
        state.round(seen, {.gpu_load = gpu_load, .task_load = task_load, .gpu_temperature = temperature}).value();
    REQUIRE(round.chosen.size() == 2);  // to GPUs that are known to be below the limit, one on each
    CHECK(round.chosen[0].move.to == at(3));
    CHECK(round.chosen[1].move.to == at(2));
    CHECK(round.alarms.size() == 2);
    // Tasks of known load wait until what came is known: then the hot GPU is relieved.
    CHECK(round.stays(berth::stay_reason::over_limit) + round.stays(berth::stay_reason::no_improvement) == 2);
    berth_test::carry_out(p, round, placement);
    const std::vector<double> gpu_later{unknown, 1.0, 0.4, 0.2};
    const std::vector<double> task_later{0.2, 0.2, 0.6, 0.4, 0.2};
    round = state
                .round({.placement = placement, .healthy = healthy},
                       {.time = 60.0, .gpu_load = gpu_later, .task_load = task_later, .gpu_temperature = temperature})
                .value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move == berth::task_move{berth::task_index{3}, at(1), at(3)});
}

TEST_CASE("readings: a GPU without a reading attracts no work, one that idles does") {
    const std::vector<berth_test::small_task> tasks(3);
    const auto all = berth_test::make_instance({.nodes = 3}, tasks);
    const berth::assignment placement{at(0), at(0), at(1)};
    const std::vector<double> task_load{0.5, 0.5, 0.7};
    auto state = berth::balancer{berth::triggers{at_once}}.prepare({all.machines, all.tasks});
    for (const double idle : {unknown, 0.1}) {
        const std::vector<double> gpu_load{1.0, unknown, idle};  // a task of 0.7 runs on GPU 1
        const auto round = state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load}).value();
        CHECK(round.alarms.size() == 1);
        CHECK(round.chosen.size() == (std::isnan(idle) ? 0 : 1));
        for (const auto& c : round.chosen) CHECK(c.move.to == at(2));
    }
    // Without a trigger that reads loads it is a target like any other, and the last choice.
    const std::vector<berth::gpu_mask> healthy{0, 1, 1};
    auto drain = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare({all.machines, all.tasks});
    for (const double other : {unknown, 0.9}) {
        const std::vector<double> gpu_load{1.0, unknown, other};
        const auto round =
            drain.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load, .healthy = healthy})
                .value();
        REQUIRE(round.chosen.size() == 2);
        for (const auto& c : round.chosen) CHECK(c.move.to == (std::isnan(other) ? at(1) : at(2)));
    }
}

TEST_CASE("readings: a task of unknown load stays on a hot GPU, and it is said why") {
    const std::vector<berth_test::small_task> tasks(2);
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::assignment placement{at(0), at(0)};
    const std::vector<double> gpu_load{1.0, 0.0};
    const std::vector<double> task_load{unknown, unknown};
    auto state = berth::balancer{berth::triggers{at_once}}.prepare({all.machines, all.tasks});
    auto round = state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load}).value();
    CHECK(round.chosen.empty());
    CHECK(round.stays(berth::stay_reason::not_measured) == 2);
    // No task's load measured is the same.
    round = state.round({.placement = placement, .gpu_load = gpu_load}).value();
    CHECK(round.stays(berth::stay_reason::not_measured) == 2);
}

TEST_CASE("readings: temperature, power and speed may be unknown as well") {
    const std::vector<berth_test::small_task> tasks(2);
    const auto all = berth_test::make_instance({.nodes = 3}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0)};
    const std::vector<double> task_load{0.4, 0.6};
    const std::vector<double> gpu_load{1.0, 0.0, 0.3};
    const berth::balancer policy{
        berth::triggers{at_once, berth::temperature_above{.rounds = 1}, berth::power_above{.rounds = 1}}};
    const auto target = [&](const std::vector<double>& temperature, const std::vector<double>& power,
                            const std::vector<double>& speed) {
        auto state = policy.prepare(p);
        const auto round = state
                               .round({.placement = placement,
                                       .gpu_load = gpu_load,
                                       .task_load = task_load,
                                       .gpu_speed = speed,
                                       .gpu_temperature = temperature,
                                       .node_power = power})
                               .value();
        return round.chosen.empty() ? std::size_t{9} : round.chosen[0].move.to.node.value();
    };
    const std::vector<double> mild(3, 40.0);
    const std::vector<double> ones(3, 1.0);
    CHECK(target(mild, mild, ones) == 1);
    CHECK(target({40.0, unknown, 40.0}, mild, ones) == 2);
    CHECK(target(mild, {40.0, unknown, 40.0}, ones) == 2);
    CHECK(target(mild, mild, {1.0, unknown, 1.0}) == 2);
    CHECK(target({unknown, 40.0, 40.0}, {unknown, 40.0, 40.0}, ones) == 1);
    CHECK(target({40.0, unknown, unknown}, mild, ones) == 9);
}

TEST_CASE("readings: old ones count as not measured") {
    const std::vector<berth_test::small_task> tasks(2);
    const auto all = berth_test::make_instance({.nodes = 3}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0)};
    const std::vector<double> task_load{0.5, 0.5};
    const std::vector<double> gpu_load{1.0, 0.0, 0.1};
    const auto target = [&](const std::vector<double>& age, berth::observation_limits limits) {
        auto state =
            berth::balancer{berth::triggers{at_once}, berth::move_choice{}, berth::migration_budget{}, limits}.prepare(
                p);
        const auto round =
            state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load, .gpu_age = age}).value();
        return round.chosen.empty() ? std::size_t{9} : round.chosen[0].move.to.node.value();
    };
    CHECK(target({0.0, 300.0, 0.0}, {}) == 1);
    CHECK(target({0.0, 301.0, 0.0}, {}) == 2);
    CHECK(target({0.0, 301.0, 0.0}, {.max_age = 600.0}) == 1);
    CHECK(target({301.0, 0.0, 0.0}, {}) == 9);
    CHECK(target({1e9, 1e9, 1e9}, berth::observation_limits::none()) == 1);
}

TEST_CASE("readings: a round without a reading neither counts nor ends an alarm") {
    const std::vector<berth_test::small_task> tasks(2, {.memory = 80});
    const auto all = berth_test::make_instance({.nodes = 2}, tasks);
    const berth::assignment placement{at(0), at(1)};
    const std::vector<double> task_load{0.5, 0.5};
    auto state =
        berth::balancer{berth::triggers{berth::load_above{.rounds = 3, .sweep = 0}}}.prepare({all.machines, all.tasks});
    double time = 0.0;
    const auto alarms = [&](double load) {
        const std::vector<double> gpu_load{load, 0.1};
        return state.round({.time = time += 10.0, .placement = placement, .gpu_load = gpu_load, .task_load = task_load})
            .value()
            .alarms.size();
    };
    CHECK(alarms(1.0) == 0);
    CHECK(alarms(unknown) == 0);
    CHECK(alarms(1.0) == 0);
    CHECK(alarms(unknown) == 0);
    CHECK(alarms(1.0) == 1);
    CHECK(alarms(unknown) == 0);
    CHECK(alarms(0.8) == 1);  // still above `leave`
    CHECK(alarms(0.7) == 0);
    CHECK(alarms(0.95) == 0);
}

TEST_CASE("readings: random fleets - an idle GPU that is not measured is as good as none") {
    std::size_t chosen = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        const std::size_t nodes = 3 + berth_test::below(g, 6);
        std::vector<berth_test::small_task> tasks(nodes * 3);
        for (auto& t : tasks) t.memory = static_cast<berth::amount>(1 + berth_test::below(g, 20));
        const auto all = berth_test::make_instance({.nodes = nodes}, tasks);
        const berth::problem p{all.machines, all.tasks};
        // The first half of the nodes is in use; of the rest some are not measured.
        berth::assignment placement;
        std::vector<double> task_load;
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            placement.push_back(at(berth_test::below(g, (nodes + 1) / 2)));
            task_load.push_back(0.4 * berth::uniform01(g));
        }
        auto gpu_load = berth_test::loads_of(all.machines, placement, task_load);
        auto temperature = std::vector<double>(nodes, 60.0);
        for (double& t : temperature) t += 30.0 * berth::uniform01(g);
        std::vector<berth::gpu_mask> healthy(nodes, 1);
        auto measured = gpu_load;
        for (std::size_t n = (nodes + 1) / 2; n < nodes; ++n) {
            if (!berth_test::chance(g, 50)) continue;
            measured[n] = unknown;
            healthy[n] = 0;
        }
        const auto choices = [&](const auto& policy, const std::vector<double>& load,
                                 std::span<const berth::gpu_mask> masks) {
            auto state = policy.prepare(p);
            auto round = state
                             .round({.placement = placement,
                                     .gpu_load = load,
                                     .task_load = task_load,
                                     .gpu_temperature = temperature,
                                     .healthy = masks})
                             .value();
            round.evaluations = 0;
            round.staying = {};
            return round;
        };
        const berth::balancer absolute{berth::triggers{at_once, berth::temperature_above{.rounds = 1}}};
        const berth::balancer relative{
            berth::triggers{berth::load_above_mean{.rounds = 1, .sweep = 0}, berth::temperature_above{.rounds = 1}}};
        const auto one = choices(absolute, measured, {});
        CHECK(one == choices(absolute, gpu_load, healthy));
        CHECK(choices(relative, measured, {}) == choices(relative, gpu_load, healthy));
        chosen += one.chosen.size();
        for (const auto& c : one.chosen) CHECK_FALSE(std::isnan(measured[c.move.to.node.value()]));
    }
    CHECK(chosen > 50);
}

TEST_CASE("readings: random holes - no alarm and no target without a reading, and the moves fit") {
    std::size_t chosen = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const auto all = berth_test::random_instance(seed, 40);
        const berth::problem p{all.machines, all.tasks};
        berth::xoshiro256 g{seed + 77};
        const std::size_t nodes = p.fleet().node_count();
        berth::assignment placement(all.tasks.task_count(), berth::unplaced);
        for (std::size_t t = 0; t < placement.size(); ++t) {
            const berth::node_index n{berth_test::below(g, nodes)};
            const std::size_t gpus = p.fleet().gpu_count(n);
            const std::size_t wanted = all.tasks.demand(berth::task_index{t}).gpus;
            if (wanted <= gpus) placement[t] = {n, berth::first_gpus(wanted)};  // as often as not over a capacity
        }
        const auto numbers = [&](std::size_t count, double most) {
            std::vector<double> values(count);
            for (double& value : values) value = berth_test::chance(g, 20) ? unknown : most * berth::uniform01(g);
            return values;
        };
        const auto task_load = numbers(placement.size(), 0.3);
        const auto gpu_load = numbers(p.fleet().gpu_count(), 1.2);
        const auto speed = numbers(p.fleet().gpu_count(), 2.0);
        const auto temperature = numbers(p.fleet().gpu_count(), 90.0);
        const auto power = numbers(nodes, 6500.0);
        const auto remaining = numbers(placement.size(), 1e6);
        const std::string_view sick = berth::unhealthy::name();
        std::vector<std::uint8_t> node_healthy(nodes, 1);
        node_healthy[berth_test::below(g, nodes)] = 0;
        auto state =
            berth::balancer{berth::triggers{berth::unhealthy{}, at_once, berth::load_above_mean{.rounds = 1},
                                            berth::temperature_above{.rounds = 1}, berth::power_above{.rounds = 1}}}
                .prepare(p);
        const auto round =
            state
                .round({.placement = placement,
                        .gpu_load = gpu_load,
                        .task_load = task_load,
                        .gpu_speed = seed % 2 == 0 ? std::span<const double>{speed} : std::span<const double>{},
                        .gpu_temperature = temperature,
                        .node_power = power,
                        .remaining = remaining,
                        .node_healthy = node_healthy})
                .value();
        for (const auto& a : round.alarms) CHECK_FALSE(std::isnan(a.pressure));
        for (const auto& c : round.chosen) {
            const std::size_t n = c.move.to.node.value();
            CHECK(node_healthy[n] == 1);
            for (berth::gpu_mask rest = c.move.to.gpus; rest != 0; rest &= rest - 1) {
                const std::size_t gpu = p.fleet().gpu(c.move.to.node, berth::lowest_gpu(rest)).value();
                CHECK_FALSE(std::isnan(gpu_load[gpu]));
                CHECK_FALSE(std::isnan(temperature[gpu]));
            }
            CHECK((c.move.to.gpus == 0 || c.move.to.node == c.move.from.node || !std::isnan(power[n])));
            CHECK((round.reason(c) == sick || !std::isnan(task_load[c.move.task.value()])));
        }
        berth_test::carry_out(p, round, placement);
        chosen += round.chosen.size();
    }
    CHECK(chosen > 60);
}
