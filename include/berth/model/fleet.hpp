// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth {

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

/// The machines: nodes, their GPUs, models, counters, domains, health. Immutable; flat arrays of positions and integers.
///
/// Built by `fleet_builder`, or from your own types by `make_fleet` (`model/lower.hpp`). Nodes and the GPUs of a node keep the
/// order in which they were added. Nodes with equal configuration share a `kind`.
class fleet {
public:
    [[nodiscard]] const resource_schema& schema() const noexcept { return schema_; }

    [[nodiscard]] std::size_t node_count() const noexcept { return nodes_.size(); }
    [[nodiscard]] std::size_t gpu_count() const noexcept { return model_of_gpu_.size(); }
    [[nodiscard]] std::size_t model_count() const noexcept { return models_.size(); }
    [[nodiscard]] std::size_t domain_count() const noexcept { return domains_.size(); }
    [[nodiscard]] std::size_t kind_count() const noexcept { return kind_count_; }

    [[nodiscard]] const std::string& name(node_index n) const { return node_names_[n.value()]; }
    [[nodiscard]] std::optional<node_index> find_node(std::string_view name) const {
        const auto at = node_names_.find(name);
        return at ? std::optional{node_index{*at}} : std::nullopt;
    }
    [[nodiscard]] const std::string& name(model_index m) const { return models_[m.value()]; }
    [[nodiscard]] std::optional<model_index> find_model(std::string_view name) const {
        const auto at = models_.find(name);
        return at ? std::optional{model_index{*at}} : std::nullopt;
    }
    [[nodiscard]] const std::string& name(domain_index d) const { return domains_[d.value()]; }
    [[nodiscard]] std::optional<domain_index> find_domain(std::string_view name) const {
        const auto at = domains_.find(name);
        return at ? std::optional{domain_index{*at}} : std::nullopt;
    }

    /// The number of GPUs on a node.
    [[nodiscard]] std::size_t gpu_count(node_index n) const noexcept { return nodes_[n.value()].gpus; }
    /// The fleet-wide position of the i-th GPU of a node.
    [[nodiscard]] gpu_index gpu(node_index n, std::size_t i) const noexcept {
        return gpu_index{nodes_[n.value()].first_gpu + i};
    }
    [[nodiscard]] node_index node_of(gpu_index g) const noexcept { return node_index{node_of_gpu_[g.value()]}; }
    [[nodiscard]] model_index model(gpu_index g) const noexcept { return model_index{model_of_gpu_[g.value()]}; }
    /// The models on a node, bit m for model m. Usually one bit; none for a node without GPUs.
    [[nodiscard]] std::uint64_t models_on(node_index n) const noexcept { return nodes_[n.value()].models; }
    /// GPUs that may take new tasks: none on an unhealthy node.
    [[nodiscard]] gpu_mask healthy_gpus(node_index n) const noexcept { return nodes_[n.value()].healthy_gpus; }
    [[nodiscard]] bool healthy(node_index n) const noexcept { return nodes_[n.value()].healthy; }
    /// Nodes of equal configuration (capacities, GPUs, models, health) have equal kinds, numbered from 0 in order of first
    /// appearance.
    [[nodiscard]] std::size_t kind(node_index n) const noexcept { return kind_[n.value()]; }

    [[nodiscard]] std::span<const amount> capacity(gpu_index g) const noexcept {
        return {gpu_capacity_.data() + g.value() * schema_.gpu.size(), schema_.gpu.size()};
    }
    [[nodiscard]] std::span<const amount> capacity(node_index n) const noexcept {
        return {node_capacity_.data() + n.value() * schema_.node.size(), schema_.node.size()};
    }
    [[nodiscard]] std::span<const amount> capacity(domain_index d) const noexcept {
        return {domain_capacity_.data() + d.value() * schema_.domain.size(), schema_.domain.size()};
    }
    /// The domains a node belongs to, at most one per level, in the order of levels.
    [[nodiscard]] std::span<const domain_index> domains(node_index n) const noexcept {
        return {domain_of_node_.data() + first_domain_[n.value()],
                first_domain_[n.value() + 1] - first_domain_[n.value()]};
    }
    /// The nodes of a domain, in the order in which they were added.
    [[nodiscard]] std::span<const node_index> nodes_in(domain_index d) const noexcept {
        return nodes_of_domain_[d.value()];
    }
    [[nodiscard]] std::size_t level(domain_index d) const noexcept { return level_of_domain_[d.value()]; }

    /// All counters of one kind of place, in the order of places: what a ledger starts from.
    [[nodiscard]] std::span<const amount> gpu_capacities() const noexcept { return gpu_capacity_; }
    [[nodiscard]] std::span<const amount> node_capacities() const noexcept { return node_capacity_; }
    [[nodiscard]] std::span<const amount> domain_capacities() const noexcept { return domain_capacity_; }

private:
    friend class fleet_builder;
    fleet() = default;

    resource_schema schema_;
    name_table node_names_;
    name_table models_;
    name_table domains_;
    std::vector<std::uint32_t> node_of_gpu_;
    std::vector<std::uint32_t> model_of_gpu_;
    /// What a look at a node starts with, in one cache line.
    struct node_record {
        std::uint64_t models;
        gpu_mask healthy_gpus;
        std::uint32_t first_gpu;
        std::uint16_t gpus;
        bool healthy;
    };
    std::vector<node_record> nodes_;
    std::vector<std::uint32_t> kind_;
    std::size_t kind_count_ = 0;
    std::vector<amount> gpu_capacity_;
    std::vector<amount> node_capacity_;
    std::vector<amount> domain_capacity_;
    std::vector<domain_index> domain_of_node_;
    std::vector<std::size_t> first_domain_{0};
    std::vector<std::vector<node_index>> nodes_of_domain_;
    std::vector<std::size_t> level_of_domain_;
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
    [[nodiscard]] std::uint32_t kind_of_last_node();

    fleet fleet_;
    name_table kinds_;  // a byte image of the configuration stands for it
};

namespace detail {

[[nodiscard]] inline std::string quoted(std::string_view name) { return '"' + std::string{name} + '"'; }

/// How messages name an item: `task 17 ("train-3")`.
[[nodiscard]] inline std::string item_text(std::string_view kind, std::size_t position, std::string_view name) {
    const std::string number = std::to_string(position);
    return std::string{kind} + ' ' + number + " (" +
           detail::quoted(name.empty() ? std::string{kind} + '-' + number : std::string{name}) + ')';
}

/// Checks one capacity or demand array: its length, and every value in 0..max_amount.
[[nodiscard]] inline result<void> check_amounts(const std::string& item, std::string_view field,
                                                std::span<const amount> values, std::size_t expected) {
    if (values.size() != expected) {
        return error{error_code::inconsistent, item + ": " + std::string{field} + " has " +
                                                   std::to_string(values.size()) +
                                                   " values, the resource schema names " + std::to_string(expected)};
    }
    for (std::size_t r = 0; r < values.size(); ++r) {
        if (values[r] >= 0 && values[r] <= max_amount) continue;
        return error{values[r] < 0 ? error_code::invalid_value : error_code::overflow,
                     item + ": " + std::string{field} + '[' + std::to_string(r) + "] is " + std::to_string(values[r]) +
                         ", expected 0.." + std::to_string(max_amount)};
    }
    return {};
}

[[nodiscard]] inline result<void> check_counter_names(std::string_view place, const std::vector<std::string>& names) {
    name_table seen;
    for (std::size_t r = 0; r < names.size(); ++r) {
        const std::string item = "resource schema: " + std::string{place} + '[' + std::to_string(r) + ']';
        if (names[r].empty()) return error{error_code::invalid_value, item + " has no name"};
        if (seen.intern(names[r]) != r) {
            return error{error_code::duplicate, item + " is " + detail::quoted(names[r]) + ", which is there already"};
        }
    }
    return {};
}

}  // namespace detail

inline result<domain_index> fleet_builder::add_domain(std::string_view name, std::size_t level,
                                                      std::span<const amount> capacity) {
    const std::string item = "domain " + detail::quoted(name);
    if (name.empty()) return error{error_code::invalid_value, item + ": name is empty"};
    if (fleet_.domains_.find(name))
        return error{error_code::duplicate, item + ": a domain of this name exists already"};
    if (!capacity.empty()) {
        if (auto ok = detail::check_amounts(item, "capacity", capacity, fleet_.schema_.domain.size()); !ok)
            return ok.error();
    }
    const domain_index d{fleet_.domains_.intern(name)};
    fleet_.level_of_domain_.push_back(level);
    fleet_.nodes_of_domain_.emplace_back();
    if (capacity.empty()) {
        fleet_.domain_capacity_.insert(fleet_.domain_capacity_.end(), fleet_.schema_.domain.size(), max_amount);
    } else {
        fleet_.domain_capacity_.insert(fleet_.domain_capacity_.end(), capacity.begin(), capacity.end());
    }
    return d;
}

inline result<node_index> fleet_builder::add_node(const node_description& node) {
    const std::size_t position = fleet_.node_count();
    const std::string name = node.name.empty() ? "node-" + std::to_string(position) : std::string{node.name};
    const std::string item = detail::item_text("node", position, name);
    if (fleet_.node_names_.find(name))
        return error{error_code::duplicate, item + ": a node of this name exists already"};
    if (node.gpus.size() > max_gpus_per_node) {
        return error{error_code::limit_exceeded,
                     item + ": gpus is " + std::to_string(node.gpus.size()) + ", at most 64 GPUs fit on one node"};
    }
    if (!node.capacity.empty()) {
        if (auto ok = detail::check_amounts(item, "capacity", node.capacity, fleet_.schema_.node.size()); !ok) {
            return ok.error();
        }
    }
    std::vector<domain_index> domains;
    for (const auto& domain : node.domains) {
        const auto at = fleet_.domains_.find(domain);
        if (!at) {
            return error{error_code::unknown_name, item + ": domain " + detail::quoted(domain) + " does not exist"};
        }
        for (const domain_index other : domains) {
            if (fleet_.level_of_domain_[other.value()] == fleet_.level_of_domain_[*at]) {
                return error{error_code::inconsistent, item + ": domains " +
                                                           detail::quoted(fleet_.domains_[other.value()]) + " and " +
                                                           detail::quoted(domain) + " are of the same level"};
            }
        }
        domains.push_back(domain_index{*at});
    }
    std::size_t new_models = 0;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        const auto& gpu = node.gpus[i];
        const std::string gpu_item = item + " gpu " + std::to_string(i);
        if (!gpu.capacity.empty()) {
            if (auto ok = detail::check_amounts(gpu_item, "capacity", gpu.capacity, fleet_.schema_.gpu.size()); !ok) {
                return ok.error();
            }
        }
        bool known = fleet_.models_.find(gpu.model).has_value();
        for (std::size_t j = 0; j < i && !known; ++j) known = node.gpus[j].model == gpu.model;
        if (!known) ++new_models;
        if (fleet_.models_.size() + new_models > max_models) {
            return error{error_code::limit_exceeded, gpu_item + ": model " + detail::quoted(gpu.model) +
                                                         " is one too many, a fleet has at most 64 models"};
        }
    }

    fleet_.node_names_.intern(name);
    if (node.capacity.empty()) {
        fleet_.node_capacity_.insert(fleet_.node_capacity_.end(), fleet_.schema_.node.size(), max_amount);
    } else {
        fleet_.node_capacity_.insert(fleet_.node_capacity_.end(), node.capacity.begin(), node.capacity.end());
    }
    std::uint64_t models = 0;
    gpu_mask healthy = 0;
    for (std::size_t i = 0; i < node.gpus.size(); ++i) {
        const auto& gpu = node.gpus[i];
        const std::size_t model = fleet_.models_.intern(gpu.model);
        models |= std::uint64_t{1} << model;
        fleet_.model_of_gpu_.push_back(static_cast<std::uint32_t>(model));
        fleet_.node_of_gpu_.push_back(static_cast<std::uint32_t>(position));
        if (gpu.capacity.empty()) {
            for (std::size_t r = 0; r < fleet_.schema_.gpu.size(); ++r) {
                fleet_.gpu_capacity_.push_back(r == 0 ? whole_gpu : max_amount);
            }
        } else {
            fleet_.gpu_capacity_.insert(fleet_.gpu_capacity_.end(), gpu.capacity.begin(), gpu.capacity.end());
        }
        if (gpu.healthy && node.healthy) healthy |= gpu_mask{1} << i;
    }
    fleet_.nodes_.push_back({.models = models,
                             .healthy_gpus = healthy,
                             .first_gpu = static_cast<std::uint32_t>(fleet_.model_of_gpu_.size() - node.gpus.size()),
                             .gpus = static_cast<std::uint16_t>(node.gpus.size()),
                             .healthy = node.healthy});
    for (std::size_t i = 1; i < domains.size(); ++i) {
        for (std::size_t j = i;
             j > 0 && fleet_.level_of_domain_[domains[j].value()] < fleet_.level_of_domain_[domains[j - 1].value()];
             --j) {
            std::swap(domains[j], domains[j - 1]);
        }
    }
    fleet_.domain_of_node_.insert(fleet_.domain_of_node_.end(), domains.begin(), domains.end());
    fleet_.first_domain_.push_back(fleet_.domain_of_node_.size());
    for (const domain_index d : domains) fleet_.nodes_of_domain_[d.value()].push_back(node_index{position});
    fleet_.kind_.push_back(kind_of_last_node());
    return node_index{position};
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

inline result<fleet> fleet_builder::build() && {
    if (fleet_.schema_.gpu.empty()) {
        return error{error_code::inconsistent, "resource schema: gpu names no counter, the first is the compute share"};
    }
    if (auto ok = detail::check_counter_names("gpu", fleet_.schema_.gpu); !ok) return ok.error();
    if (auto ok = detail::check_counter_names("node", fleet_.schema_.node); !ok) return ok.error();
    if (auto ok = detail::check_counter_names("domain", fleet_.schema_.domain); !ok) return ok.error();
    if (fleet_.node_count() == 0) return error{error_code::invalid_value, "fleet: it has no node"};
    fleet_.kind_count_ = kinds_.size();
    return std::move(fleet_);
}

}  // namespace berth
