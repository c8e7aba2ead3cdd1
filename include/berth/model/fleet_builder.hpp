// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/detail/check_amounts.hpp"
#include "berth/model/detail/find_roles.hpp"
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

/// A GPU, as input of `fleet_builder`.
struct gpu_description {
    std::string_view model{};            ///< name of its model; the empty name is a model like any other
    std::span<const amount> capacity{};  ///< per `resource_schema::gpu`; empty: one whole GPU, else unlimited
    bool healthy = true;                 ///< false: takes no new task
};

/// A domain (rack, zone, ...) with a capacity, as input of `make_fleet`.
struct domain_description {
    std::string_view name{};             ///< unique, not empty
    std::size_t level = 0;               ///< 0 for the innermost (rack), then outwards (row, zone)
    std::span<const amount> capacity{};  ///< per `resource_schema::domain`; empty: unlimited
};

/// A node, as input of `fleet_builder`.
struct node_description {
    std::string_view name{};                      ///< unique; empty: `node-<position>`
    std::span<const amount> capacity{};           ///< per `resource_schema::node`; empty: unlimited
    std::span<const gpu_description> gpus{};      ///< at most 64
    std::span<const std::string_view> domains{};  ///< names passed to `add_domain` before, at most one per level
    bool healthy = true;                          ///< false: takes no new task, nor do its GPUs
};

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
    explicit fleet_builder(resource_schema schema = {}) { fleet_.schema_ = std::move(schema); }

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
    [[nodiscard]] result<void> check_gpus(const node_description& node, detail::phrase item) const;
    [[nodiscard]] result<void> read_domains(const node_description& node, detail::phrase item,
                                            detail::flat<domain_index>& by_level) const;
    void add_gpus(const node_description& node);
    [[nodiscard]] std::uint32_t kind_of_last_node();
    void list_nodes_of_domains();

    fleet fleet_;
    name_table kinds_;  // keys are byte images of configurations
};

inline result<domain_index> fleet_builder::add_domain(std::string_view name, std::size_t level,
                                                      std::span<const amount> capacity) {
    const auto item = detail::phrase::quoted(name);
    const std::size_t counters = fleet_.schema_.domain.size();
    if (name.empty()) return detail::refuse(error_code::invalid_value, {"domain ", item, ": name is empty"});
    if (fleet_.domains_.find(name)) {
        return detail::refuse(error_code::duplicate, {"domain ", item, ": a domain of this name exists already"});
    }
    if (auto ok = detail::check_amounts({"domain ", item}, "capacity", capacity, counters); !ok) return ok.error();
    const domain_index d{fleet_.domains_.intern(name)};
    fleet_.level_of_domain_.push_back(level);
    detail::append_capacity(fleet_.domain_capacity_, capacity, counters);
    return d;
}

inline result<node_index> fleet_builder::add_node(const node_description& node) {
    const node_index n{fleet_.node_count()};
    const auto item = detail::phrase::item("node", n.value(), node.name);
    const std::string name = node.name.empty() ? detail::sentence({"node-", n.value()}) : std::string{node.name};
    if (fleet_.node_names_.find(name)) {
        return detail::refuse(error_code::duplicate, {item, ": a node of this name exists already"});
    }
    if (node.gpus.size() > max_gpus_per_node) {
        return detail::refuse(error_code::limit_exceeded,
                              {item, ": gpus is ", node.gpus.size(), ", at most 64 GPUs fit on one node"});
    }
    const std::size_t counters = fleet_.schema_.node.size();
    if (auto ok = detail::check_amounts({item}, "capacity", node.capacity, counters); !ok) return ok.error();
    detail::flat<domain_index> domains;
    if (auto ok = read_domains(node, item, domains); !ok) return ok.error();
    if (auto ok = check_gpus(node, item); !ok) return ok.error();

    fleet_.node_names_.intern(name);
    detail::append_capacity(fleet_.node_capacity_, node.capacity, counters);
    add_gpus(node);
    fleet_.domain_of_node_.append(domains.view());
    fleet_.first_domain_.push_back(fleet_.domain_of_node_.size());
    fleet_.kind_.push_back(kind_of_last_node());
    return n;
}

inline result<void> fleet_builder::read_domains(const node_description& node, detail::phrase item,
                                                detail::flat<domain_index>& by_level) const {
    using detail::phrase;
    const auto level = [&](domain_index d) { return fleet_.level_of_domain_[d.value()]; };
    for (const std::string_view name : node.domains) {
        const auto at = fleet_.domains_.find(name);
        if (!at) {
            return detail::refuse(error_code::unknown_name,
                                  {item, ": domain ", phrase::quoted(name), " does not exist"});
        }
        by_level.push_back(domain_index{*at});
        for (std::size_t i = by_level.size() - 1; i > 0 && level(by_level[i]) <= level(by_level[i - 1]); --i) {
            if (level(by_level[i]) == level(by_level[i - 1])) {
                return detail::refuse(error_code::inconsistent,
                                      {item, ": domains ", phrase::quoted(fleet_.name(by_level[i - 1])), " and ",
                                       phrase::quoted(name), " are of the same level"});
            }
            std::swap(by_level[i], by_level[i - 1]);
        }
    }
    return {};
}

inline result<void> fleet_builder::check_gpus(const node_description& node, detail::phrase item) const {
    std::size_t new_models = 0;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        const auto& gpu = node.gpus[i];
        if (auto ok = detail::check_amounts({item, " gpu ", i}, "capacity", gpu.capacity, fleet_.schema_.gpu.size());
            !ok) {
            return ok.error();
        }
        bool known = fleet_.models_.find(gpu.model).has_value();
        for (std::size_t j = 0; j < i && !known; ++j) known = node.gpus[j].model == gpu.model;
        if (!known) ++new_models;
        if (fleet_.models_.size() + new_models > max_models) {
            return detail::refuse(error_code::limit_exceeded,
                                  {item, " gpu ", i, ": model ", detail::phrase::quoted(gpu.model),
                                   " is one too many, a fleet has at most 64 models"});
        }
    }
    return {};
}

inline void fleet_builder::add_gpus(const node_description& node) {
    const std::size_t first = fleet_.gpu_count();
    std::uint64_t models = 0;
    gpu_mask healthy = 0;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        const auto& gpu = node.gpus[i];
        const std::size_t model = fleet_.models_.intern(gpu.model);
        models |= std::uint64_t{1} << model;
        fleet_.model_of_gpu_.push_back(static_cast<std::uint32_t>(model));
        fleet_.node_of_gpu_.push_back(static_cast<std::uint32_t>(fleet_.nodes_.size()));
        if (gpu.capacity.empty()) {
            const amount whole[] = {whole_gpu};
            detail::append_capacity(fleet_.gpu_capacity_, whole, fleet_.schema_.gpu.size());
        } else {
            fleet_.gpu_capacity_.append(gpu.capacity);
        }
        if (gpu.healthy && node.healthy) healthy |= gpu_mask{1} << i;
    }
    fleet_.nodes_.push_back({.models = models,
                             .healthy_gpus = healthy,
                             .first_gpu = static_cast<std::uint32_t>(first),
                             .gpus = static_cast<std::uint16_t>(node.gpus.size()),
                             .healthy = node.healthy});
}

inline std::uint32_t fleet_builder::kind_of_last_node() {
    const node_index last{fleet_.node_count() - 1};
    std::string key;
    for (const amount value : fleet_.capacity(last)) detail::append_bytes(key, value);
    detail::append_bytes(key, fleet_.healthy_gpus(last));
    key.push_back(fleet_.healthy(last) ? 'h' : 'u');
    for (std::size_t i = 0; i < fleet_.gpu_count(last); ++i) {
        const gpu_index gpu = fleet_.gpu(last, i);
        detail::append_bytes(key, fleet_.model(gpu).value());
        for (const amount value : fleet_.capacity(gpu)) detail::append_bytes(key, value);
    }
    return static_cast<std::uint32_t>(kinds_.intern(key));
}

inline void fleet_builder::list_nodes_of_domains() {
    const std::size_t count = fleet_.domain_count();
    detail::flat<std::size_t>& first = fleet_.first_node_;
    first.resize(count + 1);
    for (const domain_index d : fleet_.domain_of_node_) ++first[d.value() + 1];
    for (std::size_t d = 0; d < count; ++d) first[d + 1] += first[d];
    detail::flat<std::size_t> next = first;
    fleet_.node_of_domain_.resize(fleet_.domain_of_node_.size());
    for (std::size_t i = 0; i < fleet_.node_count(); ++i) {
        for (const domain_index d : fleet_.domains(node_index{i}))
            fleet_.node_of_domain_[next[d.value()]++] = node_index{i};
    }
}

inline result<fleet> fleet_builder::build() && {
    if (fleet_.schema_.gpu.empty()) {
        return error{error_code::inconsistent, "resource schema: gpu has no counter; the first is the compute share"};
    }
    if (auto ok = detail::check_counter_names("gpu", fleet_.schema_.gpu); !ok) return ok.error();
    if (auto ok = detail::check_counter_names("node", fleet_.schema_.node); !ok) return ok.error();
    if (auto ok = detail::check_counter_names("domain", fleet_.schema_.domain); !ok) return ok.error();
    auto roles = detail::find_roles(fleet_.schema_);
    if (!roles) return roles.error();
    fleet_.roles_ = *roles;
    if (fleet_.node_count() == 0) return error{error_code::invalid_value, "fleet: there is no node"};
    list_nodes_of_domains();
    fleet_.kind_count_ = kinds_.size();
    return std::move(fleet_);
}

}  // namespace berth::inline v0
