// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/own_type_readers.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/model/workload_builder.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace berth::inline v0 {

namespace detail {

/// Adds domains to a fleet and knows their levels.
class domain_adder {
public:
    explicit domain_adder(fleet_builder* builder) noexcept : builder_{builder} {}

    result<domain_index> operator()(std::string_view name, std::size_t level, std::span<const amount> capacity = {}) {
        auto added = builder_->add_domain(name, level, capacity);
        if (added) {
            seen_.intern(name);
            levels_.push_back(level);
        }
        return added;
    }
    [[nodiscard]] std::optional<std::size_t> level_of(std::string_view name) const {
        const auto at = seen_.find(name);
        return at ? std::optional{levels_[*at]} : std::nullopt;
    }

private:
    fleet_builder* builder_;
    name_table seen_;
    flat<std::size_t> levels_;
};

template <class Nodes>
[[gnu::cold]] result<fleet> build_fleet(const Nodes& nodes, resource_schema& schema,
                                        std::span<const domain_description> domains) {
    fleet_builder builder{std::move(schema)};
    domain_adder add_domain{&builder};
    for (const domain_description& domain : domains) {
        if (auto added = add_domain(domain.name, domain.level, domain.capacity); !added) return added.error();
    }
    node_reader reader;
    std::size_t position = 0;
    for (const auto& node : nodes) {
        const node_description& described = reader.read(node);
        if constexpr (offers_node_domains<std::remove_cvref_t<decltype(node)>>()) {
            const auto item = phrase::item("node", position, described.name);
            const auto level_of = [&](std::string_view name) { return add_domain.level_of(name); };
            if (auto ok = reader.add_domains(item, level_of, add_domain); !ok) return ok.error();
        }
        if (auto added = builder.add_node(described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

template <class Tasks>
[[gnu::cold]] result<workload> build_workload(const Tasks& tasks, const fleet& fleet) {
    workload_builder builder{fleet};
    task_reader reader;
    std::size_t position = 0;
    for (const auto& task : tasks) {
        const auto described = reader.read(task, position);
        if (!described) return described.error();
        if (auto added = builder.add_task(**described); !added) return added.error();
        ++position;
    }
    return std::move(builder).build();
}

}  // namespace detail

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
    return detail::call_cold(detail::build_fleet<Nodes>, nodes, schema, domains);
}

/// Builds a workload for one fleet from your own types, read through `task_traits` (`model/traits.hpp`). O(tasks ×
/// counters).
///
/// @param tasks  a range, read once and not kept
/// @param fleet  gives the schema and the names of GPU models; not kept
/// @return the workload, or an error with the position, name and field of the first task that is refused
template <class Tasks>
[[nodiscard]] result<workload> make_workload(const Tasks& tasks, const fleet& fleet) {
    return detail::call_cold(detail::build_workload<Tasks>, tasks, fleet);
}

}  // namespace berth::inline v0
