// SPDX-License-Identifier: Apache-2.0
#include "support/random_rebalance.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload_builder.hpp"

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

namespace {

using berth::amount;
using source = berth::xoshiro256;

std::size_t below(source& g, std::size_t n) { return berth::bounded(g, static_cast<std::uint32_t>(n)); }
bool chance(source& g, unsigned percent) { return berth::bounded(g, 100) < percent; }

std::vector<amount> amounts(source& g, std::size_t n, std::size_t least, std::size_t most) {
    std::vector<amount> drawn;
    for (std::size_t i = 0; i < n; ++i) drawn.push_back(static_cast<amount>(least + below(g, most - least + 1)));
    return drawn;
}

berth::fleet draw_fleet(source& g) {
    berth::resource_schema schema{.gpu = {"share", "memory"}, .node = {"cpu", "disk"}, .domain = {"power"}};
    schema.gpu.resize(1 + below(g, 2));
    schema.node.resize(below(g, 3));
    schema.domain.resize(below(g, 2));
    const std::size_t gpu_counters = schema.gpu.size();
    const std::size_t node_counters = schema.node.size();
    const std::size_t domain_counters = schema.domain.size();
    berth::fleet_builder fleet{std::move(schema)};
    constexpr std::string_view racks[] = {"r0", "r1"};
    for (const auto rack : racks) {
        const auto power = amounts(g, domain_counters, 10, 120);
        (void)fleet.add_domain(rack, 0, power);
    }
    const std::size_t nodes = 1 + below(g, 7);
    for (std::size_t n = 0; n < nodes; ++n) {
        const std::size_t gpus = below(g, 5);
        std::vector<std::vector<amount>> capacity(gpus);
        std::vector<berth::gpu_description> described(gpus);
        for (std::size_t i = 0; i < gpus; ++i) {
            capacity[i] = amounts(g, gpu_counters, 20, 80);
            capacity[i][0] = berth::whole_gpu;
            described[i].capacity = capacity[i];
            described[i].model = chance(g, 80) ? "H100" : "A100";
            described[i].healthy = !chance(g, 5);
        }
        const auto host = amounts(g, node_counters, 10, 60);
        const std::size_t rack = below(g, 2);
        (void)fleet.add_node({.capacity = host, .gpus = described, .domains = {&racks[rack], 1}});
    }
    return std::move(std::move(fleet).build()).value();
}

berth::workload draw_tasks(source& g, const berth::fleet& machines) {
    berth::workload_builder work{machines};
    const std::size_t tasks = 1 + below(g, 40);
    const auto& schema = machines.schema();
    for (std::size_t t = 0; t < tasks; ++t) {
        const std::size_t kind = below(g, 10);
        const std::size_t gpus = kind == 0 ? 0 : kind < 8 ? 1 : 2;
        auto gpu = amounts(g, schema.gpu.size(), 0, 40);
        gpu[0] = static_cast<amount>(50 * (1 + below(g, 14)));
        if (gpus == 0) gpu.clear();
        const auto node = chance(g, 40) ? std::vector<amount>{} : amounts(g, schema.node.size(), 0, 12);
        const auto domain = chance(g, 40) ? std::vector<amount>{} : amounts(g, schema.domain.size(), 0, 15);
        constexpr std::string_view model = "H100";
        const bool picky = machines.find_model(model) && chance(g, 30);
        const auto bytes = static_cast<amount>(1 + below(g, 80)) * 1'000'000'000;
        (void)work.add_task({.gpus = gpus,
                             .gpu_demand = gpu,
                             .node_demand = node,
                             .domain_demand = domain,
                             .accepted_models = {&model, picky ? std::size_t{1} : std::size_t{0}},
                             .state_bytes = bytes});
    }
    return std::move(std::move(work).build()).value();
}

/// A random slot of a random node that fits, or none.
berth::slot any_slot(source& g, const berth::ledger& ledger, const berth::demand_view& demand) {
    const std::size_t nodes = ledger.fleet().node_count();
    const std::size_t first = below(g, nodes);
    for (std::size_t i = 0; i < nodes; ++i) {
        const berth::node_index n{(first + i) % nodes};
        if (!ledger.fits(demand, n)) continue;
        berth::slot where{n, 0};
        berth::gpu_mask rest = demand.gpus == 0 ? 0 : ledger.fitting_gpus(demand, n);
        for (std::size_t k = 0; k < demand.gpus; ++k) {
            berth::gpu_mask from_here = rest;
            for (std::size_t skip = below(g, berth::gpu_count(rest)); skip > 0; --skip) from_here &= from_here - 1;
            const berth::gpu_mask chosen = from_here & (~from_here + 1);
            where.gpus |= chosen;
            rest &= ~chosen;
        }
        return where;
    }
    return berth::unplaced;
}

/// Places the tasks that are not placed yet, in random order.
void fill(source& g, const berth::workload& tasks, berth::ledger& ledger, berth::assignment& slots) {
    std::vector<std::uint32_t> order;
    for (std::size_t t = 0; t < slots.size(); ++t) order.push_back(static_cast<std::uint32_t>(t));
    berth::shuffle(g, std::span{order});
    for (const std::uint32_t t : order) {
        if (slots[t].placed()) continue;
        const auto demand = tasks.demand(berth::task_index{t});
        slots[t] = any_slot(g, ledger, demand);
        if (slots[t].placed()) ledger.place(demand, slots[t]);
    }
}

berth::order_options draw_options(source& g, const berth::fleet& machines) {
    berth::order_options options;
    const auto limit = [&g](std::size_t most) {
        const bool limited = chance(g, 30);
        const std::size_t drawn = below(g, most + 1);
        return limited ? (drawn == 0 && !chance(g, 5) ? std::size_t{1} : drawn) : berth::order_options::unlimited;
    };
    options.per_node = limit(3);
    options.per_link = limit(2);
    options.per_wave = limit(6);
    options.staging = !chance(g, 20);
    options.parking = !chance(g, 40);
    if (chance(g, 30)) {
        for (const amount gigabytes : amounts(g, machines.node_count(), 0, 100)) {
            options.host_memory.push_back(gigabytes * 1'000'000'000);
        }
    }
    if (chance(g, 20)) options.drop_cost = 500.0 * static_cast<double>(1 + below(g, 4));
    options.max_evaluations = 200 * below(g, 3);
    options.seed = g();
    return options;
}

}  // namespace

random_rebalance make_random_rebalance(std::uint64_t seed) {
    source g{seed};
    berth::fleet machines = draw_fleet(g);
    berth::workload tasks = draw_tasks(g, machines);
    berth::assignment initial(tasks.task_count());
    berth::ledger before{machines};
    fill(g, tasks, before, initial);
    if (chance(g, 50)) {  // less full: some tasks leave
        for (std::size_t t = 0; t < initial.size(); ++t) {
            if (!initial[t].placed() || !chance(g, 10)) continue;
            before.remove(tasks.demand(berth::task_index{t}), initial[t]);
            initial[t] = berth::unplaced;
        }
    }

    std::vector<berth::task_move> in_flight;
    for (std::size_t t = 0; t < initial.size(); ++t) {
        if (!initial[t].placed() || !chance(g, 5)) continue;
        const auto demand = tasks.demand(berth::task_index{t});
        const berth::slot to = any_slot(g, before, demand);
        if (!to.placed()) continue;
        before.place(demand, to);
        in_flight.push_back({berth::task_index{t}, initial[t], to});
    }

    // In the wanted assignment some tasks stay; those in flight hold both ends, and mostly stay at their targets.
    berth::assignment wanted(tasks.task_count());
    berth::ledger after{machines};
    std::vector<char> flying(initial.size(), 0);
    for (const auto& r : in_flight) {
        flying[r.task.value()] = 1;
        after.place(tasks.demand(r.task), r.from);
        after.place(tasks.demand(r.task), r.to);
        wanted[r.task.value()] = r.to;
    }
    const unsigned stay = 30 * static_cast<unsigned>(below(g, 4));
    for (std::size_t t = 0; t < initial.size(); ++t) {
        if (flying[t] != 0 || !initial[t].placed() || !chance(g, stay)) continue;
        wanted[t] = initial[t];
        after.place(tasks.demand(berth::task_index{t}), wanted[t]);
    }
    fill(g, tasks, after, wanted);
    for (const auto& r : in_flight) {
        if (chance(g, 20)) wanted[r.task.value()] = chance(g, 50) ? r.from : berth::unplaced;
    }
    // A wanted slot that can never fit.
    if (chance(g, 10)) {
        for (std::size_t t = 0; t < wanted.size(); ++t) {
            const std::size_t other = below(g, wanted.size());
            const auto gpus = [&](const berth::slot& s) { return berth::gpu_count(s.gpus); };
            if (flying[t] != 0 || !chance(g, 20) || !wanted[other].placed()) continue;
            if (gpus(wanted[other]) == tasks.demand(berth::task_index{t}).gpus) wanted[t] = wanted[other];
        }
    }
    berth::order_options options = draw_options(g, machines);
    return {std::move(machines), std::move(tasks),     std::move(initial),
            std::move(wanted),   std::move(in_flight), std::move(options)};
}

}  // namespace bench
