// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth_test {

/// GPUs with memory, one or two on a node, and tasks of one or two GPUs, most of them placed.
struct move_world {
    berth::fleet machines;
    berth::workload tasks;
    berth::assignment initial;

    [[nodiscard]] berth::problem problem() const { return {machines, tasks}; }
};

/// @param memories  of the tasks, each on one GPU; `initial` as the caller wants.
[[nodiscard]] inline move_world hand_world(std::size_t nodes, const std::vector<berth::amount>& memories,
                                           berth::amount gpu_memory = 80) {
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const berth::amount capacity[] = {1000, gpu_memory};
    const berth::gpu_description gpu[] = {{.model = "H100", .capacity = capacity}};
    for (std::size_t n = 0; n < nodes; ++n) (void)need(machines.add_node({.gpus = gpu}));
    auto fleet = need(std::move(machines).build());
    berth::workload_builder tasks{fleet};
    for (const berth::amount memory : memories) {
        const berth::amount demand[] = {1, memory};
        (void)need(tasks.add_task({.gpu_demand = demand, .state_bytes = memory << 30U}));
    }
    auto work = need(std::move(tasks).build());
    return {std::move(fleet), std::move(work), berth::assignment(memories.size(), berth::unplaced)};
}

[[nodiscard]] inline berth::slot on(std::size_t node, berth::gpu_mask gpus = 1) {
    return {berth::node_index{node}, gpus};
}

/// A full fleet, so that moves depend on each other.
[[nodiscard]] inline move_world random_world(berth::xoshiro256& g, std::size_t nodes, std::size_t tasks) {
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {"ram"}, .domain = {}}};
    for (std::size_t n = 0; n < nodes; ++n) {
        const berth::amount capacity[] = {1000, 80};
        const berth::amount ram[] = {static_cast<berth::amount>(100 + below(g, 100))};
        const std::vector<berth::gpu_description> gpus(1 + n % 2, {.model = "H100", .capacity = capacity});
        (void)need(machines.add_node({.capacity = ram, .gpus = gpus}));
    }
    auto fleet = need(std::move(machines).build());
    berth::workload_builder builder{fleet};
    for (std::size_t t = 0; t < tasks; ++t) {
        const berth::amount demand[] = {static_cast<berth::amount>(50 + below(g, 400)),
                                        static_cast<berth::amount>(5 + below(g, 40))};
        const berth::amount ram[] = {static_cast<berth::amount>(below(g, 20))};
        (void)need(builder.add_task({.gpus = chance(g, 15) ? std::size_t{2} : std::size_t{1},
                                     .gpu_demand = demand,
                                     .node_demand = ram,
                                     .state_bytes = berth::amount{1} << 30U}));
    }
    auto work = need(std::move(builder).build());
    return {std::move(fleet), std::move(work), berth::assignment(tasks, berth::unplaced)};
}

/// A slot on a random node that has room for a task, or `unplaced`.
[[nodiscard]] inline berth::slot random_slot(berth::xoshiro256& g, const berth::ledger& ledger,
                                             const berth::demand_view& demand) {
    for (std::size_t tries = 0; tries < 12; ++tries) {
        const berth::node_index n{below(g, ledger.fleet().node_count())};
        const berth::gpu_mask all = ledger.fitting_gpus(demand, n);
        if (!ledger.fits(demand, n)) continue;
        berth::gpu_mask chosen = 0;
        for (berth::gpu_mask rest = all; berth::gpu_count(chosen) < demand.gpus; rest &= rest - 1) {
            chosen |= berth::gpu_mask{1} << berth::lowest_gpu(rest);
        }
        return {n, chosen};
    }
    return berth::unplaced;
}

/// A random plan that fits: waves of moves, stages, parks and fetches, with both ends held to the end of each wave.
[[nodiscard]] inline berth::migration_plan random_plan(berth::xoshiro256& g, const move_world& world, std::size_t waves,
                                                       std::size_t most_in_wave) {
    berth::ledger ledger = need(berth::make_ledger(world.problem(), world.initial));
    berth::assignment at = world.initial;
    std::vector<bool> parked(at.size(), false);
    berth::migration_plan plan;
    for (std::size_t w = 0; w < waves; ++w) {
        const std::size_t begin = plan.steps.size();
        std::vector<bool> moves(at.size(), false);
        for (std::size_t k = 0; k < most_in_wave; ++k) {
            const std::size_t t = below(g, at.size());
            if (moves[t] || (!at[t].placed() && !parked[t])) continue;
            const berth::demand_view demand = world.tasks.demand(berth::task_index{t});
            const bool park = at[t].placed() && chance(g, 15);
            const berth::slot to = park ? berth::unplaced : random_slot(g, ledger, demand);
            if (!park && (!to.placed() || to == at[t])) continue;
            if (to.placed()) ledger.place(demand, to);
            moves[t] = true;
            plan.steps.push_back(
                {.task = berth::task_index{t},
                 .from = at[t],
                 .to = to,
                 .kind = park ? berth::step_kind::park
                              : (at[t].placed() ? berth::step_kind::move_task : berth::step_kind::fetch),
                 .duration = 2.0,
                 .downtime = 1.0});
        }
        for (std::size_t i = begin; i < plan.steps.size(); ++i) {
            const berth::migration_step& step = plan.steps[i];
            if (step.from.placed()) ledger.remove(world.tasks.demand(step.task), step.from);
            at[step.task.value()] = step.to;
            parked[step.task.value()] = !step.to.placed();
        }
        if (plan.steps.size() > begin) plan.wave_ends.push_back(plan.steps.size());
    }
    return plan;
}

/// Fills a random world.
inline void place_at_random(berth::xoshiro256& g, move_world& world) {
    berth::ledger ledger{world.machines};
    for (std::size_t t = 0; t < world.initial.size(); ++t) {
        const berth::demand_view demand = world.tasks.demand(berth::task_index{t});
        world.initial[t] = random_slot(g, ledger, demand);
        if (world.initial[t].placed()) ledger.place(demand, world.initial[t]);
    }
}

}  // namespace berth_test
