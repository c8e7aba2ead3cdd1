// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/check_amounts.hpp"
#include "berth/model/detail/find_roles.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Length: the one place that writes to a fleet, position by position.

namespace berth::inline v0::detail {

/// Writes to a fleet: for `fleet_builder`, which fills one, and for `cluster`, which changes one. The checks are
/// separate from the writes, so that what is refused has changed nothing.
class fleet_editor {
public:
    explicit fleet_editor(fleet& edited) noexcept : fleet_{edited} {}

    /// A fleet without nodes.
    [[nodiscard]] static fleet make_empty(resource_schema schema) {
        fleet made;
        // A schema that is unusable is refused later, by `check_schema`.
        if (const auto roles = find_roles(schema)) made.roles_ = *roles;
        made.schema_ = std::move(schema);
        return made;
    }
    [[nodiscard]] static result<void> check_schema(const resource_schema& schema) {
        if (schema.gpu.empty()) {
            return error{error_code::inconsistent,
                         "resource schema: gpu has no counter; the first is the compute share"};
        }
        if (auto ok = check_counter_names("gpu", schema.gpu); !ok) return ok.error();
        if (auto ok = check_counter_names("node", schema.node); !ok) return ok.error();
        if (auto ok = check_counter_names("domain", schema.domain); !ok) return ok.error();
        if (auto roles = find_roles(schema); !roles) return roles.error();
        return {};
    }

    // ---- domains and models -----------------------------------------------------------------------------------------
    [[nodiscard]] result<domain_index> add_domain(std::string_view name, std::size_t level,
                                                  std::span<const amount> capacity) {
        const auto item = phrase::quoted(name);
        const std::size_t counters = fleet_.schema_.domain.size();
        if (name.empty()) return refuse(error_code::invalid_value, {"domain ", item, ": name is empty"});
        if (fleet_.domains_.find(name)) {
            return refuse(error_code::duplicate, {"domain ", item, ": a domain of this name exists already"});
        }
        if (auto ok = check_amounts({"domain ", item}, "capacity", capacity, counters); !ok) return ok.error();
        const std::size_t d = fleet_.domains_.size();
        fleet_.level_of_domain_.reserve(d + 1);
        fleet_.domain_capacity_.reserve((d + 1) * counters);
        fleet_.nodes_of_domain_.resize(d + 1);
        fleet_.domains_.intern(name);
        fleet_.level_of_domain_.push_back(level);
        append_capacity(fleet_.domain_capacity_, capacity, counters);
        return domain_index{d};
    }
    /// Memory for all models, so that views of their names stay valid when others are added.
    void reserve_models() { fleet_.models_.reserve(max_models - 1); }
    /// The model of this name, new or known; not valid if the fleet has 64 others.
    [[nodiscard]] model_index find_or_add_model(std::string_view name) {
        const auto known = fleet_.models_.find(name);
        if (known) return model_index{*known};
        return fleet_.models_.size() == max_models ? model_index{} : model_index{fleet_.models_.intern(name)};
    }

    /// A new model, for which memory is reserved.
    void add_reserved_model(std::string&& name) noexcept {
        fleet_.models_.assign_reserved(fleet_.models_.size(), std::move(name));
    }

    // ---- checks -----------------------------------------------------------------------------------------------------
    /// Everything but the name.
    ///
    /// @param by_level  gets the node's domains in ascending order of levels
    [[nodiscard]] result<void> check_node(const node_description& node, phrase item,
                                          flat<domain_index>& by_level) const {
        if (node.gpus.size() > max_gpus_per_node) {
            return refuse(error_code::limit_exceeded,
                          {item, ": gpus is ", node.gpus.size(), ", at most 64 GPUs fit on one node"});
        }
        const std::size_t counters = fleet_.schema_.node.size();
        if (auto ok = check_amounts({item}, "capacity", node.capacity, counters); !ok) return ok;
        if (auto ok = check_domains(node, item, by_level); !ok) return ok;
        if (auto ok = check_links(node, item); !ok) return ok;
        return check_gpus(node, item);
    }

    // ---- nodes ------------------------------------------------------------------------------------------------------
    /// Appends a vacant position with room for so many GPUs. If an allocation fails, nothing has changed but memory
    /// that is reserved.
    node_index append_vacant(std::size_t room) {
        const std::size_t n = fleet_.nodes_.size();
        const std::size_t first_gpu = fleet_.node_of_gpu_.size();
        const std::size_t node_counters = fleet_.schema_.node.size();
        const std::size_t gpu_counters = fleet_.schema_.gpu.size();
        // One more than needed: memory for `describe`.
        fleet_.nodes_.make_room(n + 1);
        fleet_.node_of_gpu_.make_room(first_gpu + room);
        fleet_.model_of_gpu_.make_room(first_gpu + room);
        fleet_.gpu_capacity_.make_room((first_gpu + room) * gpu_counters);
        fleet_.node_capacity_.make_room((n + 1) * node_counters);
        fleet_.kind_.make_room(n + 1);
        fleet_.hardware_.make_room(n + 1);
        fleet_.links_of_node_.make_room(n + 1);
        fleet_.domains_of_node_.resize(n + 1);
        fleet_.node_names_.extend(n + 1);
        fleet_.nodes_.push_back({.models = 0,
                                 .healthy_gpus = 0,
                                 .first_gpu = static_cast<std::uint32_t>(first_gpu),
                                 .first_counter = static_cast<std::uint32_t>(fleet_.counter_count_),
                                 .gpus = 0,
                                 .room = static_cast<std::uint16_t>(room),
                                 .healthy = false,
                                 .present = false});
        fleet_.node_of_gpu_.resize(first_gpu + room, static_cast<std::uint32_t>(n));
        fleet_.model_of_gpu_.resize(first_gpu + room, 0);
        fleet_.gpu_capacity_.resize((first_gpu + room) * gpu_counters, 0);
        fleet_.node_capacity_.resize((n + 1) * node_counters, 0);
        fleet_.kind_.push_back(no_kind);
        fleet_.hardware_.push_back(no_kind);
        fleet_.links_of_node_.push_back(no_kind);
        fleet_.counter_count_ += node_counters + room * gpu_counters;
        return node_index{n};
    }
    [[nodiscard]] std::size_t room(node_index n) const noexcept { return room(fleet_, n); }
    /// The positions of GPUs that belong to a node, in use or not.
    [[nodiscard]] static std::size_t room(const fleet& of, node_index n) noexcept { return of.nodes_[n.value()].room; }
    /// Two positions exchange the room for GPUs that belongs to them; both are vacant or about to be written.
    void swap_rooms(node_index a, node_index b) noexcept {
        auto& x = fleet_.nodes_[a.value()];
        auto& y = fleet_.nodes_[b.value()];
        std::swap(x.first_gpu, y.first_gpu);
        std::swap(x.first_counter, y.first_counter);
        std::swap(x.room, y.room);
        for (const node_index n : {a, b}) {
            const auto& record = fleet_.nodes_[n.value()];
            for (std::size_t i = 0; i < record.room; ++i) {
                fleet_.node_of_gpu_[record.first_gpu + i] = static_cast<std::uint32_t>(n.value());
            }
        }
    }
    void set_name(node_index n, std::string_view name) { fleet_.node_names_.assign(n.value(), name); }
    void erase_name(node_index n) noexcept { fleet_.node_names_.erase(n.value()); }

    void set_capacity(node_index n, std::span<const amount> given) noexcept {
        const std::size_t counters = fleet_.schema_.node.size();
        for (std::size_t r = 0; r < counters; ++r) {
            fleet_.node_capacity_[n.value() * counters + r] = given.empty() ? max_amount : given[r];
        }
    }
    void set_gpu(node_index n, std::size_t i, model_index model, std::span<const amount> given) noexcept {
        const std::size_t g = fleet_.nodes_[n.value()].first_gpu + i;
        const std::size_t counters = fleet_.schema_.gpu.size();
        fleet_.model_of_gpu_[g] = static_cast<std::uint32_t>(model.value());
        for (std::size_t r = 0; r < counters; ++r) {
            const amount fallback = r == 0 ? whole_gpu : max_amount;
            fleet_.gpu_capacity_[g * counters + r] = given.empty() ? fallback : given[r];
        }
    }
    /// A GPU that is not there (any more): no capacity. Its model stays what it was.
    void vacate_gpu(node_index n, std::size_t i) noexcept {
        const std::size_t g = fleet_.nodes_[n.value()].first_gpu + i;
        const std::size_t counters = fleet_.schema_.gpu.size();
        for (std::size_t r = 0; r < counters; ++r) fleet_.gpu_capacity_[g * counters + r] = 0;
    }
    /// @param gpus     positions in use, at most the node's room
    /// @param there    those of them that are there
    /// @param healthy  those of them that may take new tasks
    void set_state(node_index n, std::size_t gpus, gpu_mask there, gpu_mask healthy, bool node_healthy,
                   bool present) noexcept {
        auto& record = fleet_.nodes_[n.value()];
        record.gpus = static_cast<std::uint16_t>(gpus);
        record.healthy_gpus = node_healthy ? healthy : 0;
        record.healthy = node_healthy;
        record.present = present;
        record.models = 0;
        for (gpu_mask rest = there; rest != 0; rest &= rest - 1) {
            record.models |= std::uint64_t{1} << fleet_.model_of_gpu_[record.first_gpu + lowest_gpu(rest)];
        }
    }
    /// Memory for `set_domains`. If an allocation fails, nothing has changed.
    void reserve_domains(node_index n, std::span<const domain_index> domains) {
        const std::size_t before = fleet_.domains_of_node_[n.value()].size();
        if (domains.size() > before) fleet_.domains_of_node_.reserve(n.value(), domains.size() - before);
        for (const domain_index d : domains) fleet_.nodes_of_domain_.reserve(d.value());
    }
    /// Replaces the domains of a node.
    void set_domains(node_index n, std::span<const domain_index> domains) {
        auto& of_node = fleet_.domains_of_node_;
        auto& of_domain = fleet_.nodes_of_domain_;
        for (const domain_index d : of_node[n.value()]) of_domain.erase(d.value(), n);
        of_node.clear(n.value());
        for (const domain_index d : domains) {
            of_node.push_back(n.value(), d);
            of_domain.insert_sorted(d.value(), n);
        }
    }
    /// The links of a description as bytes, by the positions that its GPUs have.
    ///
    /// @param positions  of the described GPUs, each below `gpus`; empty: in their order
    /// @param gpus       positions of the node
    [[nodiscard, gnu::cold]] static std::string link_image(const node_description& node,
                                                           std::span<const std::uint32_t> positions, std::size_t gpus) {
        if (node.gpu_links.empty()) return {};
        std::vector<std::int32_t> scores(gpus * gpus, 0);
        const std::size_t described = positions.empty() ? gpus : positions.size();
        const auto at = [&](std::size_t i) { return positions.empty() ? i : std::size_t{positions[i]}; };
        for (std::size_t i = 0; i < described; ++i) {
            for (std::size_t j = 0; j < described; ++j) {
                scores[at(i) * gpus + at(j)] = static_cast<std::int32_t>(node.gpu_links[i * described + j]);
            }
        }
        return {reinterpret_cast<const char*>(scores.data()), scores.size() * sizeof(std::int32_t)};
    }
    /// Brings `kind` and `hardware` of a node up to date; its links stay. If an allocation fails, nothing has changed.
    void number(node_index n) { number(n, fleet_.link_image(n)); }
    /// As above, with other links: bytes as of `link_image`.
    void number(node_index n, std::string_view links) {
        std::string key{"n"};  // an image is never empty: a position without one has the empty one
        for (const amount value : fleet_.capacity(n)) append_bytes(key, value);
        append_bytes(key, fleet_.gpu_count(n));
        for (std::size_t i = 0; i < fleet_.gpu_count(n); ++i) {
            const gpu_index gpu = fleet_.gpu(n, i);
            append_bytes(key, fleet_.model(gpu).value());
            for (const amount value : fleet_.capacity(gpu)) append_bytes(key, value);
        }
        key.append(links);
        const std::size_t hardware = key.size();
        append_bytes(key, fleet_.healthy_gpus(n));
        key.push_back(fleet_.healthy(n) ? 'h' : 'u');
        const std::string_view image{key};
        numbers hardwares{fleet_.hardwares_, fleet_.hardware_uses_, fleet_.hardware_numbers_,
                          &fleet_.hardware_generation_};
        numbers kinds{fleet_.kinds_, fleet_.kind_uses_, fleet_.kind_numbers_, nullptr};
        const std::size_t new_hardware = hardwares.find(image.substr(0, hardware));
        const std::size_t new_kind = kinds.find(image);
        numbers known_links{fleet_.links_, fleet_.link_uses_, fleet_.link_numbers_, nullptr};
        const std::size_t new_links = links.empty() ? no_kind : known_links.find(links);
        hardwares.use(fleet_.hardware_[n.value()], new_hardware);
        kinds.use(fleet_.kind_[n.value()], new_kind);
        known_links.use(fleet_.links_of_node_[n.value()], new_links);
    }

private:
    static constexpr std::uint32_t no_kind = fleet::no_number;

    /// Numbers of images, with the nodes that use each.
    struct numbers {
        name_table& images;
        flat<std::uint32_t>& uses;
        position_pool& used;
        flat<std::uint32_t>* generations;  // if given, counts the images of each number

        /// The number of an image; a new one gets the lowest that nobody uses. O(length of the image).
        [[nodiscard]] std::size_t find(std::string_view image) {
            if (const auto known = images.find(image)) return *known;
            const std::size_t number = used.lowest_vacant();
            uses.make_room(number + 1);
            used.extend(number + 1);
            if (generations) generations->make_room(number + 1);
            if (number == uses.size()) uses.push_back(0);
            if (number < images.size() && !images[number].empty()) images.erase(number);
            images.assign(number, image);
            if (generations) {
                if (number == generations->size()) generations->push_back(0);
                ++(*generations)[number];
            }
            return number;
        }
        /// A number that nobody uses any more keeps its image until another one needs the number.
        void use(std::uint32_t& number, std::size_t now) {
            if (now != no_kind && ++uses[now] == 1) used.take(now);
            if (number != no_kind && --uses[number] == 0) used.vacate(number);
            number = static_cast<std::uint32_t>(now);
        }
    };

    [[nodiscard, gnu::cold]] result<void> check_domains(const node_description& node, phrase item,
                                                        flat<domain_index>& by_level) const {
        const auto level = [&](domain_index d) { return fleet_.level_of_domain_[d.value()]; };
        for (const std::string_view name : node.domains) {
            const auto at = fleet_.domains_.find(name);
            if (!at) {
                return refuse(error_code::unknown_name, {item, ": domain ", phrase::quoted(name), " does not exist"});
            }
            by_level.push_back(domain_index{*at});
            for (std::size_t i = by_level.size() - 1; i > 0 && level(by_level[i]) <= level(by_level[i - 1]); --i) {
                if (level(by_level[i]) == level(by_level[i - 1])) {
                    return refuse(error_code::inconsistent,
                                  {item, ": domains ", phrase::quoted(fleet_.name(by_level[i - 1])), " and ",
                                   phrase::quoted(name), " are of the same level"});
                }
                std::swap(by_level[i], by_level[i - 1]);
            }
        }
        return {};
    }
    [[nodiscard, gnu::cold]] static result<void> check_links(const node_description& node, phrase item) {
        const std::size_t gpus = node.gpus.size();
        if (node.gpu_links.empty()) return {};
        if (node.gpu_links.size() != gpus * gpus) {
            return refuse(error_code::inconsistent,
                          {item, ": gpu_links has ", node.gpu_links.size(), " scores, expected ", gpus * gpus});
        }
        for (std::size_t i = 0; i < gpus; ++i) {
            for (std::size_t j = 0; j < gpus; ++j) {
                const amount score = node.gpu_links[i * gpus + j];
                if (i == j ? score == 0 : score >= 0 && score <= gpu_links::max_score) {
                    if (score == node.gpu_links[j * gpus + i]) continue;
                }
                return refuse(error_code::invalid_value,
                              {item, ": gpu_links from GPU ", i, " to GPU ", j, " is ", score,
                               i == j ? ", expected 0" : ", expected 0 to 1000000, and the same both ways"});
            }
        }
        return {};
    }
    [[nodiscard, gnu::cold]] result<void> check_gpus(const node_description& node, phrase item) const {
        std::size_t new_models = 0;
        for (std::size_t i = 0; i < node.gpus.size(); ++i) {
            const auto& gpu = node.gpus[i];
            if (auto ok = check_amounts({item, " gpu ", i}, "capacity", gpu.capacity, fleet_.schema_.gpu.size()); !ok) {
                return ok.error();
            }
            bool known = fleet_.models_.find(gpu.model).has_value();
            for (std::size_t j = 0; j < i && !known; ++j) known = node.gpus[j].model == gpu.model;
            if (!known) ++new_models;
            if (fleet_.models_.size() + new_models > max_models) {
                return refuse(error_code::limit_exceeded, {item, " gpu ", i, ": model ", phrase::quoted(gpu.model),
                                                           " is one too many, a fleet has at most 64 models"});
            }
        }
        return {};
    }

    fleet& fleet_;
};

}  // namespace berth::inline v0::detail
