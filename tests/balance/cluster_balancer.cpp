// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/cluster_balancer.hpp"

#include "berth/balance/triggers/fragmented.hpp"
#include "berth/balance/triggers/load_above.hpp"
#include "berth/balance/triggers/overcommitted.hpp"
#include "berth/balance/triggers/temperature_above.hpp"
#include "berth/balance/triggers/unhealthy.hpp"
#include "berth/core/random.hpp"

#include "balance/balance_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using berth_test::at;

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// Nodes with so many GPUs of 80 GiB and a host with memory.
struct living_fleet {
    berth::cluster cluster{{.gpu = {"share", "memory"}, .node = {"memory"}, .domain = {}}};

    berth::node_handle join(const std::string& name, std::size_t gpus = 1, berth::amount memory = 64) {
        const berth::amount capacity[] = {1000, 80};
        const berth::amount host[] = {memory};
        const std::vector<berth::gpu_description> all(gpus, {.model = "A", .capacity = capacity});
        return berth_test::need(cluster.report({.name = name, .capacity = host, .gpus = all}));
    }
    berth::task_handle run(const berth::slot& where, berth::amount gib = 1, berth::amount host = 1, int priority = 0) {
        const berth::amount demand[] = {100, gib};
        const berth::amount memory[] = {host};
        const std::size_t gpus = berth::gpu_count(where.gpus);
        const auto task = berth_test::need(
            cluster.admit({.gpus = gpus,
                           .gpu_demand = gpus == 0 ? std::span<const berth::amount>{} : std::span{demand},
                           .node_demand = memory,
                           .priority = priority}));
        REQUIRE(cluster.occupy(task, where));
        return task;
    }
    /// The loads of all GPUs if each running task adds so much.
    [[nodiscard]] std::vector<double> loads(const std::vector<double>& task_load) const {
        return berth_test::loads_of(cluster.fleet(), cluster.slots(), task_load);
    }
};

/// Carries the moves of a round out, one after the other.
void carry_out(berth::cluster& cluster, const berth::balance_round& round) {
    for (const auto& c : round.chosen) {
        REQUIRE(cluster.slots()[c.move.task.value()] == c.move.from);
        REQUIRE(cluster.begin_move(c.move.task, c.move.to));
        REQUIRE(cluster.finish_move(c.move.task));
    }
}

}  // namespace

TEST_CASE("cluster_balancer: a GPU at 92 degrees is relieved although a task arrives in every round") {
    living_fleet fleet;
    (void)fleet.join("a");
    (void)fleet.join("b");
    (void)fleet.run(at(0));
    (void)fleet.run(at(0));
    std::vector<double> task_load{0.4, 0.4};
    auto balancer = berth::balancer{berth::triggers{berth::temperature_above{.sweep = 0}}}.start(fleet.cluster);
    std::size_t moves = 0;
    for (int i = 0; i < 6; ++i) {
        const std::vector<double> temperature{moves == 0 ? 92.0 : 70.0, 50.0};
        const auto round =
            balancer.round({.time = 10.0 * i, .task_load = task_load, .gpu_temperature = temperature}).value();
        carry_out(fleet.cluster, round);
        moves += round.chosen.size();
        CHECK(round.chosen.size() == (i == 2 ? 1 : 0));
        (void)fleet.run(at(1));
        task_load.push_back(0.01);
    }
    CHECK(moves == 1);
}

TEST_CASE("cluster_balancer: a node is reported again with less memory, one task moves, what is in flight counts") {
    living_fleet fleet;
    (void)fleet.join("a", 1, 64);
    (void)fleet.join("b", 1, 64);
    (void)fleet.run(at(0), 1, 30);
    (void)fleet.run(at(0), 1, 30);
    auto balancer = berth::balancer{berth::triggers{berth::overcommitted{}}}.start(fleet.cluster);
    CHECK(balancer.round({}).value().alarms.empty());
    (void)fleet.join("a", 1, 48);
    CHECK(fleet.cluster.ledger().free(berth::node_index{0})[0] == -12);
    const auto round = balancer.round({.time = 1.0}).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.to == at(1));
    CHECK(round.answered == 1);
    REQUIRE(fleet.cluster.begin_move(round.chosen[0].move.task, at(1)));
    CHECK(balancer.round({.time = 2.0}).value().alarms.empty());
    REQUIRE(fleet.cluster.finish_move(round.chosen[0].move.task));
    CHECK(balancer.round({.time = 3.0}).value().alarms.empty());
    CHECK(balancer.projected().ledger() == fleet.cluster.ledger());
}

TEST_CASE("cluster_balancer: a sick node is drained, a closed one is not, and neither takes tasks") {
    living_fleet fleet;
    const auto a = fleet.join("a", 0);
    const auto b = fleet.join("b", 0);
    const auto c = fleet.join("c", 0);
    const auto task = fleet.run(at(0, 0));
    auto balancer = berth::balancer{berth::triggers{berth::unhealthy{}}}.start(fleet.cluster);
    CHECK(fleet.cluster.set_open(a, false));
    CHECK(balancer.round({}).value().alarms.empty());
    CHECK(fleet.cluster.set_open(b, false));
    CHECK(fleet.cluster.set_healthy(a, false));
    auto round = balancer.round({.time = 1.0}).value();
    REQUIRE(round.chosen.size() == 1);
    CHECK(round.chosen[0].move.to == at(2, 0));
    carry_out(fleet.cluster, round);
    CHECK(fleet.cluster.where(task) == at(2, 0));
    // Only the closed and the sick one are left.
    CHECK(fleet.cluster.set_healthy(c, false));
    round = balancer.round({.time = 2.0}).value();
    CHECK(round.alarms.size() == 1);
    CHECK(round.chosen.empty());
}

TEST_CASE("cluster_balancer: who takes a vacated position is trusted at once, and has no cooldown") {
    living_fleet fleet;
    const auto a = fleet.join("a");
    (void)fleet.join("b");
    auto task = fleet.run(at(1));
    const berth::balancer policy{
        berth::triggers{berth::unhealthy{.recovery_rounds = 100}, berth::load_above{.rounds = 1, .sweep = 0}},
        berth::move_choice{berth::payback{}, berth::all_movable{}, {.cooldown = 1e6}}};
    auto balancer = policy.start(fleet.cluster);
    CHECK(fleet.cluster.set_healthy(a, false));
    CHECK(balancer.round({}).value().alarms.empty());
    CHECK(fleet.cluster.leave(a));
    (void)fleet.join("c");  // takes the position of the sick one
    REQUIRE(fleet.cluster.fleet().node_count() == 2);
    const std::vector<double> task_load{0.6, 0.6};
    const std::vector<double> gpu_load{0.0, 0.95};
    const auto round = [&](double time) {
        return balancer
            .round({.time = time,
                    .gpu_load = gpu_load,
                    .task_load = std::span{task_load}.first(fleet.cluster.workload().task_count())})
            .value();
    };
    CHECK(round(1.0).chosen.size() == 1);  // declined
    CHECK(round(2.0).stays(berth::stay_reason::cooling_down) == 1);
    CHECK(fleet.cluster.retire(task));
    task = fleet.run(at(1));  // the same position
    REQUIRE(fleet.cluster.workload().task_count() == 1);
    CHECK(round(3.0).chosen.size() == 1);
}

TEST_CASE(
    "cluster_balancer: random events - moves are admitted, and the ledger is the cluster's, nothing is inherited") {
    std::size_t moves = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        berth::xoshiro256 g{seed};
        living_fleet fleet;
        berth::cluster& cluster = fleet.cluster;
        std::vector<berth::node_handle> nodes;
        std::vector<berth::task_handle> tasks;
        std::size_t names = 0;
        const auto join = [&] {
            const std::size_t gpus = berth_test::below(g, 4);
            nodes.push_back(
                fleet.join("n" + std::to_string(names++), gpus, 30 + 10 * static_cast<berth::amount>(gpus)));
        };
        for (int i = 0; i < 4; ++i) join();
        auto balancer = berth::balancer{berth::triggers{berth::overcommitted{}, berth::unhealthy{.recovery_rounds = 2},
                                                        berth::load_above{.enter = 0.6, .leave = 0.5, .rounds = 1},
                                                        berth::load_above_mean{.rounds = 2}, berth::fragmented{}}}
                            .start(cluster);
        for (int i = 0; i < 120; ++i) {
            const std::size_t n = berth_test::below(g, nodes.size());
            switch (berth_test::below(g, 8)) {
                case 0: join(); break;
                case 1:
                    if (nodes.size() > 3) {
                        REQUIRE(cluster.leave(nodes[n]));
                        nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(n));
                    }
                    break;
                case 2: (void)cluster.set_healthy(nodes[n], berth_test::chance(g, 70)); break;
                case 3: (void)cluster.set_open(nodes[n], berth_test::chance(g, 70)); break;
                case 4: {
                    const std::string name = cluster.fleet().name(*cluster.find(nodes[n]));
                    nodes[n] = fleet.join(name, berth_test::below(g, 4), 20 + 10 * static_cast<berth::amount>(i % 4));
                    break;
                }
                case 5:
                    if (!tasks.empty()) {
                        const std::size_t t = berth_test::below(g, tasks.size());
                        (void)cluster.retire(tasks[t]);
                        tasks.erase(tasks.begin() + static_cast<std::ptrdiff_t>(t));
                    }
                    break;
                default: {
                    const auto where = *cluster.find(nodes[n]);
                    const std::size_t gpus = cluster.fleet().gpu_count(where);
                    const berth::gpu_mask mask = gpus == 0 ? 0 : berth::gpu_mask{1} << berth_test::below(g, gpus);
                    tasks.push_back(fleet.run({where, mask}, 1 + static_cast<berth::amount>(berth_test::below(g, 40)),
                                              1 + static_cast<berth::amount>(berth_test::below(g, 12))));
                    if (berth_test::chance(g, 10)) (void)cluster.release(tasks.back());
                }
            }
            std::vector<double> task_load(cluster.workload().task_count(), unknown);
            std::vector<berth::task_index> waiting;
            for (const auto& task : tasks) {
                const auto t = *cluster.find(task);
                task_load[t.value()] = 0.05 + 0.3 * berth::uniform01(g);
                if (!cluster.where(task).placed()) waiting.push_back(t);
            }
            std::vector<double> known = task_load;
            std::replace_if(known.begin(), known.end(), [](double x) { return x != x; }, 0.0);
            auto gpu_load = fleet.loads(known);
            for (double& load : gpu_load) load = berth_test::chance(g, 10) ? unknown : load;
            const auto round =
                balancer.round({.time = 10.0 * i, .gpu_load = gpu_load, .task_load = task_load}, waiting).value();
            moves += round.chosen.size();
            // One after the other, each is admitted. Some take longer, and then those after them may have to wait.
            bool slow = false;
            for (const auto& c : round.chosen) {
                const bool begun = cluster.begin_move(c.move.task, c.move.to);
                REQUIRE((begun || slow));
                slow = slow || berth_test::chance(g, 30);
                if (begun && !slow) REQUIRE(cluster.finish_move(c.move.task));
            }
            for (const auto& task : tasks) {
                if (cluster.state(task) != berth::task_state::moving || berth_test::chance(g, 30)) continue;
                if (berth_test::chance(g, 80)) {
                    CHECK(cluster.finish_move(task));
                } else {
                    CHECK(cluster.cancel_move(task));
                }
            }
        }
        carry_out(cluster, balancer.round({.time = 1e4}).value());
        CHECK(balancer.projected().ledger() == cluster.ledger());
    }
    CHECK(moves > 100);
}
