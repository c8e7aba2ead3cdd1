// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/traits.hpp"
#include "berth/model/workload.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace berth {

namespace detail {

/// Integers of any kind into amounts. Floating-point counters are refused at compile time: feasibility is exact.
template <class Range>
void read_amounts(const Range& from, std::vector<amount>& into) {
    into.clear();
    if constexpr (std::integral<Range>) {
        into.push_back(static_cast<amount>(from));
    } else {
        for (const auto& value : from) {
            static_assert(std::integral<std::remove_cvref_t<decltype(value)>>,
                          "berth: capacities and demands are integers (thousandths, MiB); convert yours in the traits");
            if constexpr (std::unsigned_integral<std::remove_cvref_t<decltype(value)>>) {
                into.push_back(value > static_cast<std::uint64_t>(max_amount) ? max_amount + 1
                                                                              : static_cast<amount>(value));
            } else {
                into.push_back(static_cast<amount>(value));
            }
        }
    }
}

/// Texts, or one text joined by `|`, into a list.
template <class Names>
void read_names(const Names& from, std::vector<std::string_view>& into) {
    into.clear();
    if constexpr (std::convertible_to<const Names&, std::string_view>) {
        std::string_view text{from};
        while (!text.empty()) {
            const std::size_t bar = text.find('|');
            into.push_back(text.substr(0, bar));
            if (bar == std::string_view::npos) break;
            text.remove_prefix(bar + 1);
            if (text.empty()) into.push_back({});
        }
    } else {
        for (const auto& name : from) into.push_back(std::string_view{name});
    }
}

struct gpu_scratch {
    std::vector<std::vector<amount>> capacities;
    std::vector<std::string> models;
    std::vector<gpu_description> gpus;
};

template <class Gpu>
void read_gpu(const Gpu& gpu, std::size_t i, gpu_scratch& into) {
    if (into.capacities.size() <= i) {
        into.capacities.resize(i + 1);
        into.models.resize(i + 1);
    }
    into.capacities[i].clear();
    into.models[i].clear();
    if constexpr (has_gpu_capacity<Gpu>) read_amounts(read_gpu_capacity(gpu), into.capacities[i]);
    if constexpr (has_gpu_model<Gpu>) into.models[i] = std::string_view{read_gpu_model(gpu)};
    gpu_description described{};
    if constexpr (has_gpu_healthy<Gpu>) described.healthy = static_cast<bool>(read_gpu_healthy(gpu));
    if (into.gpus.size() <= i) into.gpus.resize(i + 1);
    into.gpus[i] = described;
}

}  // namespace detail

/// Reads your machines once, into flat arrays. An element is a node (it offers `gpus`) or a bare GPU, which becomes a node of
/// its own. O(places × counters). Fails with the position, name and field of the first element that is not acceptable.
///
/// @param nodes   any range whose elements `node_traits` / `gpu_traits` can read.
/// @param schema  which counters the capacities stand for.
template <class Nodes>
[[nodiscard]] result<fleet> make_fleet(const Nodes& nodes, resource_schema schema = {}) {
    using node_type = std::remove_cvref_t<decltype(*std::begin(nodes))>;
    static_assert(
        node_like<node_type> || gpu_like<node_type>,
        "berth: make_fleet cannot read this type; give it a member `gpus` (node) or `model`/`capacity` (GPU), or "
        "specialise berth::node_traits / berth::gpu_traits for it");
    fleet_builder builder{std::move(schema)};
    name_table seen_domains;
    detail::gpu_scratch scratch;
    std::vector<amount> capacity;
    std::vector<std::string_view> domains;
    for (const auto& node : nodes) {
        node_description described{};
        std::string name;
        if constexpr (detail::has_node_name<node_type>) name = std::string_view{detail::read_node_name(node)};
        described.name = name;
        std::size_t gpus = 0;
        scratch.gpus.clear();
        if constexpr (node_like<node_type>) {
            capacity.clear();
            if constexpr (detail::has_node_capacity<node_type>) {
                detail::read_amounts(detail::read_node_capacity(node), capacity);
            }
            described.capacity = capacity;
            for (const auto& gpu : detail::read_node_gpus(node)) detail::read_gpu(gpu, gpus++, scratch);
            if constexpr (detail::has_node_healthy<node_type>) {
                described.healthy = static_cast<bool>(detail::read_node_healthy(node));
            }
        } else {
            detail::read_gpu(node, gpus++, scratch);
        }
        for (std::size_t i = 0; i < gpus; ++i) {
            scratch.gpus[i].capacity = scratch.capacities[i];
            scratch.gpus[i].model = scratch.models[i];
        }
        described.gpus = std::span{scratch.gpus}.first(gpus);
        domains.clear();
        if constexpr (detail::has_node_domains<node_type>) {
            detail::read_names(detail::read_node_domains(node), domains);
            for (std::size_t level = 0; level < domains.size(); ++level) {
                if (!seen_domains.find(domains[level])) {
                    seen_domains.intern(domains[level]);
                    if (auto added = builder.add_domain(domains[level], level); !added) return added.error();
                }
            }
        }
        described.domains = domains;
        if (auto added = builder.add_node(described); !added) return added.error();
    }
    return std::move(builder).build();
}

/// Reads your tasks once, into flat arrays, for one fleet. O(tasks × counters). Fails with the position, name and field of the
/// first task that is not acceptable.
template <class Tasks>
[[nodiscard]] result<workload> make_workload(const Tasks& tasks, const fleet& fleet) {
    using task_type = std::remove_cvref_t<decltype(*std::begin(tasks))>;
    static_assert(
        task_like<task_type>,
        "berth: make_workload cannot read this type; give it a member `gpus`, `gpu_demand` or `node_demand`, or "
        "specialise berth::task_traits for it");
    workload_builder builder{fleet};
    std::vector<amount> gpu_demand;
    std::vector<amount> node_demand;
    std::vector<amount> domain_demand;
    std::vector<std::string_view> models;
    std::size_t position = 0;
    for (const auto& task : tasks) {
        task_description described{};
        std::string name;
        std::string group;
        if constexpr (detail::has_task_name<task_type>) name = std::string_view{detail::read_task_name(task)};
        if constexpr (detail::has_task_group<task_type>) group = std::string_view{detail::read_task_group(task)};
        if constexpr (detail::has_task_gpus<task_type>) {
            const auto gpus = detail::read_task_gpus(task);
            if constexpr (std::signed_integral<std::remove_cvref_t<decltype(gpus)>>) {
                if (gpus < 0) {
                    return error{error_code::invalid_value, "task " + std::to_string(position) + " (" +
                                                                detail::quoted(name) + "): gpus is " +
                                                                std::to_string(gpus) + ", expected 0..64"};
                }
            }
            described.gpus = static_cast<std::size_t>(gpus);
        }
        gpu_demand.clear();
        node_demand.clear();
        domain_demand.clear();
        models.clear();
        if constexpr (detail::has_task_gpu_demand<task_type>) {
            detail::read_amounts(detail::read_task_gpu_demand(task), gpu_demand);
        }
        if constexpr (detail::has_task_node_demand<task_type>) {
            detail::read_amounts(detail::read_task_node_demand(task), node_demand);
        }
        if constexpr (detail::has_task_domain_demand<task_type>) {
            detail::read_amounts(detail::read_task_domain_demand(task), domain_demand);
        }
        if constexpr (detail::has_task_accepted_models<task_type>) {
            detail::read_names(detail::read_task_accepted_models(task), models);
        }
        if constexpr (detail::has_task_gang<task_type>)
            described.gang = static_cast<bool>(detail::read_task_gang(task));
        if constexpr (detail::has_task_priority<task_type>) {
            described.priority = static_cast<int>(detail::read_task_priority(task));
        }
        if constexpr (detail::has_task_state_bytes<task_type>) {
            described.state_bytes = static_cast<amount>(detail::read_task_state_bytes(task));
        }
        described.name = name;
        described.group = group;
        described.gpu_demand = gpu_demand;
        described.node_demand = node_demand;
        described.domain_demand = domain_demand;
        described.accepted_models = models;
        if (auto added = builder.add_task(described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

}  // namespace berth
