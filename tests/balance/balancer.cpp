// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/balancer.hpp"

#include "berth/balance/triggers/fragmented.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/balance/triggers/overcommitted.hpp"
#include "berth/balance/triggers/power_above.hpp"
#include "berth/balance/triggers/temperature_above.hpp"
#include "berth/balance/triggers/unhealthy.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

using berth::balancer;
using berth::load_above;
using berth::migration_budget;
using berth::move_choice;
using berth::payback;
using berth::stay_reason;
using berth::task_index;
using berth::task_move;
using berth::triggers;
using berth_test::at;

namespace {

/// Raises alarms at the first observation.
constexpr load_above at_once{.rounds = 1, .sweep = 0};

/// Three GPUs of one node each; tasks of 0.3, 0.4 and 0.3 on the first, one of 0.2 on the second, none on the third.
struct three_gpus {
    berth_test::instance all = berth_test::make_instance({.nodes = 3}, std::vector<berth_test::small_task>(4));
    berth::problem problem{all.machines, all.tasks};
    berth::assignment placement{at(0), at(0), at(0), at(1)};
    std::vector<double> task_load{0.3, 0.4, 0.3, 0.2};
    std::vector<double> gpu_load{1.0, 0.2, 0.0};

    three_gpus() = default;
    three_gpus(const three_gpus&) = delete;
    [[nodiscard]] berth::fleet_observation seen(double time = 0.0) const {
        return {.time = time, .placement = placement, .gpu_load = gpu_load, .task_load = task_load};
    }
};

}  // namespace

TEST_CASE("balancer: the move with the largest gain is chosen first, computed by hand") {
    const three_gpus fleet;
    // Squares over 0.9²: 0.4 to GPU 2 gains 1 - 0.36 - 0.16 = 0.48 of 0.81; 0.3 gains 1 - 0.49 - 0.09 = 0.42.
    auto state = balancer{triggers{at_once}}.prepare(fleet.problem);
    const auto round = state.round(fleet.seen()).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move == task_move{task_index{1}, at(0), at(2)});
    CHECK(round.chosen[0].gain == doctest::Approx(600.0 * 0.48 / 0.81));
    CHECK(round.chosen[0].cost == doctest::Approx(1.0));
    CHECK(round.chosen[0].estimate.bytes == 1);
    CHECK(round.reason(round.chosen[0]) == std::string_view{"load above maximum"});
    CHECK(round.alarms.size() == 1);
    CHECK(round.answered == 1);
    CHECK(round.moves() == std::vector<task_move>{round.chosen[0].move});
    CHECK(state.projected().load(berth::gpu_index{0}) == doctest::Approx(0.6));
    CHECK(state.projected().load(berth::gpu_index{2}) == doctest::Approx(0.4));
}

TEST_CASE("balancer: tasks that stay are counted by reason") {
    three_gpus fleet;
    const auto refused = [&](const auto& policy, stay_reason why) {
        auto state = policy.prepare(fleet.problem);
        const auto round = state.round(fleet.seen()).value();
        CHECK(round.chosen.empty());
        CHECK(round.answered == 0);
        CHECK(round.stays(why) == 3);
    };
    const triggers hot{at_once};
    refused(balancer{hot, move_choice{payback{}, [](const task_move&) { return false; }}}, stay_reason::not_movable);
    refused(balancer{hot, move_choice{payback{}, berth::all_movable{}, {.min_gain = 10.0}}},
            stay_reason::gain_too_small);
    refused(balancer{hot, move_choice{payback{berth::uniform_migration{.seconds = 1e6}}}},
            stay_reason::gain_below_cost);
    refused(balancer{hot, move_choice{}, migration_budget{.moves = 0}}, stay_reason::over_budget);
    refused(balancer{hot, move_choice{}, migration_budget{.bytes = 0}}, stay_reason::over_budget);
    refused(balancer{hot, move_choice{}, migration_budget{.per_node = 0}}, stay_reason::over_budget);
    refused(balancer{hot, move_choice{}, migration_budget{.per_link = 0}}, stay_reason::over_budget);
    refused(balancer{triggers{load_above{.enter = 0.9, .leave = 0.25, .rounds = 1, .sweep = 0}}},
            stay_reason::over_limit);
    fleet.gpu_load = {1.0, 1.0, 1.0};
    auto state = balancer{hot}.prepare(fleet.problem);
    auto round = state.round(fleet.seen()).value();
    CHECK(round.alarms.size() == 3);
    CHECK(round.stays(stay_reason::no_improvement) == 4);
    CHECK(std::string_view{berth::to_string(stay_reason::no_improvement)} == "no improvement");

    // No room: another task holds the memory of the others.
    const std::vector<berth_test::small_task> tasks{{}, {}, {}, {.memory = 80}, {.memory = 80}};
    const auto full = berth_test::make_instance({.nodes = 3}, tasks);
    const berth::assignment where{at(0), at(0), at(0), at(1), at(2)};
    const std::vector<double> task_load{0.3, 0.4, 0.3, 0.2, 0.0};
    const std::vector<double> gpu_load{1.0, 0.2, 0.0};
    auto other = balancer{hot}.prepare({full.machines, full.tasks});
    round = other.round({.placement = where, .gpu_load = gpu_load, .task_load = task_load}).value();
    CHECK(round.stays(stay_reason::no_room) == 3);
}

TEST_CASE("balancer: the cooldown follows the observed time") {
    three_gpus fleet;
    auto state = balancer{triggers{at_once}, move_choice{payback{}, berth::all_movable{}, {.cooldown = 100.0}}}.prepare(
        fleet.problem);
    CHECK(state.round(fleet.seen(0.0)).value().chosen.size() == 1);
    // The move was declined: within the cooldown the next best task is chosen.
    auto round = state.round(fleet.seen(50.0)).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.task == task_index{0});
    round = state.round(fleet.seen(60.0)).value();
    CHECK(round.chosen.at(0).move.task == task_index{2});
    round = state.round(fleet.seen(99.0)).value();
    CHECK(round.chosen.empty());
    CHECK(round.stays(stay_reason::cooling_down) == 3);
    CHECK(state.round(fleet.seen(100.0)).value().chosen.at(0).move.task == task_index{1});
}

TEST_CASE("balancer: a move in flight loads its target and holds both ends") {
    three_gpus fleet;
    const task_move moving[] = {{task_index{1}, at(0), at(2)}};
    auto seen = fleet.seen();
    seen.in_flight = moving;
    auto state = balancer{triggers{at_once}}.prepare(fleet.problem);
    CHECK(state.round(seen).value().alarms.empty());  // 1.0 - 0.4 is below the limit
    CHECK(state.projected().in_flight(task_index{1}));
    CHECK(state.projected().ledger().free(berth::gpu_index{0})[0] == 700);
    CHECK(state.projected().ledger().free(berth::gpu_index{2})[0] == 900);

    // The same once it has arrived, with loads measured before.
    fleet.placement[1] = at(2);
    seen = fleet.seen();
    seen.settled = moving;
    CHECK(state.round(seen).value().alarms.empty());
    CHECK(state.projected().ledger().free(berth::gpu_index{0})[0] == 800);
    seen.settled = {};
    CHECK(state.round(seen).value().alarms.size() == 1);

    // In flight from a GPU that is still too hot: it is not chosen again.
    fleet.placement[1] = at(0);
    fleet.gpu_load[0] = 1.5;
    fleet.task_load = {0.0, 0.4, 0.0, 0.2};
    seen = fleet.seen();
    seen.in_flight = moving;
    auto fresh = balancer{triggers{at_once}}.prepare(fleet.problem);
    const auto round = fresh.round(seen).value();
    CHECK(round.alarms.size() == 1);
    CHECK(round.chosen.empty());
    CHECK(round.stays(stay_reason::in_flight) == 1);
    CHECK(round.stays(stay_reason::no_improvement) == 2);
}

TEST_CASE("balancer: moves in flight count against the budget of their nodes and links") {
    three_gpus fleet;
    fleet.task_load = {0.3, 0.1, 0.3, 0.2};
    const task_move moving[] = {{task_index{1}, at(0), at(2)}};
    auto seen = fleet.seen();
    seen.in_flight = moving;
    const auto chosen = [&](migration_budget budget) {
        auto state =
            balancer{triggers{load_above{.enter = 0.8, .leave = 0.7, .rounds = 1, .sweep = 0}}, move_choice{}, budget}
                .prepare(fleet.problem);
        return state.round(seen).value().chosen;
    };
    CHECK(chosen({}).at(0).move.to == at(2));
    CHECK(chosen({.per_link = 1}).at(0).move.to == at(1));
    CHECK(chosen({.per_link = 2}).at(0).move.to == at(2));
    CHECK(chosen({.per_node = 1}).empty());
    CHECK(chosen({.in_flight = 1}).empty());
    CHECK(chosen({.in_flight = 2}).size() == 1);
    CHECK(chosen({.bytes = 1}).size() == 1);
}

TEST_CASE("balancer: a move of a task that ends soon gains less than it costs") {
    three_gpus fleet;
    const std::vector<double> remaining{1e9, 1.0, 1e9, 1e9};
    auto seen = fleet.seen();
    seen.remaining = remaining;
    auto state = balancer{triggers{at_once}}.prepare(fleet.problem);
    const auto round = state.round(seen).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.task == task_index{0});
    CHECK(round.chosen[0].gain == doctest::Approx(600.0 * 0.42 / 0.81));
}

TEST_CASE("balancer: no target is over the limit of another trigger") {
    three_gpus fleet;
    const std::vector<double> temperature{60.0, 40.0, 77.0};
    const std::vector<double> power{300.0, 5390.0, 300.0};
    auto seen = fleet.seen();
    seen.gpu_temperature = temperature;
    auto hot = balancer{triggers{at_once, berth::temperature_above{}}}.prepare(fleet.problem);
    CHECK(hot.round(seen).value().chosen.at(0).move.to == at(1));
    seen.node_power = power;
    auto capped = balancer{triggers{at_once, berth::temperature_above{}, berth::power_above{}}}.prepare(fleet.problem);
    const auto round = capped.round(seen).value();
    CHECK(round.chosen.empty());
    CHECK(round.stays(stay_reason::over_limit) == 3);
}

TEST_CASE("balancer: alarms are answered in the order of triggers") {
    three_gpus fleet;
    const std::vector<berth::gpu_mask> healthy{1, 0, 1};
    auto seen = fleet.seen();
    seen.healthy = healthy;
    const auto first = [&](const auto& policy) {
        auto state = policy.prepare(fleet.problem);
        const auto round = state.round(seen).value();
        CHECK(round.chosen.size() == 2);
        return round.chosen.at(0).move.task;
    };
    CHECK(first(balancer{triggers{berth::unhealthy{}, at_once}}) == task_index{3});
    CHECK(first(balancer{triggers{at_once, berth::unhealthy{}}}) == task_index{1});
}

TEST_CASE("balancer: a move that ends several alarms answers all of them") {
    // Both GPUs of node 0 are hot; the task that runs on both is the largest, and takes both below the limit.
    const std::vector<berth_test::small_task> tasks{{.gpus = 2}, {}, {}, {}, {}};
    const auto all = berth_test::make_instance({.nodes = 3, .gpus = 2}, tasks);
    const berth::assignment placement{at(0, 3), at(0, 1), at(0, 1), at(0, 2), at(0, 2)};
    const std::vector<double> task_load{0.4, 0.3, 0.3, 0.3, 0.3};
    const std::vector<double> gpu_load{1.0, 1.0, 0.0, 0.0, 0.0, 0.0};
    auto state = balancer{triggers{at_once}}.prepare({all.machines, all.tasks});
    const auto round = state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load}).value();
    CHECK(round.alarms.size() == 2);
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move == task_move{task_index{0}, at(0, 3), at(1, 3)});
    CHECK(round.answered == 2);

    // The same with two triggers.
    const std::vector<double> power{1000.0, 300.0, 300.0};
    auto two = balancer{triggers{berth::power_above{.enter = 950.0, .leave = 850.0, .rounds = 1}, at_once}}.prepare(
        {all.machines, all.tasks});
    const auto both =
        two.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load, .node_power = power}).value();
    CHECK(both.alarms.size() == 3);
    CHECK(both.chosen.size() == 1);
    CHECK(both.answered == 3);
}

TEST_CASE("balancer: room in a domain is checked again before each choice") {
    // Two hot nodes in one rack, two idle ones in another that has power for one more task.
    berth::fleet_builder builder{berth::resource_schema{.gpu = {"share"}, .node = {}, .domain = {"power"}}};
    const berth::amount plenty[] = {100};
    const berth::amount scarce[] = {10};
    (void)berth_test::need(builder.add_domain("hot", 0, plenty));
    (void)berth_test::need(builder.add_domain("idle", 0, scarce));
    const std::vector<berth::gpu_description> gpus(1);
    for (const std::string_view rack : {"hot", "hot", "idle", "idle"})
        (void)berth_test::need(builder.add_node({.gpus = gpus, .domains = {&rack, 1}}));
    const auto machines = berth_test::need(std::move(builder).build());
    berth::workload_builder work{machines};
    const berth::amount share[] = {100};
    const berth::amount watts[] = {10};
    for (int t = 0; t < 4; ++t) (void)berth_test::need(work.add_task({.gpu_demand = share, .domain_demand = watts}));
    const auto tasks = berth_test::need(std::move(work).build());
    const berth::problem p{machines, tasks};
    berth::assignment placement{at(0), at(0), at(1), at(1)};
    const std::vector<double> task_load{0.5, 0.5, 0.5, 0.5};
    const std::vector<double> gpu_load{1.0, 1.0, 0.0, 0.0};
    const auto apart = [](const task_move& r) { return r.to.node.value() == (r.task.value() < 2 ? 2 : 3); };
    auto state = balancer{triggers{at_once}, move_choice{payback{}, apart}}.prepare(p);
    const auto round = state.round({.placement = placement, .gpu_load = gpu_load, .task_load = task_load}).value();
    CHECK(round.alarms.size() == 2);
    CHECK(round.chosen.size() == 1);
    CHECK(round.stays(stay_reason::no_room) == 2);
    berth_test::carry_out(p, round, placement);
}

TEST_CASE("balancer: an observation that does not belong to the problem is refused with a message") {
    const three_gpus fleet;
    auto state = balancer{triggers{at_once}}.prepare(fleet.problem);
    const auto message = [&](const berth::fleet_observation& seen) { return state.round(seen).error().message; };
    auto seen = fleet.seen();
    const std::vector<double> two(2, 0.0);
    seen.gpu_load = two;
    CHECK(message(seen) == "observation: gpu_load has 2 entries, expected 3");
    const std::vector<double> bad{0.0, 1.0 / 0.0, 0.0};
    seen.gpu_load = bad;
    CHECK(message(seen) == "observation: gpu_load[1] is not finite");
    seen = fleet.seen();
    const std::vector<double> speed{1.0, 0.0, 1.0};
    seen.gpu_speed = speed;
    CHECK(message(seen) == "observation: gpu_speed[1] is not above 0");
    seen = fleet.seen();
    const std::vector<double> negative{0.1, 0.1, 0.1, -0.1};
    seen.task_load = negative;
    CHECK(message(seen) == "observation: task_load[3] is below 0");
    seen = fleet.seen();
    const task_move from_elsewhere[] = {{task_index{1}, at(1), at(2)}};
    seen.in_flight = from_elsewhere;
    CHECK(message(seen) == "observation: a move in flight is not of a task that is placed at its source");
    const task_index placed[] = {task_index{0}};
    seen = fleet.seen();
    seen.waiting = placed;
    CHECK(message(seen) == "observation: waiting names an unknown task, or one that is placed");
    seen = fleet.seen();
    seen.placement = seen.placement.first(2);
    CHECK(message(seen) == "assignment: it has 2 slots, the workload has 4 tasks");
    CHECK(state.round(fleet.seen()).value().chosen.size() == 1);
    CHECK(message(fleet.seen(-1.0)) == "observation: time is before that of the round before; if the next observation "
                                       "agrees, it is taken as the clock's new time");
}

TEST_CASE("balancer: the projected state outlives the caller's arrays") {
    const three_gpus fleet;
    auto state = balancer{triggers{at_once}}.prepare(fleet.problem);
    {
        std::vector<double> load = fleet.gpu_load;
        std::vector<double> task_load = fleet.task_load;
        berth::assignment placement = fleet.placement;
        REQUIRE(state.round({.placement = placement, .gpu_load = load, .task_load = task_load}));
        task_load.assign(4, 9.0);
        placement.assign(4, berth::unplaced);
    }
    CHECK(state.projected().added_load(task_index{1}, berth::gpu_index{2}) == 0.4);
    CHECK(state.projected().observed(task_index{1}) == at(0));
    CHECK(state.projected().where(task_index{1}) == at(2));
}

TEST_CASE("balancer: without a healthy GPU nothing moves") {
    const std::vector<berth_test::small_task> tasks{{}, {.gpus = 2}, {.gpus = 0}};
    const auto all = berth_test::make_instance({.nodes = 2, .gpus = 2, .sick_nodes = {0, 1}}, tasks);
    const berth::assignment placement{at(0), at(1, 3), at(1, 0)};
    auto state = balancer{triggers{berth::unhealthy{}, at_once}}.prepare({all.machines, all.tasks});
    const auto round = state.round({.placement = placement}).value();
    CHECK(round.alarms.size() == 2);
    CHECK(round.answered == 0);
    CHECK(round.chosen.empty());
    CHECK(round.stays(stay_reason::no_room) == 3);
}

TEST_CASE("balancer: a workload without tasks") {
    const auto all = berth_test::make_instance({.nodes = 2, .sick_nodes = {1}}, {});
    const std::vector<double> load{1.0, 1.0};
    auto state =
        balancer{triggers{berth::unhealthy{}, at_once, berth::load_above_mean{}}}.prepare({all.machines, all.tasks});
    const auto round = state.round({.gpu_load = load}).value();
    CHECK(round.chosen.empty());
    CHECK(round.answered == 0);
    for (std::size_t i = 0; i < berth::stay_reason_count; ++i) CHECK(round.staying[i] == 0);
}

namespace {

/// Random fleets, placements, loads and triggers.
struct random_scene {
    berth_test::instance all;
    berth::assignment placement;
    std::vector<double> task_load;
    std::vector<double> speed;

    [[nodiscard]] std::vector<double> gpu_load() const {
        auto load = berth_test::loads_of(all.machines, placement, task_load);
        for (std::size_t g = 0; g < load.size(); ++g) load[g] /= speed[g];
        return load;
    }
};

random_scene make_scene(std::uint64_t seed) {
    berth::xoshiro256 g{seed};
    const std::size_t nodes = 2 + berth_test::below(g, 6);
    const std::size_t gpus = 1 + berth_test::below(g, 5);
    std::vector<berth_test::small_task> tasks(nodes * gpus * (1 + berth_test::below(g, 6)));
    for (auto& task : tasks) {
        task.gpus = berth_test::chance(g, 80) ? 1 : 1 + berth_test::below(g, gpus);
        task.share = static_cast<berth::amount>(20 + berth_test::below(g, 300));
        task.memory = static_cast<berth::amount>(1 + berth_test::below(g, 30));
        task.bytes = static_cast<berth::amount>(berth_test::below(g, 100));
    }
    random_scene scene{berth_test::make_instance({.nodes = nodes, .gpus = gpus}, tasks), {}, {}, {}};
    berth::ledger ledger{scene.all.machines};
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const auto demand = scene.all.tasks.demand(task_index{t});
        berth::slot where = berth::unplaced;
        for (int attempt = 0; attempt < 10 && !where.placed(); ++attempt) {
            const berth::node_index n{berth_test::below(g, nodes)};
            berth::gpu_mask fitting = ledger.fitting_gpus(demand, n);
            if (!berth::has_gpus(fitting, demand.gpus)) continue;
            while (berth::gpu_count(fitting) > demand.gpus)
                fitting &= ~(berth::gpu_mask{1} << berth_test::below(g, gpus));
            where = {n, fitting};
            ledger.place(demand, where);
        }
        scene.placement.push_back(where);
        scene.task_load.push_back(0.3 * berth::uniform01(g));
    }
    for (std::size_t i = 0; i < nodes * gpus; ++i) scene.speed.push_back(berth_test::chance(g, 70) ? 1.0 : 2.0);
    return scene;
}

}  // namespace

TEST_CASE("balancer: random fleets - every move fits, improves, keeps the budget, and the choices come to an end") {
    std::size_t chosen = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        random_scene scene = make_scene(seed);
        const berth::problem p{scene.all.machines, scene.all.tasks};
        berth::xoshiro256 g{seed + 1000};
        const migration_budget budget{.moves = 1 + berth_test::below(g, 6),
                                      .bytes = static_cast<berth::amount>(50 + berth_test::below(g, 400)),
                                      .per_node = 1 + berth_test::below(g, 4),
                                      .per_link = 1 + berth_test::below(g, 3)};
        const load_above trigger{.enter = 0.5, .leave = 0.45, .rounds = 1, .sweep = 0};
        const auto pinned = [](const task_move& r) { return r.task.value() % 7 != 0; };
        auto state = balancer{triggers{trigger}, move_choice{payback{}, pinned, {.cooldown = 0.0}}, budget}.prepare(p);
        int rounds = 0;
        for (;; ++rounds) {
            REQUIRE(rounds < 200);
            const auto loads = scene.gpu_load();
            const auto round = state
                                   .round({.time = static_cast<double>(rounds),
                                           .placement = scene.placement,
                                           .gpu_load = loads,
                                           .task_load = scene.task_load,
                                           .gpu_speed = scene.speed})
                                   .value();
            if (round.chosen.empty()) break;
            REQUIRE(round.chosen.size() <= budget.moves);
            chosen += round.chosen.size();
            berth::amount bytes = 0;
            std::vector<std::size_t> at_node(p.fleet().node_count(), 0);
            std::set<std::size_t> tasks;
            const auto before = scene.placement;
            for (const auto& c : round.chosen) {
                REQUIRE(tasks.insert(c.move.task.value()).second);
                REQUIRE(pinned(c.move));
                REQUIRE(c.gain > c.cost);
                bytes += c.estimate.bytes;
                ++at_node[c.move.from.node.value()];
                if (!(c.move.to.node == c.move.from.node)) ++at_node[c.move.to.node.value()];
                // Strictly better, one after the other: all targets end below the limit and below the highest source.
                const auto load = scene.gpu_load();
                scene.placement[c.move.task.value()] = c.move.to;
                const auto after = scene.gpu_load();
                double highest = 0.0;
                double square_before = 0.0;
                double square_after = 0.0;
                for (std::size_t i = 0; i < load.size(); ++i) {
                    if (load[i] > after[i]) highest = std::max(highest, load[i]);
                    square_before += load[i] * load[i];
                    square_after += after[i] * after[i];
                }
                for (std::size_t i = 0; i < load.size(); ++i) {
                    if (after[i] > load[i]) {
                        REQUIRE(after[i] < trigger.leave + 1e-9);
                        REQUIRE(after[i] < highest + 1e-9);
                    }
                }
                REQUIRE(square_after < square_before);
            }
            REQUIRE(bytes <= budget.bytes);
            for (const std::size_t n : at_node) REQUIRE(n <= budget.per_node);
            for (std::size_t i = 0; i < round.chosen.size(); ++i) {
                std::size_t same = 0;
                const auto& a = round.chosen[i].move;
                for (const auto& c : round.chosen) {
                    const auto& b = c.move;
                    same += (a.from.node == b.from.node && a.to.node == b.to.node) ||
                                    (a.from.node == b.to.node && a.to.node == b.from.node)
                                ? 1
                                : 0;
                }
                REQUIRE((same <= budget.per_link || a.from.node == a.to.node));
            }
            scene.placement = before;
            berth_test::carry_out(p, round, scene.placement);
        }
    }
    CHECK(chosen > 400);
}

TEST_CASE("balancer: random fleets with racks - all triggers, moves in flight and waiting tasks") {
    std::size_t chosen = 0;
    std::size_t rooms = 0;
    std::size_t answered = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        const auto all = berth_test::random_instance(seed, 60);
        const berth::problem p{all.machines, all.tasks};
        berth::xoshiro256 g{seed + 5000};
        const std::size_t nodes = p.fleet().node_count();
        const auto any_slot = [&](const berth::ledger& ledger, const berth::demand_view& demand) -> berth::slot {
            const berth::node_index n{berth_test::below(g, nodes)};
            const std::size_t gpus = p.fleet().gpu_count(n);
            if (demand.gpus > gpus) return berth::unplaced;
            berth::slot where{n, 0};
            while (berth::gpu_count(where.gpus) < demand.gpus)
                where.gpus |= berth::gpu_mask{1} << berth_test::below(g, gpus);
            return ledger.has_room(demand, where) ? where : berth::unplaced;
        };
        berth::ledger ledger{all.machines};
        berth::assignment placement(all.tasks.task_count(), berth::unplaced);
        std::vector<task_index> waiting;
        std::vector<task_move> flights;
        for (std::size_t t = 0; t < placement.size(); ++t) {
            const auto demand = all.tasks.demand(task_index{t});
            for (int attempt = 0; attempt < 6 && !placement[t].placed(); ++attempt)
                placement[t] = any_slot(ledger, demand);
            if (placement[t].placed()) {
                ledger.place(demand, placement[t]);
            } else {
                waiting.emplace_back(t);
            }
        }
        for (std::size_t t = 0; t < placement.size(); t += 9) {
            const berth::slot to = any_slot(ledger, all.tasks.demand(task_index{t}));
            if (!to.placed() || !placement[t].placed() || to == placement[t]) continue;
            ledger.place(all.tasks.demand(task_index{t}), to);
            flights.push_back({task_index{t}, placement[t], to});
        }
        const auto numbers = [&](std::size_t count, double least, double most) {
            std::vector<double> values(count);
            for (double& value : values) value = least + (most - least) * berth::uniform01(g);
            return values;
        };
        const auto task_load = numbers(placement.size(), 0.0, 0.4);
        const auto gpu_load = numbers(p.fleet().gpu_count(), 0.0, 1.2);
        const auto speed = numbers(p.fleet().gpu_count(), 0.5, 2.0);
        const auto temperature = numbers(p.fleet().gpu_count(), 40.0, 90.0);
        const auto power = numbers(nodes, 1000.0, 6500.0);
        std::vector<berth::gpu_mask> healthy(nodes, ~berth::gpu_mask{0});
        healthy[0] = 0;
        const balancer policy{triggers{berth::unhealthy{}, at_once, berth::load_above_mean{.rounds = 1},
                                       berth::temperature_above{.rounds = 1}, berth::power_above{.rounds = 1},
                                       berth::fragmented{}},
                              move_choice{}, migration_budget{.per_node = 1 + berth_test::below(g, 5)}};
        auto state = policy.prepare(p);
        const auto round =
            state
                .round({.placement = placement,
                        .in_flight = flights,
                        .waiting = waiting,
                        .gpu_load = gpu_load,
                        .task_load = task_load,
                        .gpu_speed = seed % 2 == 0 ? std::span<const double>{speed} : std::span<const double>{},
                        .gpu_temperature = temperature,
                        .node_power = power,
                        .healthy = healthy})
                .value();
        REQUIRE(round.answered <= round.alarms.size());
        for (const auto& c : round.chosen) {
            const auto demand = all.tasks.demand(c.move.task);
            REQUIRE(placement[c.move.task.value()] == c.move.from);
            REQUIRE((c.move.to.gpus & ~healthy[c.move.to.node.value()]) == 0);
            REQUIRE(ledger.fits(demand, c.move.to));  // with all that is in flight, and its own source, held
            for (const task_move& r : flights) REQUIRE(r.task != c.move.task);
            ledger.place(demand, c.move.to);
            ledger.remove(demand, c.move.from);
            placement[c.move.task.value()] = c.move.to;
        }
        for (const auto& room : round.rooms) {
            REQUIRE(ledger.fits(all.tasks.demand(room.task), room.where));
            ledger.place(all.tasks.demand(room.task), room.where);
        }
        REQUIRE(ledger == state.projected().ledger());
        chosen += round.chosen.size();
        rooms += round.rooms.size();
        answered += round.answered;
    }
    CHECK(chosen > 150);
    CHECK(rooms > 0);
    CHECK(answered > 50);
}

namespace {

/// Asks to stop at the given poll.
struct stop_at {
    std::size_t* polls;
    std::size_t last;
    [[nodiscard]] bool stop_requested() const { return ++*polls >= last; }
};

/// Counts hooks.
struct choice_counter {
    std::size_t* steps;
    void on_progress(const berth::progress& p) const { *steps = p.done; }
};

}  // namespace

TEST_CASE("balancer: a stopped round returns valid choices and why it ended") {
    std::size_t early = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        const random_scene scene = make_scene(seed);
        const berth::problem p{scene.all.machines, scene.all.tasks};
        const auto loads = scene.gpu_load();
        const berth::fleet_observation seen{
            .placement = scene.placement, .gpu_load = loads, .task_load = scene.task_load, .gpu_speed = scene.speed};
        const balancer policy{triggers{load_above{.enter = 0.5, .leave = 0.45, .rounds = 1, .sweep = 0}}};
        const auto whole = policy.prepare(p).round(seen).value();
        CHECK(whole.stopped == berth::stop_reason::completed);
        for (std::uint64_t budget = 0; budget <= whole.evaluations + 1; budget += 1 + whole.evaluations / 7) {
            auto state = policy.prepare(p);
            const auto round = state.round(seen, berth::run_control<>{.max_evaluations = budget}).value();
            CHECK(round.evaluations <= budget);
            CHECK(round.alarms == whole.alarms);
            CHECK(round.answered <= round.alarms.size());
            berth::assignment placement = scene.placement;
            berth_test::carry_out(p, round, placement);
            CHECK(state.projected().ledger() == berth_test::need(berth::make_ledger(p, placement)));
            for (const auto& c : round.chosen) CHECK(c.gain > c.cost);
            if (budget > whole.evaluations) {
                CHECK(round == whole);
            } else if (!round.alarms.empty()) {
                CHECK(round.stopped == berth::stop_reason::budget_exhausted);
                early += round.chosen.empty() ? 0 : 1;
            }
            // The same budget gives the same round, and the state goes on as ever.
            CHECK(policy.prepare(p).round(seen, berth::run_control<>{.max_evaluations = budget}).value() == round);
            CHECK(state.round(seen).value().stopped == berth::stop_reason::completed);
        }
    }
    CHECK(early > 10);
}

TEST_CASE("balancer: the control is polled within the search of one place") {
    // One hot GPU with 40 tasks and 500 targets: 20,000 evaluations, no other place to search.
    const std::vector<berth_test::small_task> tasks(40, {.share = 20});
    const auto all = berth_test::make_instance({.nodes = 500}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement(40, at(0));
    const std::vector<double> task_load(40, 0.025);
    std::vector<double> gpu_load(500, 0.0);
    const std::vector<double> speed(500, 1.0);  // given: every target is evaluated
    gpu_load[0] = 1.0;
    const berth::fleet_observation seen{
        .placement = placement, .gpu_load = gpu_load, .task_load = task_load, .gpu_speed = speed};
    const balancer policy{triggers{at_once}};
    std::size_t polls = 0;
    std::size_t steps = 0;
    const auto whole =
        policy.prepare(p)
            .round(seen, berth::run_control<stop_at, choice_counter>{.stop = {&polls, 1U << 30U}, .observer = {&steps}})
            .value();
    CHECK(whole.stopped == berth::stop_reason::completed);
    CHECK(whole.chosen.size() > 5);
    CHECK(steps == whole.chosen.size());
    CHECK(polls * 512 > whole.evaluations);
    for (const std::size_t last : {1U, 2U, 40U}) {
        polls = 0;
        const auto round = policy.prepare(p).round(seen, berth::run_control<stop_at>{.stop = {&polls, last}}).value();
        CHECK(round.stopped == berth::stop_reason::cancelled);
        CHECK(polls == last);
        CHECK(round.evaluations <= 256 * last);
        CHECK(round.chosen.size() == (last == 1 ? 0 : 1));
    }
}

TEST_CASE("balancer: a stopped round makes no room in part") {
    const std::vector<berth_test::small_task> tasks{{.share = 500}, {.share = 300}, {.share = 600}, {.share = 900}};
    const auto all = berth_test::make_instance({.nodes = 3}, tasks);
    const berth::problem p{all.machines, all.tasks};
    const berth::assignment placement{at(0), at(0), at(1), berth::unplaced};
    const std::vector<berth::task_index> waiting{task_index{3}};
    auto full = berth::assignment{at(0), at(0), at(1), berth::unplaced};
    for (std::uint64_t budget = 0; budget < 40; ++budget) {
        auto state = balancer{triggers{berth::fragmented{}}}.prepare(p);
        const auto round =
            state.round({.placement = placement, .waiting = waiting}, berth::run_control<>{.max_evaluations = budget})
                .value();
        CHECK(round.chosen.empty() == round.rooms.empty());
        if (round.chosen.empty()) CHECK(state.projected().ledger() == berth_test::need(berth::make_ledger(p, full)));
    }
}

TEST_CASE("balancer: same observations, same choices, also from a copy") {
    const random_scene scene = make_scene(3);
    const berth::problem p{scene.all.machines, scene.all.tasks};
    const auto loads = scene.gpu_load();
    const berth::fleet_observation seen{
        .placement = scene.placement, .gpu_load = loads, .task_load = scene.task_load, .gpu_speed = scene.speed};
    const balancer policy{
        triggers{load_above{.enter = 0.5, .leave = 0.4, .rounds = 1}, berth::load_above_mean{.rounds = 1}}};
    auto one = policy.prepare(p);
    auto two = one;
    CHECK(one.round(seen).value() == two.round(seen).value());
    auto three = one;
    CHECK(three.round(seen).value() == one.round(seen).value());
}

TEST_CASE("balancer: choices are the same on every compiler") {
    std::uint64_t sum = 0;
    const auto mix = [&sum](std::uint64_t value) { sum = berth::splitmix64(sum ^ value); };
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const random_scene scene = make_scene(seed);
        const berth::problem p{scene.all.machines, scene.all.tasks};
        const auto loads = scene.gpu_load();
        auto state = balancer{triggers{load_above{.enter = 0.5, .leave = 0.45, .rounds = 1, .sweep = 0}}}.prepare(p);
        const auto round = state
                               .round({.placement = scene.placement,
                                       .gpu_load = loads,
                                       .task_load = scene.task_load,
                                       .gpu_speed = scene.speed})
                               .value();
        for (const auto& c : round.chosen)
            mix((c.move.task.value() * 64 + c.move.to.node.value()) * 64 + c.move.to.gpus);
        mix(round.answered);
    }
    CHECK(sum == 0xaf35d2bb9887f826ULL);
}

namespace {

/// Loads that vary around a mean, round by round, and everything that is chosen is carried out at once.
template <class Policy>
struct living_fleet {
    berth_test::instance all;
    berth::problem problem;
    decltype(std::declval<const Policy&>().prepare(std::declval<const berth::problem&>())) state;
    berth::assignment placement;
    std::size_t rounds = 0;

    living_fleet(berth_test::instance made, const Policy& policy, berth::assignment start)
        : all{std::move(made)},
          problem{all.machines, all.tasks},
          state{policy.prepare(problem)},
          placement{std::move(start)} {}
    living_fleet(const living_fleet&) = delete;

    berth::balance_round step(const std::vector<double>& task_load, const std::vector<double>& outside = {}) {
        auto load = berth_test::loads_of(all.machines, placement, task_load);
        for (std::size_t g = 0; g < outside.size(); ++g) load[g] += outside[g];
        auto round = state
                         .round({.time = 10.0 * static_cast<double>(rounds++),
                                 .placement = placement,
                                 .gpu_load = load,
                                 .task_load = task_load})
                         .value();
        berth_test::carry_out(problem, round, placement);
        return round;
    }
};

}  // namespace

namespace {

struct moves_made {
    std::size_t early = 0;  ///< in the first hundred rounds
    std::size_t late = 0;   ///< in the thousand after them
    std::size_t loud = 0;   ///< GPUs at 0.75 or more in one of those
};

/// 64 GPUs, on average six tasks of 0.02 to 0.18 on each, a third of their load at random in every round.
template <class Policy>
moves_made under_noise(const Policy& policy, std::uint64_t seed) {
    berth::xoshiro256 g{seed};
    constexpr std::size_t gpus = 64;
    constexpr std::size_t tasks = 384;
    const std::vector<berth_test::small_task> all(tasks, {.share = 10, .memory = 1});
    berth::assignment start;
    std::vector<double> mean;
    for (std::size_t t = 0; t < tasks; ++t) {
        const std::size_t node = berth_test::below(g, gpus / 4);
        start.push_back(at(node, berth::gpu_mask{1} << berth_test::below(g, 4)));
        mean.push_back(0.02 + 0.16 * berth::uniform01(g));
    }
    living_fleet fleet{berth_test::make_instance({.nodes = gpus / 4, .gpus = 4}, all), policy, start};
    moves_made made;
    std::vector<double> now(tasks);
    for (int round = 0; round < 1100; ++round) {
        for (std::size_t t = 0; t < tasks; ++t) now[t] = mean[t] * (0.67 + 0.66 * berth::uniform01(g));
        const auto load = berth_test::loads_of(fleet.all.machines, fleet.placement, now);
        for (const double l : load) made.loud += round >= 100 && l >= 0.75 ? 1 : 0;
        (round < 100 ? made.early : made.late) += fleet.step(now).chosen.size();
    }
    return made;
}

}  // namespace

TEST_CASE("no churn: under stationary random load nothing moves for a thousand rounds after the first") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const auto made = under_noise(balancer{triggers{load_above{}}}, seed);
        CHECK(made.early > 5);
        CHECK(made.late == 0);
        CHECK(made.loud > 100);  // the noise does reach the thresholds' gap
    }
}

TEST_CASE("no churn: nor with thresholds in multiples of the mean") {
    const auto made = under_noise(balancer{triggers{berth::load_above_mean{}}}, 4);
    CHECK(made.early > 20);
    CHECK(made.late == 0);
}

TEST_CASE("no churn: two GPUs that are hot in turns do not trade tasks") {
    for (const load_above& trigger : {load_above{}, load_above{.rounds = 1, .memory = 1200.0, .sweep = 0}}) {
        for (const int period : {1, 2, 5, 20, 50}) {
            const std::vector<berth_test::small_task> tasks(6);
            const balancer policy{triggers{trigger}, move_choice{payback{}, berth::all_movable{}, {.cooldown = 0.0}}};
            living_fleet fleet{
                berth_test::make_instance({.nodes = 2}, tasks), policy, {at(0), at(0), at(0), at(1), at(1), at(1)}};
            const std::vector<double> load(6, 0.15);
            std::size_t moves = 0;
            std::set<std::pair<std::size_t, std::size_t>> left;
            for (int round = 0; round < 1000; ++round) {
                const bool first = round / period % 2 == 0;
                // The load of somebody else goes back and forth.
                const auto answer = fleet.step(load, {first ? 0.5 : 0.0, first ? 0.0 : 0.5});
                for (const auto& c : answer.chosen) {
                    ++moves;
                    left.insert({c.move.task.value(), c.move.from.node.value()});
                    CHECK(left.count({c.move.task.value(), c.move.to.node.value()}) == 0);
                }
            }
            CHECK(moves <= 1);
        }
    }
}

TEST_CASE("no churn: load that alternates every round raises no alarm that takes several rounds") {
    const std::vector<berth_test::small_task> tasks(6);
    const balancer policy{triggers{load_above{.rounds = 2, .sweep = 0}}};
    living_fleet fleet{
        berth_test::make_instance({.nodes = 2}, tasks), policy, {at(0), at(0), at(0), at(1), at(1), at(1)}};
    for (int round = 0; round < 100; ++round) {
        const bool first = round % 2 == 0;
        CHECK(fleet.step(std::vector<double>(6, 0.15), {first ? 0.5 : 0.0, first ? 0.0 : 0.5}).alarms.empty());
    }
}

TEST_CASE(
    "balancer: a fleet and a workload that grow in place keep the state: a hot GPU is relieved while tasks arrive") {
    // Every round a task arrives on the last node; every third, a node joins.
    std::vector<berth_test::small_task> tasks(2);
    std::size_t nodes = 2;
    auto all = berth_test::make_instance({.nodes = nodes}, tasks);
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement{at(0), at(0)};
    std::vector<double> task_load{0.4, 0.4};
    auto state = balancer{triggers{berth::unhealthy{}, berth::overcommitted{}, load_above{},
                                   berth::temperature_above{.rounds = 3, .sweep = 0}, berth::fragmented{}}}
                     .prepare(p);
    std::size_t moves = 0;
    for (int i = 0; i < 12; ++i) {
        const std::vector<double> temperature = [&] {
            std::vector<double> t(nodes, 50.0);
            for (const auto& where : placement) t[where.node.value()] += where.node.value() == 0 ? 21.0 : 0.0;
            return t;
        }();
        const auto loads = berth_test::loads_of(all.machines, placement, task_load);
        auto round = state
                         .round({.time = 10.0 * i,
                                 .placement = placement,
                                 .gpu_load = loads,
                                 .task_load = task_load,
                                 .gpu_temperature = temperature})
                         .value();
        berth_test::carry_out(p, round, placement);
        moves += round.chosen.size();
        CHECK(round.chosen.size() == (i == 2 ? 1 : 0));  // three rounds at 92 °C
        CHECK(state.projected().ledger() == berth_test::need(berth::make_ledger(p, placement)));
        tasks.push_back({.memory = 2});
        task_load.push_back(0.01);
        nodes += i % 3 == 2 ? 1 : 0;
        auto grown = berth_test::make_instance({.nodes = nodes}, tasks);
        all.machines = std::move(grown.machines);
        all.tasks = std::move(grown.tasks);
        placement.push_back(at(nodes - 1));
    }
    CHECK(moves == 1);
    placement.pop_back();
    CHECK(state.round({.time = 200.0, .placement = placement}).error().code == berth::error_code::inconsistent);
}
