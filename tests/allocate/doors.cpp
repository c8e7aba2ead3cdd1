// SPDX-License-Identifier: Apache-2.0
// End to end: own structs, a door, a search, the way back, an order, a run; the ledger is what was planned.
#include "berth/allocate/assignment/assignment_door.hpp"
#include "berth/allocate/assignment/makespan/makespan_door.hpp"
#include "berth/allocate/assignment/makespan/makespan_search.hpp"
#include "berth/allocate/assignment/move_penalty.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/genetic.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_door.hpp"
#include "berth/allocate/reassignment/reassignment_search.hpp"
#include "berth/core/random.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/lower.hpp"
#include "berth/testing/check_migration.hpp"
#include "berth/testing/simulated_executor.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

using berth_test::need;

namespace {

struct card {
    std::string model = "A100";
    std::array<int, 2> capacity{1000, 80};
    bool healthy = true;
};
struct box {
    std::array<int, 1> capacity{96};
    std::vector<card> gpus = std::vector<card>(4);
};
struct service {
    std::size_t gpus = 1;
    std::array<int, 2> gpu_demand{};
    std::array<int, 1> node_demand{};
    long long state_bytes = 1LL << 30;
};

const berth::resource_schema schema{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}};

/// Placed one after the other as tightly as possible, so that some GPUs are full and others empty.
berth::assignment packed(const berth::problem& p) { return berth::greedy{berth::best_fit{}}.run(p).assignment; }

/// Orders the moves, has them carried out, and compares the ledgers in the end.
void carry_out(const berth::problem& p, const berth::assignment& current, const berth::assignment& wanted) {
    auto order = need(berth::migration_order{}.run(p, current, wanted));
    CHECK(order.dropped.empty());
    CHECK(berth::check_migration(p, current, wanted, order).has_value());
    berth::ledger ledger = need(berth::make_ledger(p, current));
    berth::ledger_adapter adapter{p, ledger};
    berth::simulated_executor<> executor{p, current};
    berth::migration_run run = berth::start_migration(p, std::move(order), 1);
    for (double now = 0.0; run.advance(executor, adapter, now);) {
        now = std::max(now + 0.001, std::min(executor.next_event(), run.wake_at()));
        REQUIRE(now < 1e7);
    }
    berth::assignment reached = current;
    run.apply_to(reached);
    CHECK(reached == wanted);
    CHECK(executor.violations() == 0);
    CHECK(ledger == need(berth::make_ledger(p, wanted)));
    CHECK(executor.ledger() == ledger);
}

}  // namespace

TEST_CASE("doors: services on shares of GPUs, reassigned by GPU memory, CPU and moves") {
    berth::xoshiro256 random{1};
    for (int round = 0; round < 4; ++round) {
        std::vector<service> services;
        for (int i = 0; i < 40; ++i) {
            const int memory = 5 + static_cast<int>(berth_test::below(random, 25));
            services.push_back({.gpu_demand = {200, memory}, .node_demand = {static_cast<int>(2 + memory / 4)}});
        }
        const berth::assignment current = [&] {
            const auto healthy = need(berth::make_fleet(std::vector<box>(5), schema));
            const auto work = need(berth::make_workload(services, healthy));
            return packed({healthy, work});
        }();
        std::vector<box> boxes(5);
        boxes[0].gpus[1].healthy = false;  // fails with tasks on it
        const auto fleet = need(berth::make_fleet(boxes, schema));
        const auto work = need(berth::make_workload(services, fleet));
        const berth::problem p{fleet, work};
        const berth::reassignment_wishes wishes{
            .divide_node_counters = true,
            .counters = {{.counter = "gpu.memory", .load_weight = 10, .safety = 0.5},
                         {.counter = "node.cpu", .load_weight = 5, .safety = 0.5}},
            .task_weight = 20};
        const auto door = need(berth::to_reassignment_problem(p, current, wishes));
        const auto start = berth::initial_assignment(door.problem());
        CHECK_FALSE(berth::evaluate(door.problem(), start).feasible());
        const auto plan = need(berth::reassignment_search{}.run(door.problem(), start, {.max_evaluations = 20'000}));
        REQUIRE(plan.violations.none());
        CHECK(plan.cost.load < berth::evaluate(door.problem(), start).cost.load);
        const berth::assignment wanted = need(door.slots(plan.assignment));
        std::size_t moves = 0;
        for (std::size_t t = 0; t < wanted.size(); ++t) {
            moves += wanted[t] == current[t] ? 0 : 1;
            CHECK_FALSE(wanted[t] == berth::slot{berth::node_index{0}, 2});
        }
        CHECK(moves == plan.moved);
        carry_out(p, current, wanted);
    }
}

TEST_CASE("doors: services on whole GPUs, reassigned node by node") {
    std::vector<box> boxes(6);
    std::vector<service> services;
    for (int i = 0; i < 10; ++i) {
        const std::size_t gpus = i % 5 == 4 ? 0 : 1 + static_cast<std::size_t>(i % 2);
        services.push_back({.gpus = gpus,
                            .gpu_demand = gpus == 0 ? std::array{0, 0} : std::array{1000, 30 + 5 * (i % 3)},
                            .node_demand = {8 + 4 * (i % 4)}});
    }
    const auto fleet = need(berth::make_fleet(boxes, schema));
    const auto work = need(berth::make_workload(services, fleet));
    const berth::problem p{fleet, work};
    const berth::assignment current = packed(p);
    const auto door =
        need(berth::to_reassignment_problem(p, current,
                                            {.place = berth::reassignment_place::node,
                                             .counters = {{.counter = "node.cpu", .load_weight = 3, .safety = 0.25}},
                                             .task_weight = 1}));
    const auto start = berth::initial_assignment(door.problem());
    const auto plan = need(berth::reassignment_search{}.run(door.problem(), start, {.max_evaluations = 20'000}));
    CHECK(plan.moved > 0);
    carry_out(p, current, need(door.slots(plan.assignment)));
}

TEST_CASE("doors: the genetic allocator, with moves that cost") {
    std::vector<box> boxes(3);
    boxes[2].gpus[0].model = "H100";
    std::vector<service> services;
    for (int i = 0; i < 24; ++i)
        services.push_back({.gpu_demand = {100 * (2 + i % 3), 12 + i % 4}, .node_demand = {i % 5}});
    const auto fleet = need(berth::make_fleet(boxes, schema));
    const auto work = need(berth::make_workload(services, fleet));
    const berth::problem p{fleet, work};
    const berth::assignment current = packed(p);
    const auto initial = berth::gpus_of(p, current);
    const auto seconds = [](berth::task_index t, berth::gpu_index g) {
        return static_cast<double>(berth::splitmix64(30 * t.value() + g.value()) % 40);
    };
    const berth::move_penalty cost{seconds, std::span<const berth::gpu_index>{initial}, 4.0};
    const auto door = need(berth::to_assignment_problem(p, cost, current));
    const berth::priced_problem priced{door.problem()};
    const auto before = priced.plan_of(door.start());
    const auto plan = berth::genetic<>{.seed = 3}
                          .with_opening(berth::no_opening{})
                          .run(priced, door.start(), {.max_evaluations = 20'000});
    REQUIRE(plan.feasible());
    CHECK(plan.cost < before.cost);
    carry_out(p, current, need(door.slots(plan.gpu_of)));
}

TEST_CASE("doors: the hottest GPU as cool as possible") {
    const std::vector<box> boxes(2);
    std::vector<service> services;
    for (int i = 0; i < 16; ++i) services.push_back({.gpu_demand = {100 + 10 * (i % 7), 8}, .node_demand = {2}});
    const auto fleet = need(berth::make_fleet(boxes, schema));
    const auto work = need(berth::make_workload(services, fleet));
    const berth::problem p{fleet, work};
    const berth::assignment current = packed(p);
    const auto door = need(berth::to_makespan_problem(p, berth::share_load{&work}, current));
    CHECK(door.limit() == 1000);
    const berth::makespan_search search{.max_attempt_evaluations = 2'000, .patience = 1};
    const auto plan = search.run(door.problem(), door.start());
    CHECK(plan.makespan < 300);
    carry_out(p, current, need(door.slots(plan.gpu_of)));
}
