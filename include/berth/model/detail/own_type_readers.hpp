// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/lower_readers.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/traits.hpp"

#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

// Length: a reader for each kind of thing.

namespace berth::inline v0::detail {

/// The GPUs of one node. Its memory is reused for the next node.
class gpu_list {
public:
    void clear() noexcept {
        gpus_.clear();
        amounts_.clear();
        models_.clear();
        uuids_.clear();
    }
    template <class Gpu>
    void read(const Gpu& gpu) {
        static_assert(gpu_like<Gpu>,
                      "berth: a GPU offers at least `model` or `capacity`, as a member or in gpu_traits");
        const std::size_t before = amounts_.size();
        if constexpr (offers_gpu_capacity<Gpu>()) read_amounts(read_gpu_capacity(gpu), amounts_);
        if constexpr (offers_gpu_model<Gpu>()) {
            models_.add(as_text(read_gpu_model(gpu)));
        } else {
            models_.add({});
        }
        if constexpr (offers_gpu_uuid<Gpu>()) {
            uuids_.add(as_text(read_gpu_uuid(gpu)));
        } else {
            uuids_.add({});
        }
        gpu_description described{.capacity = {amounts_.data(), amounts_.size() - before}};
        if constexpr (offers_gpu_healthy<Gpu>()) described.healthy = as_flag(read_gpu_healthy(gpu));
        gpus_.push_back(described);
    }
    /// Valid until the next change.
    [[nodiscard]] std::span<const gpu_description> views() {
        std::size_t first = 0;
        for (std::size_t i = 0; i < gpus_.size(); ++i) {
            gpus_[i].model = models_[i];
            gpus_[i].uuid = uuids_[i];
            gpus_[i].capacity = {amounts_.data() + first, gpus_[i].capacity.size()};  // the amounts may have moved
            first += gpus_[i].capacity.size();
        }
        return gpus_.view();
    }

private:
    flat<gpu_description> gpus_;
    flat<amount> amounts_;  // of one GPU after the other
    text_list models_;
    text_list uuids_;
};

/// Reads nodes of the user's own type, one at a time. Its memory is reused for the next node.
class node_reader {
public:
    /// The description of a node, or of a single GPU as a node of its own. Valid until the next call.
    template <class Node>
    [[nodiscard]] const node_description& read(const Node& node) {
        static_assert(node_like<Node> || gpu_like<Node>, "berth: this type is neither a node nor a GPU; give it a "
                                                         "member `gpus` (node) or `model`/`capacity` (GPU), or "
                                                         "specialise berth::node_traits / berth::gpu_traits for it");
        name_.clear();
        gpus_.clear();
        capacity_.clear();
        links_.clear();
        domains_.clear();
        present_domains_.clear();
        described_ = {};
        if constexpr (offers_node_name<Node>()) name_ = as_text(read_node_name(node));
        if constexpr (offers_node_gpus<Node>()) {
            static_assert(
                requires { std::begin(read_node_gpus(node)); },
                "berth: `gpus` of a node is a range of GPUs, not their number; make the range in node_traits");
            for (const auto& gpu : read_node_gpus(node)) gpus_.read(gpu);
            if constexpr (offers_node_capacity<Node>()) read_amounts(read_node_capacity(node), capacity_);
            if constexpr (offers_node_healthy<Node>()) described_.healthy = as_flag(read_node_healthy(node));
        } else {
            gpus_.read(node);
        }
        if constexpr (offers_node_domains<Node>()) domains_.read(read_node_domains(node));
        for (const std::string_view domain : domains_.views()) {
            if (!domain.empty()) present_domains_.push_back(domain);
        }
        if constexpr (offers_node_gpu_links<Node>()) read_amounts(read_node_gpu_links(node), links_);
        described_.name = name_;
        described_.capacity = capacity_.view();
        described_.gpu_links = links_.view();
        described_.gpus = gpus_.views();
        described_.domains = present_domains_.view();
        return described_;
    }

    /// Adds the domains of the last node that are new. The position in a node's list is the level; an empty name skips
    /// a level.
    ///
    /// @param level_of  of a name: its level, if there is such a domain
    /// @param add       of a name and a level: adds a domain
    template <class LevelOf, class Add>
    [[nodiscard]] result<void> add_domains(phrase node, const LevelOf& level_of, Add&& add) const {
        for (std::size_t level = 0; level < domains_.size(); ++level) {
            if (domains_[level].empty()) continue;
            const std::optional<std::size_t> known = level_of(domains_[level]);
            if (!known) {
                if (auto added = add(domains_[level], level); !added) return added.error();
            } else if (*known != level) {
                return refuse(error_code::inconsistent,
                              {node, ": domains[", level, "] is ", phrase::quoted(domains_[level]),
                               ", which is of level ", *known, " elsewhere"});
            }
        }
        return {};
    }

private:
    node_description described_;
    std::string name_;
    gpu_list gpus_;
    text_list domains_;
    flat<amount> capacity_;
    flat<amount> links_;
    flat<std::string_view> present_domains_;
};

/// What a demand refers to: a task's own, or that of an alternative.
struct demand_memory {
    flat<amount> gpu;
    flat<amount> node;
    flat<amount> domain;
    text_list models;

    /// Reads what tasks and alternatives have in common. False for a negative number of GPUs, which `gpus` then is.
    template <class Task, class Description>
    [[nodiscard]] bool read(const Task& task, Description& described, amount& gpus) {
        gpu.clear();
        node.clear();
        domain.clear();
        models.clear();
        if constexpr (offers_task_gpus<Task>()) {
            static_assert(
                counter_value<std::remove_cvref_t<decltype(read_task_gpus(task))>>,
                "berth: `gpus` of a task is a number of GPUs, an integer; a share of one goes into gpu_demand");
            gpus = to_amount(read_task_gpus(task));
            if (gpus < 0) return false;
            described.gpus = static_cast<std::size_t>(gpus);
        }
        if constexpr (offers_task_speed<Task>()) {
            static_assert(std::is_arithmetic_v<std::remove_cvref_t<decltype(read_task_speed(task))>>,
                          "berth: `speed` of a task is a number");
            described.speed = static_cast<double>(read_task_speed(task));
        }
        if constexpr (offers_task_gpu_demand<Task>()) read_amounts(read_task_gpu_demand(task), gpu);
        if constexpr (offers_task_node_demand<Task>()) read_amounts(read_task_node_demand(task), node);
        if constexpr (offers_task_domain_demand<Task>()) read_amounts(read_task_domain_demand(task), domain);
        if constexpr (offers_task_accepted_models<Task>()) models.read(read_task_accepted_models(task));
        if constexpr (offers_task_same_model<Task>()) described.same_model = as_flag(read_task_same_model(task));
        return true;
    }
    template <class Description>
    void show(Description& described) {
        described.gpu_demand = gpu.view();
        described.node_demand = node.view();
        described.domain_demand = domain.view();
        described.accepted_models = models.views();
    }
};

/// Reads tasks of the user's own type, one at a time. Its memory is reused for the next task.
class task_reader {
public:
    /// The description of a task, valid until the next call; or an error that names the task and the field.
    ///
    /// @param position  of the task, for the message
    template <class Task>
    [[nodiscard]] result<const task_description*> read(const Task& task, std::size_t position) {
        static_assert(task_like<Task>,
                      "berth: this type is not a task; give it a member `gpus`, `gpu_demand` or `node_demand`, or "
                      "specialise berth::task_traits for it");
        name_.clear();
        group_.clear();
        listed_.clear();
        described_ = {};
        if constexpr (offers_task_name<Task>()) name_ = as_text(read_task_name(task));
        if constexpr (offers_task_group<Task>()) group_ = as_text(read_task_group(task));
        const auto wrong = [&](const char* field, amount value, const char* expected) {
            return refuse(error_code::invalid_value,
                          {phrase::item("task", position, name_), ": ", field, " is ", value, ", expected ", expected});
        };
        amount gpus = 0;
        if (!own_.read(task, described_, gpus)) return wrong("gpus", gpus, "0..64");
        if constexpr (offers_task_priority<Task>()) {
            const amount priority = to_amount(read_task_priority(task));
            if (!std::in_range<int>(priority)) return wrong("priority", priority, "an int");
            described_.priority = static_cast<int>(priority);
        }
        if constexpr (offers_task_state_bytes<Task>()) {
            described_.state_bytes = to_amount(read_task_state_bytes(task));
        }
        if constexpr (offers_task_gang<Task>()) described_.gang = as_flag(read_task_gang(task));
        if constexpr (offers_task_min_tasks<Task>()) {
            const amount least = to_amount(read_task_min_tasks(task));
            if (least < 0) return wrong("min_tasks", least, "0 or more");
            described_.min_tasks = static_cast<std::size_t>(least);
        }
        if constexpr (offers_task_alternatives<Task>()) {
            static_assert(
                requires { std::begin(read_task_alternatives(task)); },
                "berth: `alternatives` of a task is a range of objects that are read as tasks are");
            for (const auto& other : read_task_alternatives(task)) {
                using alternative = std::remove_cvref_t<decltype(other)>;
                static_assert(task_like<alternative>,
                              "berth: an alternative of a task offers `gpus`, `gpu_demand` or `node_demand`, as a "
                              "member or in task_traits");
                const std::size_t k = listed_.size();
                if (k == others_.size()) others_.push_back({});
                listed_.push_back({});
                if (others_[k].read(other, listed_.back(), gpus)) continue;
                return refuse(error_code::invalid_value, {phrase::item("task", position, name_), ": alternatives[", k,
                                                          "]: gpus is ", gpus, ", expected 0..64"});
            }
        }
        described_.name = name_;
        described_.group = group_;
        own_.show(described_);
        for (std::size_t k = 0; k < listed_.size(); ++k) others_[k].show(listed_[k]);
        described_.alternatives = listed_.view();
        return &described_;
    }

private:
    task_description described_;
    std::string name_;
    std::string group_;
    demand_memory own_;
    std::vector<demand_memory> others_;  // kept, to reuse their memory
    flat<alternative_description> listed_;
};

}  // namespace berth::inline v0::detail
