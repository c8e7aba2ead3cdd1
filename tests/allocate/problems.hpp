// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/core/random.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include "common/instances.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_test {

using berth::amount;

/// The ingredients of a random placement problem.
struct problem_options {
    std::size_t nodes = 30;
    std::size_t tasks = 120;
    std::size_t shapes = 14;  ///< at most; tasks repeat them
    std::size_t gpu_counters = 1;
    bool sees_memory = false;  ///< the second GPU counter plays the role of GPU memory
    bool domains = false;      ///< racks and zones that supply power
    bool sick = true;          ///< unhealthy nodes and GPUs
    bool mixed = true;         ///< nodes with GPUs of several models and capacities
    bool gangs = true;
};

/// Few kinds of nodes, each many times, so that nodes tie and share values; few demands, each many times. The fewer
/// nodes, the more tasks have no slot in the end.
[[nodiscard]] inline instance random_problem(std::uint64_t seed, const problem_options& options = {}) {
    berth::xoshiro256 g{seed};
    berth::resource_schema schema{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}, .domain = {}};
    schema.gpu.resize(options.gpu_counters);
    if (!options.sees_memory) schema.roles.gpu_memory = berth::no_counter;
    if (options.domains) schema.domain = {"power"};
    berth::fleet_builder builder{schema};
    if (options.domains) {
        for (std::size_t r = 0; r < 6; ++r) {
            const amount power[] = {static_cast<amount>(10 + below(g, 40))};
            (void)need(builder.add_domain("rack" + std::to_string(r), 0, power));
        }
        const amount power[] = {150};
        (void)need(builder.add_domain("zone", 1, power));
    }

    constexpr std::string_view models[] = {"A100", "T4", "V100"};
    struct kind {
        std::vector<std::vector<amount>> capacities;
        std::vector<std::string_view> models;
        std::vector<std::size_t> sick;
        amount host[2];
    };
    std::vector<kind> kinds(5);
    for (auto& k : kinds) {
        const std::size_t gpus = chance(g, 12) ? 64 : chance(g, 10) ? 0 : 1 + below(g, 8);
        const bool mixed = options.mixed && chance(g, 40);
        const auto model = models[below(g, 3)];
        for (std::size_t i = 0; i < gpus; ++i) {
            std::vector<amount> capacity{mixed && chance(g, 30) ? 500 : berth::whole_gpu};
            if (options.gpu_counters > 1) capacity.push_back(chance(g, 50) ? 40 : 80);
            k.capacities.push_back(std::move(capacity));
            k.models.push_back(mixed ? models[below(g, 3)] : model);
            if (options.sick && chance(g, 8)) k.sick.push_back(i);
        }
        k.host[0] = static_cast<amount>(16'000 + 8'000 * below(g, 12));
        k.host[1] = static_cast<amount>(64 + 32 * below(g, 6));
    }
    for (std::size_t n = 0; n < options.nodes; ++n) {
        const kind& k = kinds[below(g, kinds.size())];
        std::vector<berth::gpu_description> gpus;
        for (std::size_t i = 0; i < k.models.size(); ++i)
            gpus.push_back({.model = k.models[i], .capacity = k.capacities[i]});
        for (const std::size_t i : k.sick) gpus[i].healthy = false;
        std::vector<std::string_view> domains;
        const std::string rack = "rack" + std::to_string(below(g, 6));
        if (options.domains) domains = {rack, "zone"};
        (void)need(builder.add_node(
            {.capacity = k.host, .gpus = gpus, .domains = domains, .healthy = !(options.sick && chance(g, 5))}));
    }
    auto machines = need(std::move(builder).build());

    struct demand {
        std::size_t gpus = 0;
        std::vector<amount> gpu;
        amount host[2];
        std::vector<amount> domain;
        std::vector<std::string_view> accepted;
    };
    std::vector<demand> demands(options.shapes);
    for (auto& d : demands) {
        const std::size_t form = below(g, 8);
        d.gpus = form == 0 ? 0 : form < 5 ? 1 : form == 5 ? 2 : form == 6 ? 4 : 1;
        if (d.gpus > 0) {
            d.gpu.push_back(form < 5 ? static_cast<amount>(100 + 10 * below(g, 90)) : berth::whole_gpu);
            if (options.gpu_counters > 1) d.gpu.push_back(static_cast<amount>(below(g, 30)));
        }
        d.host[0] = static_cast<amount>(500 * below(g, 20));
        d.host[1] = static_cast<amount>(below(g, 16));
        if (options.domains && chance(g, 60)) d.domain.push_back(static_cast<amount>(below(g, 4)));
        for (std::size_t m = 0; chance(g, 30) && m < machines.model_count(); ++m) {
            if (chance(g, 60)) d.accepted.push_back(machines.name(berth::model_index{m}));
        }
    }
    berth::workload_builder tasks{machines};
    for (std::size_t t = 0; t < options.tasks; ++t) {
        const demand& d = demands[below(g, demands.size())];
        const bool gang = options.gangs && t % 10 > 6;
        (void)need(tasks.add_task({.gpus = d.gpus,
                                   .gpu_demand = d.gpu,
                                   .node_demand = d.host,
                                   .domain_demand = d.domain,
                                   .accepted_models = d.accepted,
                                   .group = gang ? "gang" + std::to_string(t / 10) : std::string{},
                                   .gang = gang,
                                   .priority = static_cast<int>(below(g, 5)) - 2}));
    }
    auto work = need(std::move(tasks).build());
    return {std::move(machines), std::move(work)};
}

/// One node of a fleet made by hand: free GPU shares (all of one model), CPU and memory.
struct hand_node {
    std::vector<amount> shares;
    amount cpu = 0;
    amount memory = 1'000'000;
    std::string_view model = "G2";
};

/// Nodes whose *capacities* are the free amounts given, so that scores read exactly these.
[[nodiscard]] inline berth::fleet hand_fleet(const std::vector<hand_node>& nodes) {
    berth::fleet_builder builder;
    for (const auto& node : nodes) {
        std::vector<berth::gpu_description> gpus;
        for (const amount& share : node.shares) gpus.push_back({.model = node.model, .capacity = {&share, 1}});
        const amount host[] = {node.cpu, node.memory};
        (void)need(builder.add_node({.capacity = host, .gpus = gpus}));
    }
    return need(std::move(builder).build());
}

/// One task made by hand: GPUs, share of each, CPU, accepted models.
struct hand_task {
    std::size_t gpus = 0;
    amount share = 0;
    amount cpu = 0;
    std::vector<std::string_view> accepted{};
    std::size_t copies = 1;
};

[[nodiscard]] inline berth::workload hand_workload(const berth::fleet& machines, const std::vector<hand_task>& tasks) {
    berth::workload_builder builder{machines};
    for (const auto& task : tasks) {
        const amount gpu[] = {task.share};
        const amount host[] = {task.cpu, 0};
        for (std::size_t i = 0; i < task.copies; ++i) {
            (void)need(builder.add_task(
                {.gpus = task.gpus, .gpu_demand = gpu, .node_demand = host, .accepted_models = task.accepted}));
        }
    }
    return need(std::move(builder).build());
}

/// A candidate for a task on a node with these GPUs.
[[nodiscard]] inline berth::candidate candidate_for(const berth::ledger& ledger, const berth::workload& work,
                                                    std::size_t task, std::size_t node, berth::gpu_mask gpus) {
    const berth::task_index t{task};
    return {.node = ledger.node(berth::node_index{node}),
            .demand = work.demand(t),
            .gpus = gpus,
            .shape = work.shape(t),
            .task = t};
}

}  // namespace berth_test
