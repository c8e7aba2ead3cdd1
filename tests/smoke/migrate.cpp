// SPDX-License-Identifier: Apache-2.0
// One short pass over a fleet that runs, for the compilers and modes that build no other test: a round of balancing, an order of its
// moves, a replay, room for a task, and a reassignment.
#include "berth/operate.hpp"
#include "berth/search.hpp"
#include "berth/testing/check_migration.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

berth::slot at(std::size_t node, std::size_t gpu) { return {berth::node_index{node}, berth::gpu_mask{1} << gpu}; }

bool balance_and_order() {
    berth::fleet_builder machines{berth::resource_schema{.gpu = {"share", "memory"}, .node = {}}};
    const berth::amount capacity[] = {1000, 80};
    const std::vector<berth::gpu_description> pair(2, {.model = "H100", .capacity = capacity});
    for (int n = 0; n < 3; ++n) (void)machines.add_node({.gpus = pair});
    const auto fleet = std::move(machines).build();
    if (!fleet) return false;
    berth::workload_builder jobs{*fleet};
    for (const berth::amount gib : {30, 20, 10, 40, 10, 60}) {
        const berth::amount demand[] = {100, gib};
        (void)jobs.add_task({.gpu_demand = demand, .state_bytes = gib << 30U});
    }
    const auto work = std::move(jobs).build();
    if (!work) return false;
    const berth::problem problem{*fleet, *work};

    const berth::assignment running{at(0, 0), at(0, 0), at(0, 0), at(1, 0), at(1, 1), berth::unplaced};
    const std::vector<double> gpu_load{1.0, 0.0, 0.3, 0.2, 0.0, 0.0};
    const std::vector<double> task_load{0.45, 0.35, 0.2, 0.3, 0.2, 0.0};
    const std::vector<berth::gpu_mask> healthy{0b11, 0b10, 0b11};
    const berth::balancer policy{
        berth::triggers{berth::unhealthy{}, berth::load_above{.enter = 0.9, .leave = 0.75, .rounds = 1}},
        berth::move_choice{berth::payback{berth::stop_and_copy<>{}}, berth::same_gpu_model{&*fleet}},
        berth::migration_budget{.moves = 2}};
    auto balancer = policy.prepare(problem);
    const auto round = balancer.round(
        {.time = 0.0, .placement = running, .gpu_load = gpu_load, .task_load = task_load, .healthy = healthy});
    if (!round || round->chosen.empty()) return false;
    berth::assignment wanted = running;
    for (const berth::chosen_move& c : round->chosen) wanted[c.move.task.value()] = c.move.to;
    const auto plan = berth::migration_order{}.run(problem, running, wanted);
    if (!plan || !berth::check_migration(problem, running, wanted, *plan)) return false;

    auto room = berth::defragment{}.start(problem);
    for (std::size_t t = 0; t < running.size(); ++t) {
        if (running[t].placed() && !room.occupy(berth::task_index{t}, running[t])) return false;
    }
    return room.make_room(berth::task_index{5}).where.placed();
}

bool reassign() {
    berth::reassignment_input in;
    in.resources = {{.transient = false, .load_weight = 1}};
    in.neighbourhood = {0, 0};
    in.location = {0, 1};
    in.capacity = {10, 10};
    in.safety_capacity = {4, 4};
    in.pair_costs = berth::node_pair_costs{2};
    const std::uint32_t row[] = {0, 0};
    in.pair_costs.add_row(row);
    in.pair_costs.add_row(row);
    in.pair_costs.finish();
    in.spread = {1, 1};
    in.dependency_ends = {0, 0};
    in.group = {0, 1};
    in.demand = {4, 4};
    in.move_cost = {1, 1};
    in.initial = {0, 0};
    in.task_weight = 1;
    const auto problem = berth::make_reassignment_problem(std::move(in));
    if (!problem) return false;
    const auto plan = berth::reassignment_search{}.run(*problem, berth::initial_assignment(*problem),
                                                       berth::run_control<>{.max_evaluations = 20'000});
    return plan && plan->cost.total() == 1 && plan->moved == 1 && plan->violations.none();
}

}  // namespace

bool run_every_migration() { return balance_and_order() && reassign(); }
