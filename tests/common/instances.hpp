// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/random.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth_test {

/// The value of a result that must have one.
template <class T>
[[nodiscard]] T need(berth::result<T> r) {
    if (!r) FAIL(r.error().message);
    return std::move(r).value();
}

[[nodiscard]] inline std::size_t below(berth::xoshiro256& g, std::size_t n) {
    return berth::bounded(g, static_cast<std::uint32_t>(n));
}
[[nodiscard]] inline bool chance(berth::xoshiro256& g, unsigned percent) { return berth::bounded(g, 100) < percent; }

struct instance {
    berth::fleet machines;
    berth::workload tasks;
};

/// Up to 12 nodes with 0 to 64 GPUs of up to five models, one to three GPU counters, none to three node counters, racks and
/// zones with none to two counters, sick nodes and GPUs.
[[nodiscard]] inline berth::fleet random_fleet(berth::xoshiro256& g) {
    using berth::amount;
    berth::resource_schema schema{
        .gpu = {"share", "memory", "slices"}, .node = {"cpu", "memory", "disk"}, .domain = {"power", "cooling"}};
    schema.gpu.resize(1 + below(g, 3));
    schema.node.resize(below(g, 4));
    schema.domain.resize(below(g, 3));
    const std::size_t gpu_counters = schema.gpu.size();
    const std::size_t node_counters = schema.node.size();
    const std::size_t domain_counters = schema.domain.size();
    berth::fleet_builder builder{std::move(schema)};

    const auto amounts = [&](std::size_t n, std::size_t top) {
        std::vector<amount> values(n);
        for (auto& value : values) value = static_cast<amount>(below(g, top + 1));
        return values;
    };
    const std::size_t racks = 1 + below(g, 3);
    const std::size_t zones = 1 + below(g, 2);
    for (std::size_t r = 0; r < racks; ++r) {
        const auto capacity = chance(g, 20) ? std::vector<amount>{} : amounts(domain_counters, 400);
        (void)need(builder.add_domain("rack" + std::to_string(r), 0, capacity));
    }
    for (std::size_t z = 0; z < zones; ++z) {
        const auto capacity = chance(g, 20) ? std::vector<amount>{} : amounts(domain_counters, 800);
        (void)need(builder.add_domain("zone" + std::to_string(z), 1, capacity));
    }

    constexpr std::string_view models[] = {"A100", "H100", "T4", "V100", ""};
    const std::size_t used_models = 1 + below(g, 5);
    const std::size_t nodes = 1 + below(g, 12);
    for (std::size_t n = 0; n < nodes; ++n) {
        const std::size_t gpus = chance(g, 10) ? 64 : below(g, 9);
        const bool mixed = chance(g, 30);
        const std::string_view node_model = models[below(g, used_models)];
        std::vector<std::vector<amount>> capacities(gpus);
        std::vector<berth::gpu_description> descriptions(gpus);
        for (std::size_t i = 0; i < gpus; ++i) {
            if (chance(g, 70)) {
                capacities[i] = amounts(gpu_counters, 48);
                capacities[i][0] = berth::whole_gpu;
            }
            descriptions[i].model = mixed ? models[below(g, used_models)] : node_model;
            descriptions[i].capacity = capacities[i];
            descriptions[i].healthy = !chance(g, 10);
        }
        const auto capacity = chance(g, 10) ? std::vector<amount>{} : amounts(node_counters, 100);
        const std::string rack = "rack" + std::to_string(below(g, racks));
        const std::string zone = "zone" + std::to_string(below(g, zones));
        std::vector<std::string_view> domains;
        if (chance(g, 80)) domains.push_back(zone);
        if (chance(g, 80)) domains.push_back(rack);
        (void)need(builder.add_node(
            {.capacity = capacity, .gpus = descriptions, .domains = domains, .healthy = !chance(g, 10)}));
    }
    return need(std::move(builder).build());
}

/// Tasks that fit often, but not always: CPU only, shares, whole GPUs, some with accepted models, groups and gangs.
[[nodiscard]] inline berth::workload random_workload(berth::xoshiro256& g, const berth::fleet& machines,
                                                     std::size_t tasks) {
    using berth::amount;
    berth::workload_builder builder{machines};
    const auto& schema = machines.schema();
    for (std::size_t t = 0; t < tasks; ++t) {
        const auto amounts = [&](std::size_t n, std::size_t top) {
            std::vector<amount> values(n);
            for (auto& value : values) value = static_cast<amount>(below(g, top + 1));
            return values;
        };
        const auto node_demand = chance(g, 20) ? std::vector<amount>{} : amounts(schema.node.size(), 12);
        const auto domain_demand = chance(g, 50) ? std::vector<amount>{} : amounts(schema.domain.size(), 40);
        std::vector<amount> gpu_demand = amounts(schema.gpu.size(), 8);
        gpu_demand[0] = static_cast<amount>(1 + below(g, 1000));
        const std::size_t kind = below(g, 4);
        const std::size_t gpus = kind == 0 ? 0 : kind == 3 ? 1 + below(g, 8) : 1;
        if (kind == 0 || chance(g, 20)) gpu_demand.clear();
        if (kind == 3 && !gpu_demand.empty()) gpu_demand[0] = berth::whole_gpu;
        std::vector<std::string_view> accepted;
        for (std::size_t m = 0; m < machines.model_count(); ++m) {
            if (chance(g, 20)) accepted.push_back(machines.name(berth::model_index{m}));
        }
        const std::size_t group = below(g, 6);
        (void)need(builder.add_task({.gpus = gpus,
                                     .gpu_demand = gpu_demand,
                                     .node_demand = node_demand,
                                     .domain_demand = domain_demand,
                                     .accepted_models = accepted,
                                     .group = group < 3    ? std::string_view{}
                                              : group == 3 ? "job"
                                                           : "gang",
                                     .gang = group > 3}));
    }
    return need(std::move(builder).build());
}

[[nodiscard]] inline instance random_instance(std::uint64_t seed, std::size_t tasks) {
    berth::xoshiro256 g{seed};
    auto machines = random_fleet(g);
    auto work = random_workload(g, machines, tasks);
    return {std::move(machines), std::move(work)};
}

}  // namespace berth_test
