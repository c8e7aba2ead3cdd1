// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/fleet_editor.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0 {

/// Builds a `fleet` node by node. Errors name the offending item and field; a refused item leaves the builder
/// unchanged. To build from your own types use `make_fleet` (`model/lower.hpp`).
///
/// ```
/// fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}}};
/// if (auto added = builder.add_node({.name = "n0", .capacity = cpu, .gpus = gpus}); !added) return added.error();
/// result<fleet> machines = std::move(builder).build();
/// ```
class fleet_builder {
public:
    /// @param schema  the counters of all capacities; checked by `build`
    explicit fleet_builder(resource_schema schema = {}) : fleet_{detail::fleet_editor::make_empty(std::move(schema))} {}

    /// Adds a domain for later nodes to name.
    ///
    /// @param name      unique, not empty
    /// @param level     0 for the innermost (rack), then outwards (row, zone)
    /// @param capacity  per `resource_schema::domain`, each 0..`max_amount`; empty: unlimited
    /// @return its index, or an error: no name, a name or an amount that is refused
    result<domain_index> add_domain(std::string_view name, std::size_t level, std::span<const amount> capacity = {});
    /// Adds a node behind those added before. O(GPUs × counters).
    ///
    /// @return its index, or an error: a name that exists, an amount that is refused, more than 64 GPUs, more than 64
    ///         GPU models in the fleet, a domain that is unknown or a second one of a level
    result<node_index> add_node(const node_description& node);
    /// The fleet. Fails without a node, or if the schema is unusable: no GPU counter, a counter without a name of its
    /// own, a role of a counter that does not exist or has another role. O(nodes).
    result<fleet> build() &&;

private:
    [[gnu::cold]] static result<domain_index> add_domain_to(fleet& fleet, std::string_view name, std::size_t level,
                                                            std::span<const amount> capacity);
    [[gnu::cold]] static result<node_index> add_node_to(fleet& fleet, const node_description& node);
    [[gnu::cold]] static result<fleet> finish(fleet& fleet);

    fleet fleet_;
};

inline result<domain_index> fleet_builder::add_domain(std::string_view name, std::size_t level,
                                                      std::span<const amount> capacity) {
    return detail::call_cold(add_domain_to, fleet_, name, level, capacity);
}
inline result<node_index> fleet_builder::add_node(const node_description& node) {
    return detail::call_cold(add_node_to, fleet_, node);
}
inline result<fleet> fleet_builder::build() && { return detail::call_cold(finish, fleet_); }

inline result<domain_index> fleet_builder::add_domain_to(fleet& fleet, std::string_view name, std::size_t level,
                                                         std::span<const amount> capacity) {
    return detail::fleet_editor{fleet}.add_domain(name, level, capacity);
}

inline result<node_index> fleet_builder::add_node_to(fleet& fleet, const node_description& node) {
    detail::fleet_editor editor{fleet};
    const auto item = detail::phrase::item("node", fleet.node_count(), node.name);
    const std::string name =
        node.name.empty() ? detail::sentence({"node-", fleet.node_count()}) : std::string{node.name};
    if (fleet.find_node(name)) {
        return detail::refuse(error_code::duplicate, {item, ": a node of this name exists already"});
    }
    detail::flat<domain_index> domains;
    if (auto ok = editor.check_node(node, item, domains); !ok) return ok.error();

    const node_index n = editor.append_vacant(node.gpus.size());
    editor.set_name(n, name);
    editor.set_capacity(n, node.capacity);
    gpu_mask healthy = 0;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        editor.set_gpu(n, i, editor.find_or_add_model(node.gpus[i].model), node.gpus[i].capacity);
        if (node.gpus[i].healthy) healthy |= gpu_mask{1} << i;
    }
    editor.set_state(n, node.gpus.size(), first_gpus(node.gpus.size()), healthy, node.healthy, true);
    editor.set_domains(n, domains.view());
    editor.number(n, editor.link_image(node, {}, node.gpus.size()));
    return n;
}

inline result<fleet> fleet_builder::finish(fleet& fleet) {
    if (auto ok = detail::fleet_editor::check_schema(fleet.schema()); !ok) return ok.error();
    if (fleet.node_count() == 0) return error{error_code::invalid_value, "fleet: there is no node"};
    return std::move(fleet);
}

}  // namespace berth::inline v0
