// SPDX-License-Identifier: Apache-2.0
// Balances a live fleet: takes an observation, chooses a few moves, and orders them so that they always fit. Three
// nodes of two GPUs; one GPU is overloaded, one has failed. At most two moves per round, each of which must gain more
// than it costs. A program that observes the fleet once a minute keeps the default of `rounds`: three rounds in a row.
#include "berth/operate.hpp"
#include "berth/testing/check_migration.hpp"

#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

int main() {
    berth::fleet_builder machines{berth::resource_schema{.gpu = {"share", "memory"}, .node = {}}};
    const berth::amount capacity[] = {1000, 80};  // thousandths, GiB
    const std::vector<berth::gpu_description> pair(2, {.model = "H100", .capacity = capacity});
    for (const char* name : {"rhea", "juno", "vesta"}) (void)machines.add_node({.name = name, .gpus = pair});
    const auto fleet = std::move(machines).build();
    berth::workload_builder jobs{*fleet};
    const struct {
        const char* name;
        berth::amount gib;
        double load;
    } tasks[] = {{"chat", 30, 0.45},  {"search", 20, 0.35}, {"rank", 10, 0.2},
                 {"vision", 40, 0.3}, {"speech", 10, 0.2},  {"embed", 5, 0.1}};
    std::vector<double> task_load;
    for (const auto& task : tasks) {
        const berth::amount demand[] = {100, task.gib};
        (void)jobs.add_task({.name = task.name, .gpu_demand = demand, .state_bytes = task.gib << 30U});
        task_load.push_back(task.load);
    }
    const auto work = std::move(jobs).build();
    const berth::problem problem{*fleet, *work};

    // Three tasks run on the first GPU of rhea; both GPUs of juno and one of vesta are in use.
    const auto at = [](std::size_t node, std::size_t gpu) { return berth::slot{berth::node_index{node}, 1ULL << gpu}; };
    berth::assignment placement{at(0, 0), at(0, 0), at(0, 0), at(1, 0), at(1, 1), at(2, 0)};
    const std::vector<double> gpu_load{1.0, 0.0, 0.3, 0.2, 0.1, 0.0};
    const std::vector<berth::gpu_mask> healthy{0b11, 0b10, 0b11};  // the first GPU of juno is unhealthy

    const berth::balancer policy{
        berth::triggers{berth::unhealthy{}, berth::load_above{.enter = 0.9, .leave = 0.75, .rounds = 1}},
        berth::move_choice{
            berth::payback{berth::stop_and_copy<>{berth::dynamo_async_b200}, {.horizon = 3600.0, .downtime = 1.0}},
            berth::same_gpu_model{&*fleet},
            {.cooldown = 900.0}},
        berth::migration_budget{.moves = 2}};
    auto balancer = policy.prepare(problem);
    const auto round = balancer.round(
        {.time = 0.0, .placement = placement, .gpu_load = gpu_load, .task_load = task_load, .healthy = healthy});
    if (!round) return std::puts(round.error().message.c_str()), 1;

    berth::assignment wanted = placement;
    for (const berth::chosen_move& c : round->chosen) {
        wanted[c.move.task.value()] = c.move.to;
        std::printf("%-7s %s gpu%zu -> %s gpu%zu, %s: gains %.0f for %.0f\n", work->name(c.move.task).c_str(),
                    fleet->name(c.move.from.node).c_str(), berth::lowest_gpu(c.move.from.gpus),
                    fleet->name(c.move.to.node).c_str(), berth::lowest_gpu(c.move.to.gpus), round->reason(c), c.gain,
                    c.cost);
    }
    for (std::size_t i = 0; i < berth::stay_reason_count; ++i) {
        if (round->staying[i] > 0)
            std::printf("%zu stay: %s\n", round->staying[i],
                        to_string(berth::stay_reason{static_cast<unsigned char>(i)}));
    }

    const berth::migration_order order{berth::stop_and_copy<>{berth::dynamo_async_b200}, {.per_node = 1}};
    const auto ordered = order.run(problem, placement, wanted);
    if (!ordered) return std::puts(ordered.error().message.c_str()), 1;
    const berth::migration_plan& plan = *ordered;
    for (std::size_t w = 0; w < plan.wave_count(); ++w) {
        for (const berth::migration_step& step : plan.wave(w)) {
            std::printf("wave %zu: %s, %.1f s\n", w + 1, work->name(step.task).c_str(), step.duration);
        }
    }
    if (const auto ok = berth::check_migration(problem, placement, wanted, plan, {}, order.options()); !ok)
        return std::puts(ok.error().message.c_str()), 1;

    // After these moves the same policy finds no further alarm under the same loads.
    placement = wanted;
    std::vector<double> after(gpu_load.size(), 0.0);
    for (std::size_t t = 0; t < placement.size(); ++t)
        after[fleet->gpu(placement[t].node, berth::lowest_gpu(placement[t].gpus)).value()] += task_load[t];
    const auto calm = balancer.round(
        {.time = 60.0, .placement = placement, .gpu_load = after, .task_load = task_load, .healthy = healthy});
    std::printf("then: %zu alarms, %zu moves\n", calm->alarms.size(), calm->chosen.size());
    return round->chosen.size() == 2 && plan.dropped.empty() && calm->chosen.empty() ? 0 : 1;
}
