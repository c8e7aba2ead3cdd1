// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_test {

/// A small problem for doors, of which a few tasks may run.
struct door_world {
    berth::fleet machines;
    berth::workload tasks;
    berth::assignment current;

    [[nodiscard]] berth::problem problem() const { return {machines, tasks}; }
};

/// What `random_door_world` draws from.
struct door_shape {
    std::size_t nodes = 3;
    std::size_t gpus_per_node = 2;
    std::size_t tasks = 4;
    bool whole_gpus = false;  ///< tasks of one or two whole GPUs, and of none
    unsigned loose = 60;      ///< per cent of problems in which a second counter follows from the first
};

/// Nodes with share, memory and CPU, in racks with power; two models, some sick. Tasks that run have room.
[[nodiscard]] inline door_world random_door_world(berth::xoshiro256& g, const door_shape& shape) {
    using berth::amount;
    const bool loose = chance(g, shape.loose);
    berth::fleet_builder machines{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"power"}}};
    const amount power[] = {chance(g, 70) ? berth::max_amount : static_cast<amount>(5 + below(g, 20))};
    (void)need(machines.add_domain("rack0", 0, power));
    (void)need(machines.add_domain("rack1", 0, {}));
    constexpr std::string_view models[] = {"A", "B"};
    for (std::size_t n = 0, nodes = 1 + below(g, shape.nodes); n < nodes; ++n) {
        const amount memory = static_cast<amount>(10 * (2 + below(g, 3)));
        const amount capacity[] = {1000, memory};
        std::vector<berth::gpu_description> gpus;
        const std::string_view model = models[below(g, 2)];
        for (std::size_t i = 0, count = below(g, shape.gpus_per_node + 1); i < count; ++i)
            gpus.push_back({.model = model, .capacity = capacity, .healthy = !chance(g, 8)});
        const amount cpu[] = {loose ? static_cast<amount>(gpus.size() * 20) : static_cast<amount>(10 + below(g, 40))};
        const std::string_view rack[] = {n % 2 == 0 ? "rack0" : "rack1"};
        (void)need(machines.add_node({.capacity = cpu, .gpus = gpus, .domains = rack, .healthy = !chance(g, 5)}));
    }
    auto fleet = need(std::move(machines).build());
    berth::workload_builder tasks{fleet};
    for (std::size_t t = 0, count = 1 + below(g, shape.tasks); t < count; ++t) {
        const std::size_t gpus = shape.whole_gpus ? below(g, 3) : 1;
        const amount share = shape.whole_gpus ? 1000 : static_cast<amount>(100 * (1 + below(g, 10)));
        const auto part = static_cast<std::size_t>(loose ? share / 50 : 20);  // of memory and CPU: 20 for a whole GPU
        const amount gpu[] = {gpus == 0 ? 0 : share, gpus == 0 ? 0 : static_cast<amount>(below(g, 1 + part))};
        const amount cpu[] = {static_cast<amount>(below(g, 1 + part))};
        const amount watts[] = {static_cast<amount>(below(g, 4))};
        const std::string_view only[] = {models[below(g, 2)]};
        (void)need(tasks.add_task({.gpus = gpus,
                                   .gpu_demand = gpu,
                                   .node_demand = cpu,
                                   .domain_demand = watts,
                                   .accepted_models = chance(g, 25) && fleet.find_model(only[0])
                                                          ? std::span<const std::string_view>{only}
                                                          : std::span<const std::string_view>{}}));
    }
    auto work = need(std::move(tasks).build());
    berth::assignment current(work.task_count(), berth::unplaced);
    return {std::move(fleet), std::move(work), std::move(current)};
}

/// Every slot of a fleet with that many GPUs.
[[nodiscard]] inline std::vector<berth::slot> all_slots(const berth::fleet& machines, std::size_t gpus) {
    std::vector<berth::slot> slots;
    for (std::size_t n = 0; n < machines.node_count(); ++n) {
        const berth::node_index node{n};
        for (berth::gpu_mask mask = 0; mask <= berth::first_gpus(machines.gpu_count(node)); ++mask) {
            if (berth::gpu_count(mask) == gpus) slots.push_back({node, mask});
        }
    }
    return slots;
}

/// Places the tasks of a world one after the other in random slots that fit, on sick GPUs, too, a few of them nowhere.
inline void run_some(berth::xoshiro256& g, door_world& world, unsigned percent) {
    berth::ledger ledger{world.machines};
    for (std::size_t t = 0; t < world.current.size(); ++t) {
        const berth::demand_view demand = world.tasks.demand(berth::task_index{t});
        const auto slots = all_slots(world.machines, demand.gpus);
        for (std::size_t tries = 0; tries < 6 && !slots.empty() && chance(g, percent); ++tries) {
            const berth::slot where = slots[below(g, slots.size())];
            if (!ledger.has_room(demand, where)) continue;
            ledger.place(demand, where);
            world.current[t] = where;
            break;
        }
    }
}

/// `f(slots)` for every way to place these tasks in fitting slots beside what the ledger holds.
template <class F>
void each_placement(berth::ledger& ledger, const berth::workload& work, std::span<const berth::task_index> tasks,
                    berth::assignment& so_far, const F& f) {
    if (tasks.empty()) return f(so_far);
    const berth::task_index t = tasks.front();
    const berth::demand_view demand = work.demand(t);
    const berth::slot before = so_far[t.value()];
    for (const berth::slot& where : all_slots(ledger.fleet(), demand.gpus)) {
        if (!ledger.fits(demand, where)) continue;
        ledger.place(demand, where);
        so_far[t.value()] = where;
        each_placement(ledger, work, tasks.subspan(1), so_far, f);
        ledger.remove(demand, where);
    }
    so_far[t.value()] = before;
}

/// The ledger of all tasks but these.
[[nodiscard]] inline berth::ledger ledger_without(const door_world& world, std::span<const berth::task_index> tasks) {
    berth::assignment others = world.current;
    for (const berth::task_index t : tasks) others[t.value()] = berth::unplaced;
    return need(berth::make_ledger(world.problem(), others));
}

/// True if the ledger of all other tasks takes these one after the other where the slots have them, as new tasks.
[[nodiscard]] inline bool feasible(const door_world& world, std::span<const berth::task_index> tasks,
                                   const berth::assignment& slots) {
    berth::ledger ledger = ledger_without(world, tasks);
    for (const berth::task_index t : tasks) {
        const berth::demand_view demand = world.tasks.demand(t);
        if (!ledger.fits(demand, slots[t.value()])) return false;
        ledger.place(demand, slots[t.value()]);
    }
    return true;
}

}  // namespace berth_test
