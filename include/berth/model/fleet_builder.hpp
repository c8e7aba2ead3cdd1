// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A GPU as handed to `fleet_builder`.
struct gpu_description {
    std::string_view model{};            ///< interned; empty is a model like any other
    std::span<const amount> capacity{};  ///< per `resource_schema::gpu`; empty: one whole GPU, the others unlimited
    bool healthy = true;
};

/// A domain (rack, zone, ...) as handed to `make_fleet`.
struct domain_description {
    std::string_view name{};             ///< unique, not empty
    std::size_t level = 0;               ///< 0 for the innermost (rack), then outwards (row, zone)
    std::span<const amount> capacity{};  ///< per `resource_schema::domain`; empty: unlimited
};

/// A node as handed to `fleet_builder`.
struct node_description {
    std::string_view name{};                      ///< unique; empty: `node-<position>`
    std::span<const amount> capacity{};           ///< per `resource_schema::node`; empty: unlimited
    std::span<const gpu_description> gpus{};      ///< at most 64
    std::span<const std::string_view> domains{};  ///< names given to `add_domain`, at most one per level
    bool healthy = true;
};

/// Collects nodes and hands out a `fleet`. Every check names the offending item; a refused item leaves the builder as it was.
///
/// ```
/// fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}}};
/// if (auto added = builder.add_node({.name = "n0", .capacity = cpu, .gpus = gpus}); !added) return added.error();
/// result<fleet> machines = std::move(builder).build();
/// ```
class fleet_builder {
public:
    explicit fleet_builder(resource_schema schema = {}) { fleet_.schema_ = std::move(schema); }

    /// @param name      unique, not empty.
    /// @param level     0 for the innermost (rack), then outwards (row, zone).
    /// @param capacity  per `resource_schema::domain`; empty: unlimited.
    result<domain_index> add_domain(std::string_view name, std::size_t level, std::span<const amount> capacity = {});
    result<node_index> add_node(const node_description& node);
    /// Fails if there is no node, or if the schema itself is unusable: no GPU counter, a counter named twice or not at all.
    result<fleet> build() &&;

private:
    [[nodiscard]] result<void> check_gpus(const node_description& node, detail::phrase item) const;
    [[nodiscard]] result<void> read_domains(const node_description& node, detail::phrase item,
                                            detail::flat<domain_index>& by_level) const;
    void add_gpus(const node_description& node);
    [[nodiscard]] std::uint32_t kind_of_last_node();
    void list_nodes_of_domains();

    fleet fleet_;
    name_table kinds_;  // a byte image of the configuration stands for it
};

namespace detail {

/// The capacity as given, or unlimited.
inline void append_capacity(flat<amount>& to, std::span<const amount> given, std::size_t counters) {
    to.append(given);
    for (std::size_t r = given.size(); r < counters; ++r) to.push_back(max_amount);
}

/// Checks one capacity or demand array, unless it is empty: its length, and every value in 0..max_amount.
[[nodiscard]] inline result<void> check_amounts(phrases item, std::string_view field, std::span<const amount> values,
                                                std::size_t expected) {
    if (values.empty()) return {};
    if (values.size() != expected) {
        return refuse(error_code::inconsistent, item,
                      {": ", field, " has ", values.size(), " values, the resource schema names ", expected});
    }
    for (std::size_t r = 0; r < values.size(); ++r) {
        if (values[r] >= 0 && values[r] <= max_amount) continue;
        return refuse(values[r] < 0 ? error_code::invalid_value : error_code::overflow, item,
                      {": ", field, "[", r, "] is ", values[r], ", expected 0..", max_amount});
    }
    return {};
}

[[nodiscard]] inline result<void> check_counter_names(std::string_view place, const std::vector<std::string>& names) {
    name_table seen;
    for (std::size_t r = 0; r < names.size(); ++r) {
        if (names[r].empty()) {
            return refuse(error_code::invalid_value, {"resource schema: ", place, "[", r, "] has no name"});
        }
        if (seen.intern(names[r]) != r) {
            return refuse(error_code::duplicate, {"resource schema: ", place, "[", r, "] is ", phrase::quoted(names[r]),
                                                  ", which is there already"});
        }
    }
    return {};
}

}  // namespace detail

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
        return error{error_code::inconsistent, "resource schema: gpu names no counter, the first is the compute share"};
    }
    if (auto ok = detail::check_counter_names("gpu", fleet_.schema_.gpu); !ok) return ok.error();
    if (auto ok = detail::check_counter_names("node", fleet_.schema_.node); !ok) return ok.error();
    if (auto ok = detail::check_counter_names("domain", fleet_.schema_.domain); !ok) return ok.error();
    if (fleet_.node_count() == 0) return error{error_code::invalid_value, "fleet: it has no node"};
    list_nodes_of_domains();
    fleet_.kind_count_ = kinds_.size();
    return std::move(fleet_);
}

}  // namespace berth::inline v0
