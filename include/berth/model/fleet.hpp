// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace berth::inline v0 {

/// The machines: nodes, their GPUs, models, counters, domains, health. Immutable; flat arrays of positions and integers.
///
/// Built by `fleet_builder` (`model/fleet_builder.hpp`), or from your own types by `make_fleet` (`model/lower.hpp`). Nodes and the GPUs of a node keep the
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
    /// True if the slot has a node of this fleet and so many of its GPUs, none that it has not. Health is not asked.
    [[nodiscard]] bool has(const slot& where, std::size_t gpus) const noexcept {
        return where.placed() && where.node.value() < node_count() && berth::gpu_count(where.gpus) == gpus &&
               (where.gpus & ~first_gpus(gpu_count(where.node))) == 0;
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
        return {node_of_domain_.data() + first_node_[d.value()], first_node_[d.value() + 1] - first_node_[d.value()]};
    }
    [[nodiscard]] std::size_t level(domain_index d) const noexcept { return level_of_domain_[d.value()]; }

private:
    friend class fleet_builder;
    fleet() = default;

    resource_schema schema_;
    name_table node_names_;
    name_table models_;
    name_table domains_;
    detail::flat<std::uint32_t> node_of_gpu_;
    detail::flat<std::uint32_t> model_of_gpu_;
    /// What a look at a node starts with, in one cache line.
    struct node_record {
        std::uint64_t models;
        gpu_mask healthy_gpus;
        std::uint32_t first_gpu;
        std::uint16_t gpus;
        bool healthy;
    };
    detail::flat<node_record> nodes_;
    detail::flat<std::uint32_t> kind_;
    std::size_t kind_count_ = 0;
    detail::flat<amount> gpu_capacity_;
    detail::flat<amount> node_capacity_;
    detail::flat<amount> domain_capacity_;
    detail::flat<domain_index> domain_of_node_;
    detail::flat<std::size_t> first_domain_ = detail::flat<std::size_t>(1, 0);
    detail::flat<node_index> node_of_domain_;
    detail::flat<std::size_t> first_node_ = detail::flat<std::size_t>(1, 0);
    detail::flat<std::size_t> level_of_domain_;
};

}  // namespace berth::inline v0
