// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/list_pool.hpp"
#include "berth/core/names.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace berth::inline v0 {

namespace detail {

class fleet_editor;

}  // namespace detail

/// The nodes with their GPUs, GPU models, counters, domains (racks, zones) and health. Immutable for everyone but the
/// `cluster` that it belongs to, if it belongs to one.
///
/// A fleet of a cluster may have vacant positions: nodes that left (no name, no GPUs, no capacity, not healthy), and
/// GPUs of a node that are no longer there (no capacity, not healthy). So code that goes over all positions and asks
/// for room or health is right for both.
///
/// Every call is O(1) unless documented otherwise, and does not allocate. Indices are those of this fleet, which only
/// assertions check; `has` checks a slot that comes from outside.
///
/// Built by `fleet_builder` (`model/fleet_builder.hpp`), or from your own types by `make_fleet` (`model/lower.hpp`).
/// Nodes and the GPUs of a node keep the order in which they were added; GPUs are numbered over all nodes.
class fleet {
public:
    /// The names of all counters.
    [[nodiscard]] const resource_schema& schema() const noexcept { return schema_; }
    /// The positions of the counters that are CPU, memory and GPU memory.
    [[nodiscard]] const counter_roles& roles() const noexcept { return roles_; }

    /// The number of nodes, at least 1; in a cluster the number of positions of nodes, vacant ones included.
    [[nodiscard]] std::size_t node_count() const noexcept { return nodes_.size(); }
    /// The number of GPUs of all nodes, in a cluster with vacant positions.
    [[nodiscard]] std::size_t gpu_count() const noexcept { return model_of_gpu_.size(); }
    /// The number of GPU models, at most 64.
    [[nodiscard]] std::size_t model_count() const noexcept { return models_.size(); }
    /// The number of domains of all levels.
    [[nodiscard]] std::size_t domain_count() const noexcept { return domains_.size(); }
    /// The number of different node configurations, see `kind`; in a cluster with vacant numbers.
    [[nodiscard]] std::size_t kind_count() const noexcept { return at_least_one(kind_uses_.size()); }
    /// The number of different node configurations whatever the health, see `hardware`; likewise.
    [[nodiscard]] std::size_t hardware_count() const noexcept { return at_least_one(hardware_uses_.size()); }

    /// True unless the position is vacant.
    [[nodiscard]] bool present(node_index n) const noexcept { return nodes_[n.value()].present; }
    /// The name of a node; empty at a vacant position.
    [[nodiscard]] const std::string& name(node_index n) const { return node_names_[n.value()]; }
    /// The node of this name, if there is one. O(length of the name).
    [[nodiscard]] std::optional<node_index> find_node(std::string_view name) const {
        const auto at = node_names_.find(name);
        return at ? std::optional{node_index{*at}} : std::nullopt;
    }
    /// The name of a GPU model.
    [[nodiscard]] const std::string& name(model_index m) const { return models_[m.value()]; }
    /// The GPU model of this name, if there is one. O(length of the name).
    [[nodiscard]] std::optional<model_index> find_model(std::string_view name) const {
        const auto at = models_.find(name);
        return at ? std::optional{model_index{*at}} : std::nullopt;
    }
    /// The name of a domain.
    [[nodiscard]] const std::string& name(domain_index d) const { return domains_[d.value()]; }
    /// The domain of this name, if there is one. O(length of the name).
    [[nodiscard]] std::optional<domain_index> find_domain(std::string_view name) const {
        const auto at = domains_.find(name);
        return at ? std::optional{domain_index{*at}} : std::nullopt;
    }

    /// The number of GPUs on a node.
    [[nodiscard]] std::size_t gpu_count(node_index n) const noexcept { return nodes_[n.value()].gpus; }
    /// The index of the i-th GPU of a node.
    [[nodiscard]] gpu_index gpu(node_index n, std::size_t i) const noexcept {
        return gpu_index{nodes_[n.value()].first_gpu + i};
    }
    /// True if the slot exists: its node is one of this fleet, and its mask has `gpus` bits, all of them GPUs of that
    /// node. Safe for any slot. Health is ignored.
    [[nodiscard]] bool has(const slot& where, std::size_t gpus) const noexcept {
        return where.node.below(node_count()) && berth::gpu_count(where.gpus) == gpus &&
               (where.gpus & ~first_gpus(gpu_count(where.node))) == 0;
    }
    /// The node of a GPU.
    [[nodiscard]] node_index node_of(gpu_index g) const noexcept { return node_index{node_of_gpu_[g.value()]}; }
    /// The model of a GPU.
    [[nodiscard]] model_index model(gpu_index g) const noexcept { return model_index{model_of_gpu_[g.value()]}; }
    /// The GPU models of a node, bit m for model m; none for a node without GPUs.
    [[nodiscard]] std::uint64_t models_on(node_index n) const noexcept { return nodes_[n.value()].models; }
    /// True if the GPUs of the slot, which exists, are all of one model. O(GPUs of the slot).
    [[nodiscard]] bool one_model(const slot& where) const noexcept {
        const std::uint64_t models = models_on(where.node);
        if ((models & (models - 1)) == 0) return true;
        for (gpu_mask rest = where.gpus & (where.gpus - 1); rest != 0; rest &= rest - 1) {
            if (model(gpu(where.node, lowest_gpu(rest))) != model(gpu(where.node, lowest_gpu(where.gpus))))
                return false;
        }
        return true;
    }
    /// The GPUs of a node that may take new tasks; none on an unhealthy node.
    [[nodiscard]] gpu_mask healthy_gpus(node_index n) const noexcept { return nodes_[n.value()].healthy_gpus; }
    /// True if the node may take new tasks.
    [[nodiscard]] bool healthy(node_index n) const noexcept { return nodes_[n.value()].healthy; }
    /// A number that two nodes share exactly if their configurations (capacities, GPUs, models, links, health) are
    /// equal: 0 to `kind_count() - 1`, in order of first appearance.
    [[nodiscard]] std::size_t kind(node_index n) const noexcept { return number_of(kind_[n.value()]); }
    /// As `kind`, whatever the health, and never the number of other hardware: numbers of a cluster that are taken
    /// again have another key.
    [[nodiscard]] std::uint64_t hardware_key(node_index n) const noexcept {
        const std::size_t number = hardware(n);
        return number < hardware_generation_.size() ? std::uint64_t{hardware_generation_[number]} << 32U | number : 0;
    }
    /// As `kind`, whatever the health.
    [[nodiscard]] std::size_t hardware(node_index n) const noexcept { return number_of(hardware_[n.value()]); }

    /// How well the GPUs of a node are connected, by their positions; nothing if the node was described without.
    [[nodiscard]] gpu_links links(node_index n) const noexcept {
        const std::string_view image = link_image(n);
        return image.empty() ? gpu_links{} : gpu_links{image.data(), gpu_count(n)};
    }

    /// Capacities of a GPU, in the order of `resource_schema::gpu`.
    [[nodiscard]] std::span<const amount> capacity(gpu_index g) const noexcept {
        return {gpu_capacity_.data() + g.value() * schema_.gpu.size(), schema_.gpu.size()};
    }
    /// Capacities of a node's own counters, in the order of `resource_schema::node`.
    [[nodiscard]] std::span<const amount> capacity(node_index n) const noexcept {
        return {node_capacity_.data() + n.value() * schema_.node.size(), schema_.node.size()};
    }
    /// Capacities of a domain, in the order of `resource_schema::domain`.
    [[nodiscard]] std::span<const amount> capacity(domain_index d) const noexcept {
        return {domain_capacity_.data() + d.value() * schema_.domain.size(), schema_.domain.size()};
    }
    /// True if a GPU has no limit of a counter: its capacity is no amount that could be summed or compared.
    [[nodiscard]] bool unlimited(gpu_index g, std::size_t counter) const noexcept {
        return capacity(g)[counter] >= max_amount;
    }
    /// True if a node has no limit of a counter.
    [[nodiscard]] bool unlimited(node_index n, std::size_t counter) const noexcept {
        return capacity(n)[counter] >= max_amount;
    }
    /// True if a domain has no limit of a counter.
    [[nodiscard]] bool unlimited(domain_index d, std::size_t counter) const noexcept {
        return capacity(d)[counter] >= max_amount;
    }
    /// The domains of a node, at most one per level, in ascending order of levels.
    [[nodiscard]] std::span<const domain_index> domains(node_index n) const noexcept {
        return domains_of_node_[n.value()];
    }
    /// The nodes of a domain, in ascending order.
    [[nodiscard]] std::span<const node_index> nodes_in(domain_index d) const noexcept {
        return nodes_of_domain_[d.value()];
    }
    /// The level of a domain: 0 for the innermost (rack), then outwards.
    [[nodiscard]] std::size_t level(domain_index d) const noexcept { return level_of_domain_[d.value()]; }

    /// The number of counters of all positions of nodes and GPUs.
    [[nodiscard]] std::size_t counter_count() const noexcept { return counter_count_; }
    /// The position of a node's first counter; those of its GPUs follow its own.
    [[nodiscard]] std::size_t first_counter(node_index n) const noexcept { return nodes_[n.value()].first_counter; }

private:
    friend class detail::fleet_editor;
    fleet() = default;

    static constexpr std::uint32_t no_number = ~std::uint32_t{0};
    /// A vacant position that was never taken has no number of its own and stands with the first.
    [[nodiscard]] static std::size_t number_of(std::uint32_t number) noexcept {
        return number == no_number ? 0 : number;
    }
    /// The scores of a node's links as bytes; empty if they are not known.
    [[nodiscard]] std::string_view link_image(node_index n) const noexcept {
        const std::uint32_t number = links_of_node_[n.value()];
        return number == no_number ? std::string_view{} : std::string_view{links_[number]};
    }
    [[nodiscard]] static std::size_t at_least_one(std::size_t count) noexcept { return count == 0 ? 1 : count; }

    resource_schema schema_;
    counter_roles roles_;
    name_table node_names_;
    name_table models_;
    name_table domains_;
    detail::flat<std::uint32_t> node_of_gpu_;
    detail::flat<std::uint32_t> model_of_gpu_;
    /// The first reads of every question about a node, together in one cache line.
    struct node_record {
        std::uint64_t models;
        gpu_mask healthy_gpus;
        std::uint32_t first_gpu;
        std::uint32_t first_counter;
        std::uint16_t gpus;
        std::uint16_t room;  // positions of GPUs from `first_gpu` that belong to the node, `gpus` of them in use
        bool healthy;
        bool present;
    };
    detail::flat<node_record> nodes_;
    detail::flat<std::uint32_t> kind_;
    detail::flat<std::uint32_t> hardware_;
    name_table kinds_;      // keys are byte images of configurations
    name_table hardwares_;  // keys are their beginnings, without the health
    detail::flat<std::uint32_t> kind_uses_;
    detail::flat<std::uint32_t> hardware_uses_;
    detail::flat<std::uint32_t> hardware_generation_;  // per number: how many images it had
    detail::position_pool kind_numbers_;               // vacant: nobody uses the number
    detail::position_pool hardware_numbers_;
    detail::flat<std::uint32_t> links_of_node_;  // numbers in links_; no_number: not known
    name_table links_;                           // scores as bytes
    detail::flat<std::uint32_t> link_uses_;
    detail::position_pool link_numbers_;
    std::size_t counter_count_ = 0;
    detail::flat<amount> gpu_capacity_;
    detail::flat<amount> node_capacity_;
    detail::flat<amount> domain_capacity_;
    detail::list_pool<domain_index> domains_of_node_;
    detail::list_pool<node_index> nodes_of_domain_;
    detail::flat<std::size_t> level_of_domain_;
};

}  // namespace berth::inline v0
