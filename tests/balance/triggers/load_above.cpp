// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/load_above.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/balance/triggers/detail/usable_means.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
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

namespace {

constexpr berth::load_above_mean relative{.rounds = 1, .sweep = 0};

/// The number of alarms of the first round.
std::size_t alarms_of(const berth_test::instance& all, const berth::assignment& placement,
                      const std::vector<double>& gpu_load, const std::vector<double>& task_load) {
    auto state = berth::balancer{berth::triggers{relative}}.prepare({all.machines, all.tasks});
    return state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load}).value().alarms.size();
}

}  // namespace

TEST_CASE("load_above_mean: 4 busy A100 and 4 idle T4 that their work cannot take raise no alarm, round after round") {
    std::vector<std::string> models(8, "A100");
    for (std::size_t n = 4; n < 8; ++n) models[n] = "T4";
    const std::vector<double> gpu_load{0.8, 0.8, 0.8, 0.8, 0.0, 0.0, 0.0, 0.0};
    const berth::assignment placement{at(0), at(1), at(2), at(3)};
    const std::vector<double> task_load(4, 0.8);
    const auto all = berth_test::make_instance({.nodes = 8, .models = models},
                                               std::vector<berth_test::small_task>(4, {.model = "A100"}));
    auto state = berth::balancer{berth::triggers{berth::load_above_mean{}}}.prepare({all.machines, all.tasks});
    for (int i = 0; i < 20; ++i) {
        const auto round =
            state.round({.time = 10.0 * i, .placement = placement, .gpu_load = gpu_load, .task_load = task_load})
                .value();
        CHECK(round.alarms.empty());
    }
    // If one of them can use T4, its GPU is in alarm, and it alone moves.
    std::vector<berth_test::small_task> tasks(5, {.model = "A100"});
    tasks[4].model = "";
    const auto other = berth_test::make_instance({.nodes = 8, .models = models}, tasks);
    const berth::assignment five{at(0), at(1), at(2), at(3), at(3)};
    const std::vector<double> loads{0.8, 0.8, 0.8, 0.4, 0.4};
    auto moves = berth::balancer{berth::triggers{relative}}.prepare({other.machines, other.tasks});
    const auto round = moves.round({.placement = five, .gpu_load = gpu_load, .task_load = loads}).value();
    CHECK(round.alarms.size() == 1);
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move == berth::task_move{berth::task_index{4}, at(3), at(4)});
    CHECK(round.alarms[0].pressure == doctest::Approx(0.8 / 0.4));
}

TEST_CASE("load_above_mean: GPUs that are too small, or too few on their node, do not lower the mean either") {
    // The second node's GPUs are idle. What the tasks want decides.
    berth::fleet_builder builder{berth::resource_schema{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    const berth::amount large[] = {1000, 80};
    const berth::amount small[] = {1000, 16};
    const berth::amount cores[] = {8};
    const std::vector<berth::gpu_description> pair(2, {.model = "A", .capacity = large});
    const std::vector<berth::gpu_description> one(1, {.model = "A", .capacity = large});
    const std::vector<berth::gpu_description> old(2, {.model = "A", .capacity = small});
    const berth::amount many[] = {64};
    (void)berth_test::need(builder.add_node({.capacity = many, .gpus = pair}));
    (void)berth_test::need(builder.add_node({.capacity = many, .gpus = one}));
    (void)berth_test::need(builder.add_node({.capacity = many, .gpus = old}));
    (void)berth_test::need(builder.add_node({.capacity = cores, .gpus = pair}));
    const auto machines = berth_test::need(std::move(builder).build());
    const std::vector<double> gpu_load{0.8, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0};
    const auto alarms = [&](std::size_t gpus, berth::amount memory, berth::amount cpu) {
        berth::workload_builder work{machines};
        const berth::amount demand[] = {400, memory};
        const berth::amount host[] = {cpu};
        (void)berth_test::need(work.add_task({.gpus = gpus, .gpu_demand = demand, .node_demand = host}));
        const berth_test::instance all{machines, berth_test::need(std::move(work).build())};
        return alarms_of(all, {at(0, berth::first_gpus(gpus))}, gpu_load, {0.8});
    };
    CHECK(alarms(1, 10, 1) == 1);   // the mean is over all
    CHECK(alarms(2, 10, 1) == 2);   // over all but the single one
    CHECK(alarms(2, 40, 16) == 0);  // over its own node
    CHECK(alarms(2, 40, 8) == 2);   // over the two nodes of large pairs
}

TEST_CASE("load_above_mean: a GPU with load but no task of the workload raises no alarm") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(1));
    CHECK(alarms_of(all, {at(0)}, {0.1, 0.9}, {0.1}) == 0);
    CHECK(alarms_of(all, {at(1)}, {0.1, 0.9}, {0.1}) == 1);
}

TEST_CASE("usable_means: random fleets, compared with the mean over all GPUs that a task fits when they are empty") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const auto all = berth_test::random_instance(seed, 30);
        const berth::problem p{all.machines, all.tasks};
        const berth::fleet& fleet = all.machines;
        berth::xoshiro256 g{seed + 9};
        std::vector<double> load(fleet.gpu_count());
        for (double& l : load) l = berth_test::chance(g, 10) ? std::nan("") : berth::uniform01(g);
        berth::projected_state now{p};
        const berth::assignment placement(all.tasks.task_count(), berth::unplaced);
        REQUIRE(now.update({.placement = placement, .gpu_load = load}));
        berth::detail::usable_means means{p};
        means.update(now);
        for (std::size_t i = 0; i < all.tasks.task_count(); ++i) {
            const auto demand = all.tasks.demand(berth::task_index{i});
            double sum = 0.0;
            std::size_t count = 0;
            for (std::size_t g1 = 0; g1 < fleet.gpu_count() && demand.gpus > 0; ++g1) {
                const berth::node_index n = fleet.node_of(berth::gpu_index{g1});
                const auto takes = [&](berth::gpu_index other) {
                    bool fits = (demand.accepted_models >> fleet.model(other).value() & 1U) != 0;
                    for (std::size_t r = 0; r < demand.gpu.size(); ++r)
                        fits = fits && fleet.capacity(other)[r] >= demand.gpu[r];
                    return fits && (!demand.same_model || fleet.model(other) == fleet.model(berth::gpu_index{g1}));
                };
                std::size_t enough = 0;
                for (std::size_t k = 0; k < fleet.gpu_count(n); ++k) enough += takes(fleet.gpu(n, k)) ? 1 : 0;
                if (!takes(berth::gpu_index{g1}) || enough < demand.gpus) continue;
                bool host = true;
                for (std::size_t r = 0; r < demand.node.size(); ++r)
                    host = host && fleet.capacity(n)[r] >= demand.node[r];
                if (!host || std::isnan(load[g1])) continue;
                sum += load[g1];
                count += now.healthy(n) >> (g1 - fleet.gpu(n, 0).value()) & 1U;
            }
            CHECK(means.of(berth::task_index{i}) ==
                  doctest::Approx(count == 0 ? 0.0 : sum / static_cast<double>(count)));
        }
    }
}
