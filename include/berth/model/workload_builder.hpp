// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// A task, as input of `workload_builder`.
struct task_description {
    std::string_view name{};                              ///< unique; empty: `task-<position>`
    std::size_t gpus = 1;                                 ///< number of distinct GPUs, 0..64
    std::span<const amount> gpu_demand{};                 ///< per GPU, not 0 in every counter; empty: one whole GPU
    std::span<const amount> node_demand{};                ///< empty: 0
    std::span<const amount> domain_demand{};              ///< on each domain of the node; empty: 0
    std::span<const std::string_view> accepted_models{};  ///< names of GPU models; empty: all
    bool same_model = false;   ///< all its GPUs, in a gang all GPUs of the gang, are of one model
    std::string_view group{};  ///< job or service; empty: none
    bool gang = false;         ///< the group is placed as a whole or not at all
    int priority = 0;          ///< larger is more important
    amount state_bytes = 0;    ///< bytes that travel when the task is moved, 0..`max_amount`
};

/// Builds a `workload` task by task. Errors name the offending task and field; a refused task leaves the builder
/// unchanged. To build from your own types use `make_workload` (`model/lower.hpp`).
class workload_builder {
public:
    /// @param fleet  gives the resource schema and the names of GPU models; not kept
    explicit workload_builder(const fleet& fleet);

    /// Adds a task behind those added before. O(counters).
    ///
    /// @return its index, or an error: a name that exists, an amount that is refused, more than 64 GPUs, a GPU demand
    ///         without GPUs, GPUs of which nothing is wanted, an unknown model, a gang that differs within its group
    result<task_index> add_task(const task_description& task);
    /// The workload, possibly without tasks. O(tasks).
    result<workload> build() &&;

private:
    [[nodiscard]] result<void> check_demands(const task_description& task, detail::phrase item) const;
    /// The accepted models as a mask and as text, each once, joined by `|`.
    [[nodiscard]] result<void> read_accepted(const task_description& task, detail::phrase item, std::uint64_t& mask,
                                             std::string& text) const;
    [[nodiscard]] result<void> check_group(const task_description& task, detail::phrase item) const;
    [[nodiscard]] shape_index intern_shape(const task_description& task, std::uint64_t accepted, std::size_t model_set);

    workload work_;
    name_table models_;
    name_table shapes_;  // keys are byte images of demands
    detail::flat<amount> default_gpu_demand_;
    detail::flat<amount> zero_;
};

inline workload_builder::workload_builder(const fleet& fleet) {
    const resource_schema& schema = fleet.schema();
    work_.roles_ = fleet.roles();
    work_.gpu_counters_ = schema.gpu.size();
    work_.node_counters_ = schema.node.size();
    work_.domain_counters_ = schema.domain.size();
    work_.model_count_ = fleet.model_count();
    for (std::size_t m = 0; m < fleet.model_count(); ++m) models_.intern(fleet.name(model_index{m}));
    default_gpu_demand_.resize(schema.gpu.size());
    default_gpu_demand_[0] = whole_gpu;
    zero_.resize(schema.gpu.size() + schema.node.size() + schema.domain.size());
}

inline result<task_index> workload_builder::add_task(const task_description& task) {
    const task_index t{work_.task_count()};
    const auto item = detail::phrase::item("task", t.value(), task.name);
    const std::string name = task.name.empty() ? detail::sentence({"task-", t.value()}) : std::string{task.name};
    if (work_.task_names_.find(name)) {
        return detail::refuse(error_code::duplicate, {item, ": a task of this name exists already"});
    }
    if (auto ok = check_demands(task, item); !ok) return ok.error();
    std::uint64_t accepted = 0;
    std::string text;
    if (auto ok = read_accepted(task, item, accepted, text); !ok) return ok.error();
    if (auto ok = check_group(task, item); !ok) return ok.error();

    work_.task_names_.intern(name);
    const shape_index shape = intern_shape(task, accepted, work_.model_sets_.intern(text));
    ++work_.shapes_[shape.value()].frequency;
    group_index group{};
    if (!task.group.empty()) {
        group = group_index{work_.groups_.intern(task.group)};
        if (group.value() == work_.gang_.size()) {
            work_.gang_.push_back(task.gang ? 1 : 0);
            work_.same_model_.push_back(0);
        }
        if (task.gang && task.same_model) work_.same_model_[group.value()] = 1;
    }
    work_.tasks_.push_back(
        {.shape = shape, .group = group, .priority = task.priority, .state_bytes = task.state_bytes});
    return t;
}

inline result<void> workload_builder::check_demands(const task_description& task, detail::phrase item) const {
    if (task.gpus > max_gpus_per_node) {
        return detail::refuse(error_code::limit_exceeded,
                              {item, ": gpus is ", task.gpus, ", a task gets at most 64 GPUs of one node"});
    }
    if (auto ok = detail::check_amounts({item}, "gpu_demand", task.gpu_demand, work_.gpu_counters_); !ok) return ok;
    if (auto ok = detail::check_amounts({item}, "node_demand", task.node_demand, work_.node_counters_); !ok) return ok;
    if (auto ok = detail::check_amounts({item}, "domain_demand", task.domain_demand, work_.domain_counters_); !ok) {
        return ok;
    }
    for (std::size_t r = 0; task.gpus == 0 && r < task.gpu_demand.size(); ++r) {
        if (task.gpu_demand[r] == 0) continue;
        return detail::refuse(error_code::inconsistent,
                              {item, ": gpu_demand[", r, "] is ", task.gpu_demand[r], ", but the task wants no GPU"});
    }
    amount most = 0;
    for (const amount wanted : task.gpu_demand) most = wanted > most ? wanted : most;
    if (task.gpus > 0 && !task.gpu_demand.empty() && most == 0) {
        return detail::refuse(error_code::inconsistent,
                              {item, ": gpu_demand is 0 in every counter, but the task wants ", task.gpus,
                               task.gpus == 1 ? " GPU" : " GPUs"});
    }
    if (task.state_bytes < 0 || task.state_bytes > max_amount) {
        return detail::refuse(task.state_bytes < 0 ? error_code::invalid_value : error_code::overflow,
                              {item, ": state_bytes is ", task.state_bytes, ", expected 0..", max_amount});
    }
    return {};
}

inline result<void> workload_builder::read_accepted(const task_description& task, detail::phrase item,
                                                    std::uint64_t& mask, std::string& text) const {
    mask = task.accepted_models.empty() ? ~std::uint64_t{0} : 0;
    for (const std::string_view model : task.accepted_models) {
        const auto at = models_.find(model);
        if (!at) {
            return detail::refuse(
                error_code::unknown_name,
                {item, ": accepted_models names ", detail::phrase::quoted(model), ", which no GPU of the fleet is"});
        }
        const std::uint64_t bit = std::uint64_t{1} << *at;
        if ((mask & bit) != 0) continue;
        if (mask != 0) text.push_back('|');
        text.append(model);
        mask |= bit;
    }
    return {};
}

inline result<void> workload_builder::check_group(const task_description& task, detail::phrase item) const {
    if (task.group.empty()) {
        if (!task.gang) return {};
        return detail::refuse(error_code::inconsistent, {item, ": gang is set, but the task has no group"});
    }
    const auto at = work_.groups_.find(task.group);
    if (!at || (work_.gang_[*at] != 0) == task.gang) return {};
    return detail::refuse(error_code::inconsistent, {item, ": gang differs from the other members of group ",
                                                     detail::phrase::quoted(task.group)});
}

inline shape_index workload_builder::intern_shape(const task_description& task, std::uint64_t accepted,
                                                  std::size_t model_set) {
    const auto or_default = [](std::span<const amount> given, const detail::flat<amount>& fallback, std::size_t size) {
        return given.empty() ? std::span<const amount>{fallback.data(), size} : given;
    };
    const auto gpu = or_default(task.gpu_demand, task.gpus == 0 ? zero_ : default_gpu_demand_, work_.gpu_counters_);
    const auto node = or_default(task.node_demand, zero_, work_.node_counters_);
    const auto domain = or_default(task.domain_demand, zero_, work_.domain_counters_);
    const bool same_model = task.same_model && task.gpus > 1;
    std::string key;
    for (const amount value : gpu) detail::append_bytes(key, value);
    for (const amount value : node) detail::append_bytes(key, value);
    for (const amount value : domain) detail::append_bytes(key, value);
    detail::append_bytes(key, task.gpus);
    detail::append_bytes(key, accepted);
    detail::append_bytes(key, model_set);
    detail::append_bytes(key, same_model);
    const shape_index shape{shapes_.intern(key)};
    if (shape.value() == work_.shape_count()) {
        work_.gpu_demand_.append(gpu);
        work_.node_demand_.append(node);
        work_.domain_demand_.append(domain);
        work_.shapes_.push_back({.accepted_models = accepted,
                                 .frequency = 0,
                                 .model_set = static_cast<std::uint32_t>(model_set),
                                 .gpus = static_cast<std::uint8_t>(task.gpus),
                                 .same_model = same_model});
    }
    return shape;
}

inline result<workload> workload_builder::build() && {
    const std::size_t groups = work_.group_count();
    detail::flat<std::size_t>& first = work_.first_member_;
    first.resize(groups + 1);
    for (const auto& task : work_.tasks_) {
        if (task.group.valid()) ++first[task.group.value() + 1];
    }
    for (std::size_t g = 0; g < groups; ++g) first[g + 1] += first[g];
    detail::flat<std::size_t> next = first;
    work_.members_.resize(first[groups]);
    for (std::size_t t = 0; t < work_.task_count(); ++t) {
        const group_index g = work_.tasks_[t].group;
        if (g.valid()) work_.members_[next[g.value()]++] = task_index{t};
    }
    return std::move(work_);
}

}  // namespace berth::inline v0
