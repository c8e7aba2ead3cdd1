// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/triggers/unhealthy.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
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

TEST_CASE(
    "unhealthy: a node without GPUs becomes sick while it runs, is drained, and is trusted again after some rounds") {
    // Node 0 has no GPU in use; its tasks want none.
    const std::vector<berth_test::small_task> tasks{{.gpus = 0}, {.gpus = 0}};
    const auto all = berth_test::make_instance({.nodes = 2, .gpus = 0}, tasks);
    const berth::problem p{all.machines, all.tasks};
    berth::assignment placement{at(0, 0), at(0, 0)};
    auto state = berth::balancer{berth::triggers{berth::unhealthy{.rounds = 2, .recovery_rounds = 2}}}.prepare(p);
    const auto round = [&](std::uint8_t first, std::uint8_t second) {
        const std::vector<std::uint8_t> nodes{first, second};
        auto answer = state.round({.placement = placement, .node_healthy = nodes}).value();
        berth_test::carry_out(p, answer, placement);
        return answer.chosen.size();
    };
    CHECK(state.round({.placement = placement}).value().alarms.empty());
    CHECK(round(0, 1) == 0);
    CHECK(round(0, 1) == 2);
    CHECK(placement == berth::assignment{at(1, 0), at(1, 0)});
    CHECK(round(1, 0) == 0);
    CHECK(round(1, 0) == 2);  // node 0 has been healthy for two rounds
}

TEST_CASE("unhealthy: of two tasks for one room the more important one moves") {
    // Node 0 is sick; room for one of 50. The other sick node's task is of a priority between.
    for (const bool first : {false, true}) {
        const std::vector<berth_test::small_task> tasks{{.memory = 50, .priority = first ? 100 : 0},
                                                        {.memory = 50, .priority = first ? 0 : 100},
                                                        {.memory = 50, .priority = 50},
                                                        {.memory = 30}};
        const auto all = berth_test::make_instance({.nodes = 3}, tasks);
        const berth::assignment placement{at(0), at(0), at(1), at(2)};
        const std::vector<berth::gpu_mask> healthy{0, 0, 1};
        auto state = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare({all.machines, all.tasks});
        const auto round = state.round({.placement = placement, .healthy = healthy}).value();
        REQUIRE(round.chosen.size() == 1);
        CHECK(round.chosen[0].move.task.value() == (first ? 0 : 1));
        CHECK(round.stays(berth::stay_reason::no_room) == 2);
    }
}

TEST_CASE("unhealthy: tasks leave a dead GPU even if they end soon, the move costs much, or gains little") {
    const auto all = berth_test::make_instance({.nodes = 2}, std::vector<berth_test::small_task>(2));
    const berth::assignment placement{at(0), at(0)};
    const std::vector<berth::gpu_mask> healthy{0, 1};
    const std::vector<double> remaining{0.0, 1.0};
    auto state = berth::balancer{berth::triggers{berth::unhealthy{}},
                                 berth::move_choice{berth::payback{berth::uniform_migration{.seconds = 1e9}},
                                                    berth::all_movable{},
                                                    {.min_gain = 1e6}}}
                     .prepare({all.machines, all.tasks});
    CHECK(state.round({.placement = placement, .healthy = healthy, .remaining = remaining}).value().chosen.size() == 2);
}

TEST_CASE("unhealthy: a gang leaves as a whole or not at all, and it is said why") {
    const std::vector<berth::gpu_mask> healthy{0, 0, 1, 1};
    const auto drain = [&](const std::vector<berth_test::small_task>& tasks, const berth::assignment& placement,
                           berth::migration_budget budget = {}) {
        const auto all = berth_test::make_instance({.nodes = 4}, tasks);
        const berth::problem p{all.machines, all.tasks};
        auto state = berth::balancer{berth::triggers{berth::unhealthy{}}, berth::move_choice{}, budget}.prepare(p);
        auto round = state.round({.placement = placement, .healthy = healthy}).value();
        berth::assignment after = placement;
        berth_test::carry_out(p, round, after);
        CHECK(state.projected().ledger() == berth_test::ledger_of(p, after));
        return round;
    };
    using reason = berth::stay_reason;
    const berth_test::small_task member{.memory = 40, .gang = "ring"};
    const berth_test::small_task filler{.memory = 50};
    const berth_test::small_task full{.memory = 80};
    // Room for one of two: none moves, whether they share a sick node or not.
    for (const std::size_t other : {0U, 1U}) {
        const auto round = drain({member, member, filler, full}, {at(0), at(other), at(2), at(3)});
        CHECK(round.chosen.empty());
        CHECK(round.stays(reason::no_room) + round.stays(reason::group_incomplete) == 2);
    }
    auto round = drain({member, member, {.memory = 40}, full}, {at(0), at(0), at(2), at(3)});
    CHECK(round.chosen.empty());
    CHECK(round.stays(reason::no_room) == 1);
    CHECK(round.stays(reason::group_incomplete) == 1);
    // The room that it does not take goes to a task that fits, even a less important one.
    round = drain({{.memory = 40, .priority = 9, .gang = "ring"},
                   {.memory = 40, .priority = 9, .gang = "ring"},
                   {.memory = 40},
                   {.memory = 40},
                   full},
                  {at(0), at(1), at(1), at(2), at(3)});
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.task.value() == 2);
    // Room for both: they move, from two sick nodes as well, and a member on a healthy node stays.
    round = drain({member, member, member, filler}, {at(0), at(1), at(2), at(3)});
    CHECK(round.chosen.empty());  // 40 + 40 on node 2, 50 + 40 do not fit on node 3
    round = drain({member, member, member}, {at(0), at(1), at(2)});
    REQUIRE(round.chosen.size() == 2);
    for (const auto& c : round.chosen) CHECK(c.move.task.value() != 2);
    // The larger member finds its place first: 60 fits on node 3 alone.
    round = drain({{.memory = 20, .gang = "ring"}, {.memory = 60, .gang = "ring"}, filler}, {at(0), at(0), at(2)});
    CHECK(round.chosen.size() == 2);
    // A budget for one is none for a gang of two.
    round = drain({member, member}, {at(0), at(0)}, {.moves = 1});
    CHECK(round.chosen.empty());
    CHECK(round.stays(reason::over_budget) == 1);
    CHECK(round.stays(reason::group_incomplete) == 1);
}

TEST_CASE("unhealthy: a gang that wants GPUs of one model keeps them, or changes them as a whole") {
    const berth_test::small_task member{.memory = 80, .gang = "ring", .same_model = true};
    const std::vector<berth_test::small_task> two(2, member);
    const auto drain = [](const std::vector<std::string>& models, const std::vector<berth_test::small_task>& tasks,
                          const berth::assignment& placement, std::vector<berth::gpu_mask> healthy) {
        const auto all = berth_test::make_instance({.nodes = models.size(), .models = models}, tasks);
        auto state = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare({all.machines, all.tasks});
        auto answer = state.round({.placement = placement, .healthy = healthy}).value();
        std::vector<std::size_t> nodes;
        for (const auto& c : answer.chosen) nodes.push_back(c.move.to.node.value());
        return nodes;
    };
    using nodes = std::vector<std::size_t>;
    // One GPU of H and two of B are free: both go to B.
    CHECK(drain({"A", "A", "H", "B", "B"}, two, {at(0), at(1)}, {0, 0, 1, 1, 1}) == nodes{3, 4});
    CHECK(drain({"A", "A", "H", "B"}, two, {at(0), at(1)}, {0, 0, 1, 1}).empty());
    // One of them stays on A, so the other has to.
    CHECK(drain({"A", "A", "H", "B", "A"}, two, {at(0), at(1)}, {0, 1, 1, 1, 1}) == nodes{4});
    CHECK(drain({"A", "A", "H", "B"}, two, {at(0), at(1)}, {0, 1, 1, 1}).empty());
}

TEST_CASE("unhealthy: a task whose GPUs are to be of one model gets such ones") {
    berth::fleet_builder builder;
    const std::vector<berth::gpu_description> pair(2, {.model = "turing"});
    const std::vector<berth::gpu_description> mixed{{.model = "turing"}, {.model = "ampere"}, {.model = "ampere"}};
    (void)berth_test::need(builder.add_node({.gpus = pair, .healthy = false}));
    (void)berth_test::need(builder.add_node({.gpus = mixed}));
    const auto machines = berth_test::need(std::move(builder).build());
    berth::workload_builder work{machines};
    (void)berth_test::need(work.add_task({.gpus = 2, .same_model = true}));
    const auto tasks = berth_test::need(std::move(work).build());
    const std::vector<double> load{0.0, 0.0, 0.0, 0.5, 0.5};
    auto state = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare({machines, tasks});
    const auto round = state.round({.placement = berth::assignment{at(0, 3)}, .gpu_load = load}).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.to == at(1, 6));
}

TEST_CASE(
    "unhealthy: random drains - gangs whole, important tasks first, moves fit, and the state is what they lead to") {
    std::size_t moved = 0;
    std::size_t held = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        std::vector<berth_test::small_task> tasks(8);
        for (auto& task : tasks) {
            task.memory = 20;
            task.priority = static_cast<int>(berth_test::below(g, 4));
        }
        for (std::size_t t = 0; t < 2 + berth_test::below(g, 3); ++t) tasks[t].gang = "a";
        for (std::size_t t = 5; t < 5 + berth_test::below(g, 3); ++t) tasks[t].gang = "b";
        const auto all = berth_test::make_instance({.nodes = 6, .memory = 40}, tasks);
        const berth::problem p{all.machines, all.tasks};
        berth::assignment placement;
        berth::ledger ledger{all.machines};
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            berth::slot where = at(berth_test::below(g, 6));
            while (!ledger.has_room(all.tasks.demand(berth::task_index{t}), where)) where = at(berth_test::below(g, 6));
            ledger.place(all.tasks.demand(berth::task_index{t}), where);
            placement.push_back(where);
        }
        std::vector<berth::gpu_mask> healthy(6, 1);
        for (std::size_t n = 0; n < 2 + berth_test::below(g, 3); ++n) healthy[n] = 0;
        auto state = berth::balancer{berth::triggers{berth::unhealthy{}}}.prepare(p);
        const auto round = state.round({.placement = placement, .healthy = healthy}).value();
        berth::assignment after = placement;
        berth_test::carry_out(p, round, after);
        CHECK(state.projected().ledger() == berth_test::ledger_of(p, after));
        moved += round.chosen.size();
        std::size_t stays = 0;
        std::size_t room = 0;  // tasks are of one size
        for (std::size_t n = 0; n < 6; ++n) {
            if (healthy[n] != 0)
                room += static_cast<std::size_t>(state.projected().ledger().free(berth::gpu_index{n})[1]) / 20;
        }
        const auto sick = [&](const berth::slot& where) { return healthy[where.node.value()] == 0; };
        std::vector<int> left_alone;
        for (std::size_t t = 0; t < tasks.size(); ++t) {
            if (!sick(after[t])) continue;
            ++stays;
            std::size_t together = 0;
            for (std::size_t u = 0; u < tasks.size(); ++u) {
                if (t != u && (tasks[t].gang.empty() || tasks[u].gang != tasks[t].gang)) continue;
                if (!sick(placement[u])) continue;
                CHECK(sick(after[u]));  // none of its gang has left
                ++together;
            }
            CHECK(together > room);  // there is no room for all of them
            held += together > 1 ? 1 : 0;
            if (tasks[t].gang.empty()) left_alone.push_back(tasks[t].priority);
        }
        std::size_t counted = 0;
        for (const std::size_t count : round.staying) counted += count;
        CHECK(counted == stays);
        for (const auto& c : round.chosen) {
            if (!tasks[c.move.task.value()].gang.empty()) continue;
            for (const int priority : left_alone) CHECK(tasks[c.move.task.value()].priority >= priority);
        }
    }
    CHECK(moved > 200);
    CHECK(held > 20);
}
