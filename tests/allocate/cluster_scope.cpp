// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/cluster_scope.hpp"

#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_door.hpp"
#include "berth/allocate/reassignment/reassignment_search.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/model/cluster.hpp"
#include "berth/testing/simulated_executor.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using berth_test::need;

namespace {

struct device {
    std::string model = "A100";
    std::array<int, 2> capacity{1000, 80};
};
struct machine {
    std::string name;
    std::array<int, 1> capacity{64};
    std::vector<device> gpus = std::vector<device>(2);
};
struct service {
    std::string name;
    std::array<int, 2> gpu_demand{200, 20};
    std::array<int, 1> node_demand{4};
    long long state_bytes = 1LL << 30;
};

berth::slot on(berth::node_index n, berth::gpu_mask gpus) { return {n, gpus}; }

}  // namespace

TEST_CASE("cluster scope: own structs, cluster, reassignment, order, run, the cluster is what was planned") {
    berth::cluster cluster{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    std::vector<berth::node_handle> nodes;
    for (int n = 0; n < 5; ++n) nodes.push_back(need(cluster.join(machine{.name = "m" + std::to_string(n)})));
    const auto index = [&](std::size_t n) { return *cluster.find(nodes[n]); };
    std::vector<berth::task_handle> tasks;
    for (int t = 0; t < 14; ++t) tasks.push_back(need(cluster.admit(service{.name = "s" + std::to_string(t)})));
    // Three on each GPU of nodes 0 and 1; one on node 2, which closes; one moves from node 3 to node 4.
    for (std::size_t t = 0; t < 12; ++t) REQUIRE(cluster.place(tasks[t], on(index(t / 6), t % 2 == 0 ? 1U : 2U)));
    REQUIRE(cluster.place(tasks[12], on(index(2), 1)));
    REQUIRE(cluster.place(tasks[13], on(index(3), 1)));
    REQUIRE(cluster.begin_move(tasks[13], on(index(4), 1)));
    REQUIRE(cluster.set_open(nodes[2], false));
    REQUIRE(cluster.retire(tasks[4]));  // a vacant position
    const auto waiting = need(cluster.admit(service{.name = "waits"}));
    const auto room = need(cluster.shape_of(service{.name = {}, .gpu_demand = {800, 60}}));
    REQUIRE(cluster.reserve(room, on(index(3), 2)).has_value());
    REQUIRE(cluster.set_healthy(nodes[1], false));

    const berth::cluster_scope running{cluster};
    CHECK(running.tasks().size() == 11);
    const auto door =
        need(berth::to_reassignment_problem(cluster.problem(), cluster.slots(),
                                            {.divide_node_counters = true,
                                             .counters = {{.counter = "gpu.memory", .load_weight = 10, .safety = 0.5},
                                                          {.counter = "node.cpu", .load_weight = 1, .safety = 0.5}},
                                             .task_weight = 5},
                                            running.scope()));
    // The reservation leaves 200 of that GPU; the moving task holds both of its ends.
    const auto capacity = [&](std::size_t n, std::size_t gpu) {
        return door.problem().capacity(berth::node_index{cluster.fleet().gpu(index(n), gpu).value()})[0];
    };
    CHECK(capacity(3, 1) == 200);
    CHECK(capacity(3, 0) == 800);
    CHECK(capacity(4, 0) == 800);
    const auto plan = need(berth::reassignment_search{}.run(door.problem(), berth::initial_assignment(door.problem()),
                                                            {.max_evaluations = 10'000}));
    REQUIRE(plan.violations.none());
    const berth::assignment wanted = need(door.slots(plan.assignment));
    CHECK(wanted[cluster.find(tasks[12])->value()] == on(index(2), 1));  // what runs on a closed node stays
    CHECK(wanted[cluster.find(tasks[13])->value()] == on(index(4), 1));
    CHECK(wanted[cluster.find(waiting)->value()] == berth::unplaced);
    for (const berth::slot& where : wanted) CHECK(where.node != index(1));

    REQUIRE(cluster.finish_move(tasks[13]));
    auto order = need(berth::migration_order{}.run(cluster, wanted));
    CHECK(order.dropped.empty());
    const std::size_t moves = order.steps.size();
    berth::simulated_executor<> executor{cluster};
    berth::migration_run run = berth::start_migration(cluster, std::move(order), 1);
    for (double now = 0.0; run.advance(executor, now);) {
        now = std::max(now + 0.001, std::min(executor.next_event(), run.wake_at()));
        REQUIRE(now < 1e7);
    }
    CHECK(moves >= 6);
    CHECK(executor.violations() == 0);
    CHECK(berth::assignment(cluster.slots().begin(), cluster.slots().end()) == wanted);
    CHECK(cluster.tasks_on(index(1)).empty());
    CHECK(cluster.moving().empty());
}

TEST_CASE("cluster scope: a ledger that is not that of the placement is refused") {
    berth::cluster cluster{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    const auto node = need(cluster.join(machine{.name = "m"}));
    const auto task = need(cluster.admit(service{.name = "s"}));
    REQUIRE(cluster.place(task, on(*cluster.find(node), 1)));
    const berth::cluster_scope running{cluster};
    const berth::ledger empty{cluster.fleet()};
    berth::search_scope scope = running.scope();
    scope.free = &empty;
    CHECK(berth::to_reassignment_problem(cluster.problem(), cluster.slots(), {}, scope).error().message ==
          "scope: free does not hold task 0 (\"s\") at its current slot");
    const berth::cluster other{cluster};
    scope.free = &other.ledger();
    CHECK(berth::to_reassignment_problem(cluster.problem(), cluster.slots(), {}, scope).error().message ==
          "scope: free is the ledger of another fleet");
}
