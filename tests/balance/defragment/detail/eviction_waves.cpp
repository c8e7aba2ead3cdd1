// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/eviction_waves.hpp"

#include "berth/balance/detail/stop_poll.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace berth;
using berth::detail::eviction_order;
using berth_test::need;

namespace {

/// Nodes of one GPU each, and tasks that take a share of it.
std::pair<fleet, workload> one_gpu_nodes(std::size_t count, const std::vector<amount>& shares) {
    fleet_builder nodes{resource_schema{.gpu = {"share"}, .node = {}, .domain = {}}};
    const std::vector<gpu_description> one(1);
    for (std::size_t n = 0; n < count; ++n) (void)need(nodes.add_node({.gpus = one}));
    fleet machines = need(std::move(nodes).build());
    workload_builder tasks{machines};
    for (const amount share : shares) {
        const amount wanted[] = {share};
        (void)need(tasks.add_task({.gpu_demand = wanted, .state_bytes = 1}));
    }
    workload work = need(std::move(tasks).build());
    return {std::move(machines), std::move(work)};
}

slot on(std::size_t node) { return {node_index{node}, 1}; }

}  // namespace

TEST_CASE("eviction_waves: moves share a wave while both ends fit, and a chain takes one for each link") {
    const auto [machines, work] = one_gpu_nodes(4, {600, 600, 300, 300});
    const problem p{machines, work};
    const assignment where{on(0), on(1), on(2), on(2)};
    ledger ledger = need(make_ledger(p, where));
    const berth::ledger before = ledger;
    // Task 1 leaves node 1 for node 3, task 0 follows to node 1; task 2 moves beside task 0's source.
    const task_move moves[] = {
        {task_index{1}, on(1), on(3)}, {task_index{2}, on(2), on(0)}, {task_index{0}, on(0), on(1)}};
    eviction_order order;
    detail::stop_poll poll;
    REQUIRE(order.find(ledger, work, moves, 0, poll));
    const auto cost = [](const problem&, const task_move& r) {
        return migration_estimate{2.0 + static_cast<double>(r.task.value()), 1.0, 1};
    };
    migration_plan plan;
    detail::write_waves(p, ledger, moves, order.steps(), cost, plan);
    CHECK(ledger == before);
    REQUIRE(plan.steps.size() == 3);
    REQUIRE(plan.wave_count() == 2);
    CHECK(plan.wave(0).size() == 2);
    CHECK(plan.wave(1)[0].task == task_index{0});
    CHECK(plan.duration == 4.0 + 2.0);
    CHECK(plan.downtime == 3.0);
    CHECK(plan.extra_steps == 0);
}

TEST_CASE("eviction_waves: a parked task is down for the waves until it is fetched") {
    const auto [machines, work] = one_gpu_nodes(2, {600, 700});
    const problem p{machines, work};
    ledger ledger = need(make_ledger(p, assignment{on(0), on(1)}));
    const berth::ledger before = ledger;
    const task_move trade[] = {{task_index{0}, on(0), on(1)}, {task_index{1}, on(1), on(0)}};
    eviction_order order;
    detail::stop_poll poll;
    REQUIRE_FALSE(order.find(ledger, work, trade, 0, poll));
    REQUIRE(order.find(ledger, work, trade, 1, poll));
    migration_plan plan;
    detail::write_waves(p, ledger, trade, order.steps(), uniform_migration{.seconds = 5.0}, plan);
    CHECK(ledger == before);
    REQUIRE(plan.steps.size() == 3);
    CHECK(plan.wave_count() == 3);
    CHECK(plan.steps[0].kind == step_kind::park);
    CHECK(plan.steps[1].kind == step_kind::move_task);
    CHECK(plan.steps[2].kind == step_kind::fetch);
    CHECK(plan.extra_steps == 1);
    CHECK(detail::parked_downtime(plan) == 5.0);  // the wave in between
    CHECK(plan.downtime == 4 * 5.0);
}
