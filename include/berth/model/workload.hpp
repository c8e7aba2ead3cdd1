// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/list_pool.hpp"
#include "berth/core/names.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth::inline v0 {

/// The demand of one task. A view: valid as long as its workload.
struct demand_view {
    std::span<const amount> gpu{};                      ///< on each of its GPUs, per `resource_schema::gpu`
    std::span<const amount> node{};                     ///< on its node, per `resource_schema::node`
    std::span<const amount> domain{};                   ///< on each domain of its node, per `resource_schema::domain`
    std::size_t gpus = 0;                               ///< number of distinct GPUs, 0..64
    std::uint64_t accepted_models = ~std::uint64_t{0};  ///< bit m for model m of the fleet
    bool same_model = false;                            ///< its GPUs are all of one model; only with two or more

    /// True for a task with part of one GPU.
    [[nodiscard]] constexpr bool is_share() const noexcept { return gpus == 1 && gpu[0] < whole_gpu; }
    /// GPU thousandths on all its GPUs together.
    [[nodiscard]] constexpr amount total_share() const noexcept {
        return gpus == 0 ? 0 : static_cast<amount>(gpus) * gpu[0];
    }
};

namespace detail {

class workload_editor;

}  // namespace detail

/// The tasks with their demands, groups and priorities. Immutable for everyone but the `cluster` that it belongs to, if
/// it belongs to one. Tasks with equal demand share a *shape*, the key of caches that depend on the demand alone;
/// shapes are numbered in order of first appearance.
///
/// A workload of a cluster may have vacant positions of tasks, shapes and groups: see `present`. A vacant task is in no
/// group and has no slot; its shape is not valid.
///
/// Every call is O(1) unless documented otherwise, and does not allocate. Indices are those of this workload, which
/// only assertions check.
///
/// Built by `workload_builder` (`model/workload_builder.hpp`) for one fleet, or from your own types by `make_workload`
/// (`model/lower.hpp`).
class workload {
public:
    /// The number of tasks, possibly 0; in a cluster the number of their positions, vacant ones included.
    [[nodiscard]] std::size_t task_count() const noexcept { return tasks_.size(); }
    /// The sum of the frequencies of all shapes: the tasks that there are, or that a mix expects (`arrival_mix`).
    [[nodiscard]] std::size_t total_frequency() const noexcept { return expected_; }
    /// The number of different demands; in a cluster of their positions.
    [[nodiscard]] std::size_t shape_count() const noexcept { return shapes_.size(); }
    /// The positions of the counters that are CPU, memory and GPU memory: those of the fleet.
    [[nodiscard]] const counter_roles& roles() const noexcept { return roles_; }
    /// The number of groups; in a cluster of their positions.
    [[nodiscard]] std::size_t group_count() const noexcept { return groups_.size(); }

    /// True unless the position is vacant.
    [[nodiscard]] bool present(task_index t) const noexcept { return tasks_[t.value()].shape.valid(); }
    /// The name of a task; in a cluster a task may have none.
    [[nodiscard]] const std::string& name(task_index t) const { return task_names_[t.value()]; }
    /// The task of this name, if there is one. O(length of the name).
    [[nodiscard]] std::optional<task_index> find_task(std::string_view name) const {
        const auto at = task_names_.find(name);
        return at ? std::optional{task_index{*at}} : std::nullopt;
    }
    /// The shape of a task's demand.
    [[nodiscard]] shape_index shape(task_index t) const noexcept { return tasks_[t.value()].shape; }
    /// The priority of a task; larger is more important.
    [[nodiscard]] int priority(task_index t) const noexcept { return tasks_[t.value()].priority; }
    /// The bytes that travel when the task is moved.
    [[nodiscard]] amount state_bytes(task_index t) const noexcept { return tasks_[t.value()].state_bytes; }

    /// True if the task wants GPUs of one model, with those of its gang if it is in one.
    [[nodiscard]] bool same_model(task_index t) const noexcept { return tasks_[t.value()].same_model; }
    /// The group (job, service) of a task; not valid if it has none.
    [[nodiscard]] group_index group(task_index t) const noexcept { return tasks_[t.value()].group; }
    /// The name of a group.
    [[nodiscard]] const std::string& name(group_index g) const { return groups_[g.value()]; }
    /// The group of this name, if there is one. O(length of the name).
    [[nodiscard]] std::optional<group_index> find_group(std::string_view name) const {
        const auto at = groups_.find(name);
        return at ? std::optional{group_index{*at}} : std::nullopt;
    }
    /// True if the group is placed as a whole or not at all.
    [[nodiscard]] bool is_gang(group_index g) const noexcept { return gang_[g.value()] != 0; }
    /// True if the group is a gang of which a task wants `same_model`: all GPUs of the gang are then of one model.
    [[nodiscard]] bool same_model(group_index g) const noexcept { return same_model_[g.value()] != 0; }
    /// The tasks of a gang that start together: with fewer slots it does not run, the others may join later. 1 for a
    /// group that is no gang.
    [[nodiscard]] std::size_t min_tasks(group_index g) const noexcept {
        return min_tasks_[g.value()] == 0 ? members(g).size() : min_tasks_[g.value()];
    }
    /// The tasks of a group, in ascending order.
    [[nodiscard]] std::span<const task_index> members(group_index g) const noexcept { return members_[g.value()]; }

    /// The demand of all tasks of a shape.
    [[nodiscard]] demand_view demand(shape_index s) const noexcept {
        const std::size_t i = s.value();
        return {.gpu = {gpu_demand_.data() + i * gpu_counters_, gpu_counters_},
                .node = {node_demand_.data() + i * node_counters_, node_counters_},
                .domain = {domain_demand_.data() + i * domain_counters_, domain_counters_},
                .gpus = shapes_[i].gpus,
                .accepted_models = shapes_[i].accepted_models,
                .same_model = shapes_[i].same_model};
    }
    /// The demand of a task.
    [[nodiscard]] demand_view demand(task_index t) const noexcept { return demand(shape(t)); }
    /// The number of tasks with this shape.
    [[nodiscard]] std::size_t frequency(shape_index s) const noexcept { return shapes_[s.value()].frequency; }
    /// The accepted models in the task's own order, each once, joined by `|`; empty: all. `typical_mix` orders by this
    /// text, as published.
    [[nodiscard]] const std::string& accepted_text(shape_index s) const { return accepted_texts_[s.value()]; }

    /// How many demands had this position so far; the key of caches of a cluster, where a demand that nobody has any
    /// more makes way for another.
    [[nodiscard]] std::uint32_t generation(shape_index s) const noexcept { return shapes_[s.value()].generation; }

    /// True if the fleet has as many counters, with the same roles, and GPU models as the one for which the workload
    /// was built.
    [[nodiscard]] bool matches(const fleet& fleet) const noexcept {
        return fleet.schema().gpu.size() == gpu_counters_ && fleet.schema().node.size() == node_counters_ &&
               fleet.schema().domain.size() == domain_counters_ && fleet.roles() == roles_ &&
               fleet.model_count() == model_count_;
    }

private:
    friend class detail::workload_editor;
    workload() = default;

    counter_roles roles_;
    std::size_t gpu_counters_ = 0;
    std::size_t node_counters_ = 0;
    std::size_t domain_counters_ = 0;
    std::size_t model_count_ = 0;
    name_table task_names_;
    name_table groups_;
    std::vector<std::string> accepted_texts_;  // per shape
    struct task_record {
        shape_index shape;
        group_index group;
        int priority;
        bool same_model;
        amount state_bytes;
    };
    detail::flat<task_record> tasks_;
    detail::flat<std::uint8_t> gang_;
    detail::flat<std::uint8_t> same_model_;  // per group
    detail::flat<std::size_t> min_tasks_;    // per group
    detail::list_pool<task_index> members_;
    detail::flat<amount> gpu_demand_;
    detail::flat<amount> node_demand_;
    detail::flat<amount> domain_demand_;
    struct shape_record {
        std::uint64_t accepted_models;
        std::size_t frequency;
        std::uint32_t generation;
        std::uint8_t gpus;
        bool same_model;
    };
    detail::flat<shape_record> shapes_;
    std::size_t expected_ = 0;
    name_table shape_images_;  // keys are byte images of demands
};

/// The input of allocation: a fleet and a workload built for it. Two pointers, cheap to copy; fleet and workload
/// outlive it.
class problem {
public:
    /// The workload must match the fleet, see `workload::matches`.
    problem(const berth::fleet& fleet, const berth::workload& workload) noexcept
        : fleet_{&fleet}, workload_{&workload} {
        BERTH_ASSERT(workload.matches(fleet), "berth: this workload was built for another fleet");
    }
    problem(const berth::fleet&&, const berth::workload&) = delete;
    problem(const berth::fleet&, const berth::workload&&) = delete;
    problem(const berth::fleet&&, const berth::workload&&) = delete;

    /// The nodes and GPUs.
    [[nodiscard]] const berth::fleet& fleet() const noexcept { return *fleet_; }
    /// The tasks.
    [[nodiscard]] const berth::workload& workload() const noexcept { return *workload_; }

private:
    const berth::fleet* fleet_;
    const berth::workload* workload_;
};

}  // namespace berth::inline v0
