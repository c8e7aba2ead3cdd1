// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/detail/lower_readers.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/traits.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// Builds a fleet from your own types, read through `node_traits` and `gpu_traits` (`model/traits.hpp`). An element
/// with GPUs is a node; any other element is a single GPU, which becomes a node of its own. O(places × counters).
///
/// @param nodes    a range, read once and not kept
/// @param schema  the counters of the capacities; `{.gpu = {"share", "memory"}}` names some, the others keep their
///         defaults
/// @param domains  racks and zones with capacities; domains that only nodes name are unlimited
/// @return the fleet, or an error with the position, name and field of the first element that is refused
template <class Nodes>
[[nodiscard]] result<fleet> make_fleet(const Nodes& nodes, resource_schema schema = {},
                                       std::span<const domain_description> domains = {}) {
    using node_type = std::remove_cvref_t<decltype(*std::begin(nodes))>;
    static_assert(
        node_like<node_type> || gpu_like<node_type>,
        "berth: make_fleet cannot read this type; give it a member `gpus` (node) or `model`/`capacity` (GPU), or "
        "specialise berth::node_traits / berth::gpu_traits for it");
    fleet_builder builder{std::move(schema)};
    name_table seen_domains;
    detail::flat<std::size_t> levels;
    for (const domain_description& domain : domains) {
        if (auto added = builder.add_domain(domain.name, domain.level, domain.capacity); !added) return added.error();
        seen_domains.intern(domain.name);
        levels.push_back(domain.level);
    }
    detail::gpu_list gpus;
    detail::text_list node_domains;
    detail::flat<amount> capacity;
    detail::flat<std::string_view> present_domains;
    std::string name;
    std::size_t position = 0;
    for (const auto& node : nodes) {
        name.clear();
        gpus.clear();
        capacity.clear();
        present_domains.clear();
        node_description described{};
        if constexpr (detail::offers_node_name<node_type>()) name = detail::as_text(detail::read_node_name(node));
        if constexpr (detail::offers_node_gpus<node_type>()) {
            static_assert(
                requires { std::begin(detail::read_node_gpus(node)); },
                "berth: `gpus` of a node is a range of GPUs, not their number; make the range in node_traits");
            for (const auto& gpu : detail::read_node_gpus(node)) gpus.read(gpu);
            if constexpr (detail::offers_node_capacity<node_type>()) {
                detail::read_amounts(detail::read_node_capacity(node), capacity);
            }
            if constexpr (detail::offers_node_healthy<node_type>()) {
                described.healthy = detail::as_flag(detail::read_node_healthy(node));
            }
        } else {
            gpus.read(node);
        }
        if constexpr (detail::offers_node_domains<node_type>()) {
            node_domains.read(detail::read_node_domains(node));
            const auto item = detail::phrase::item("node", position, name);
            if (auto ok = detail::add_domains(builder, seen_domains, levels, node_domains, item); !ok)
                return ok.error();
            for (const std::string_view domain : node_domains.views()) {
                if (!domain.empty()) present_domains.push_back(domain);
            }
        }
        described.name = name;
        described.capacity = capacity.view();
        described.gpus = gpus.views();
        described.domains = present_domains.view();
        if (auto added = builder.add_node(described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

/// Builds a workload for one fleet from your own types, read through `task_traits` (`model/traits.hpp`). O(tasks ×
/// counters).
///
/// @param tasks  a range, read once and not kept
/// @param fleet  gives the schema and the names of GPU models; not kept
/// @return the workload, or an error with the position, name and field of the first task that is refused
template <class Tasks>
[[nodiscard]] result<workload> make_workload(const Tasks& tasks, const fleet& fleet) {
    using task_type = std::remove_cvref_t<decltype(*std::begin(tasks))>;
    static_assert(
        task_like<task_type>,
        "berth: make_workload cannot read this type; give it a member `gpus`, `gpu_demand` or `node_demand`, or "
        "specialise berth::task_traits for it");
    workload_builder builder{fleet};
    detail::flat<amount> gpu_demand;
    detail::flat<amount> node_demand;
    detail::flat<amount> domain_demand;
    detail::text_list models;
    std::string name;
    std::string group;
    std::size_t position = 0;
    for (const auto& task : tasks) {
        name.clear();
        group.clear();
        gpu_demand.clear();
        node_demand.clear();
        domain_demand.clear();
        models.clear();
        task_description described{};
        if constexpr (detail::offers_task_name<task_type>()) name = detail::as_text(detail::read_task_name(task));
        if constexpr (detail::offers_task_group<task_type>()) group = detail::as_text(detail::read_task_group(task));
        const auto refuse = [&](const char* field, amount value, const char* expected) {
            return detail::refuse(error_code::invalid_value, {detail::phrase::item("task", position, name), ": ", field,
                                                              " is ", value, ", expected ", expected});
        };
        if constexpr (detail::offers_task_gpus<task_type>()) {
            static_assert(
                detail::counter_value<std::remove_cvref_t<decltype(detail::read_task_gpus(task))>>,
                "berth: `gpus` of a task is a number of GPUs, an integer; a share of one goes into gpu_demand");
            const amount gpus = detail::to_amount(detail::read_task_gpus(task));
            if (gpus < 0) return refuse("gpus", gpus, "0..64");
            described.gpus = static_cast<std::size_t>(gpus);
        }
        if constexpr (detail::offers_task_priority<task_type>()) {
            const amount priority = detail::to_amount(detail::read_task_priority(task));
            if (!std::in_range<int>(priority)) return refuse("priority", priority, "an int");
            described.priority = static_cast<int>(priority);
        }
        if constexpr (detail::offers_task_state_bytes<task_type>()) {
            described.state_bytes = detail::to_amount(detail::read_task_state_bytes(task));
        }
        if constexpr (detail::offers_task_gpu_demand<task_type>()) {
            detail::read_amounts(detail::read_task_gpu_demand(task), gpu_demand);
        }
        if constexpr (detail::offers_task_node_demand<task_type>()) {
            detail::read_amounts(detail::read_task_node_demand(task), node_demand);
        }
        if constexpr (detail::offers_task_domain_demand<task_type>()) {
            detail::read_amounts(detail::read_task_domain_demand(task), domain_demand);
        }
        if constexpr (detail::offers_task_accepted_models<task_type>()) {
            models.read(detail::read_task_accepted_models(task));
        }
        if constexpr (detail::offers_task_same_model<task_type>()) {
            described.same_model = detail::as_flag(detail::read_task_same_model(task));
        }
        if constexpr (detail::offers_task_gang<task_type>())
            described.gang = detail::as_flag(detail::read_task_gang(task));
        described.name = name;
        described.group = group;
        described.gpu_demand = gpu_demand.view();
        described.node_demand = node_demand.view();
        described.domain_demand = domain_demand.view();
        described.accepted_models = models.views();
        if (auto added = builder.add_task(described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

}  // namespace berth::inline v0
