// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace berth::inline v0 {

/// What one task asks for, as the ledger and the policies read it. A view into a workload.
struct demand_view {
    std::span<const amount> gpu{};                      ///< on each GPU it gets
    std::span<const amount> node{};                     ///< on its node
    std::span<const amount> domain{};                   ///< on every domain of its node
    std::size_t gpus = 0;                               ///< how many distinct GPUs
    std::uint64_t accepted_models = ~std::uint64_t{0};  ///< bit m for model m of the fleet

    /// One GPU, and less than all of it.
    [[nodiscard]] constexpr bool is_share() const noexcept { return gpus == 1 && gpu[0] < whole_gpu; }
    /// GPU thousandths in all.
    [[nodiscard]] constexpr amount total_share() const noexcept {
        return gpus == 0 ? 0 : static_cast<amount>(gpus) * gpu[0];
    }
};

/// The tasks: demands, groups, priorities. Tasks with equal demand share a *shape*, so that whatever depends on the demand
/// alone is computed once. Shapes are numbered in order of first appearance. Immutable.
///
/// Built by `workload_builder` (`model/workload_builder.hpp`) for one fleet, or from your own types by `make_workload` (`model/lower.hpp`).
class workload {
public:
    [[nodiscard]] std::size_t task_count() const noexcept { return tasks_.size(); }
    [[nodiscard]] std::size_t shape_count() const noexcept { return shapes_.size(); }
    [[nodiscard]] std::size_t group_count() const noexcept { return groups_.size(); }

    [[nodiscard]] const std::string& name(task_index t) const { return task_names_[t.value()]; }
    [[nodiscard]] std::optional<task_index> find_task(std::string_view name) const {
        const auto at = task_names_.find(name);
        return at ? std::optional{task_index{*at}} : std::nullopt;
    }
    [[nodiscard]] shape_index shape(task_index t) const noexcept { return tasks_[t.value()].shape; }
    [[nodiscard]] int priority(task_index t) const noexcept { return tasks_[t.value()].priority; }
    [[nodiscard]] amount state_bytes(task_index t) const noexcept { return tasks_[t.value()].state_bytes; }

    /// The group of a task; not valid if it has none.
    [[nodiscard]] group_index group(task_index t) const noexcept { return tasks_[t.value()].group; }
    [[nodiscard]] const std::string& name(group_index g) const { return groups_[g.value()]; }
    [[nodiscard]] std::optional<group_index> find_group(std::string_view name) const {
        const auto at = groups_.find(name);
        return at ? std::optional{group_index{*at}} : std::nullopt;
    }
    [[nodiscard]] bool is_gang(group_index g) const noexcept { return gang_[g.value()] != 0; }
    /// The tasks of a group, ascending.
    [[nodiscard]] std::span<const task_index> members(group_index g) const noexcept {
        return {members_.data() + first_member_[g.value()], first_member_[g.value() + 1] - first_member_[g.value()]};
    }

    [[nodiscard]] demand_view demand(shape_index s) const noexcept {
        const std::size_t i = s.value();
        return {.gpu = {gpu_demand_.data() + i * gpu_counters_, gpu_counters_},
                .node = {node_demand_.data() + i * node_counters_, node_counters_},
                .domain = {domain_demand_.data() + i * domain_counters_, domain_counters_},
                .gpus = shapes_[i].gpus,
                .accepted_models = shapes_[i].accepted_models};
    }
    [[nodiscard]] demand_view demand(task_index t) const noexcept { return demand(shape(t)); }
    /// How many tasks have this shape.
    [[nodiscard]] std::size_t frequency(shape_index s) const noexcept { return shapes_[s.value()].frequency; }
    /// The accepted models as the task named them, each once, joined by `|`; empty accepts all. Kept apart from the mask because
    /// published orderings of task mixes compare the text.
    [[nodiscard]] const std::string& accepted_text(shape_index s) const {
        return model_sets_[shapes_[s.value()].model_set];
    }

    /// True if a fleet has the counters and the number of models of the one this was built for.
    [[nodiscard]] bool matches(const fleet& fleet) const noexcept {
        return fleet.schema().gpu.size() == gpu_counters_ && fleet.schema().node.size() == node_counters_ &&
               fleet.schema().domain.size() == domain_counters_ && fleet.model_count() == model_count_;
    }

private:
    friend class workload_builder;
    workload() = default;

    std::size_t gpu_counters_ = 0;
    std::size_t node_counters_ = 0;
    std::size_t domain_counters_ = 0;
    std::size_t model_count_ = 0;
    name_table task_names_;
    name_table groups_;
    name_table model_sets_;
    struct task_record {
        shape_index shape;
        group_index group;
        int priority;
        amount state_bytes;
    };
    detail::flat<task_record> tasks_;
    detail::flat<std::uint8_t> gang_;
    detail::flat<std::size_t> first_member_;
    detail::flat<task_index> members_;
    detail::flat<amount> gpu_demand_;
    detail::flat<amount> node_demand_;
    detail::flat<amount> domain_demand_;
    struct shape_record {
        std::uint64_t accepted_models;
        std::size_t frequency;
        std::uint32_t gpus;
        std::uint32_t model_set;
    };
    detail::flat<shape_record> shapes_;
};

/// The input of every policy: machines and tasks that belong together. Two pointers; copies are cheap, lifetimes are the
/// caller's.
class problem {
public:
    problem(const berth::fleet& fleet, const berth::workload& workload) noexcept
        : fleet_{&fleet}, workload_{&workload} {
        BERTH_ASSERT(workload.matches(fleet), "berth: this workload was built for another fleet");
    }
    problem(const berth::fleet&&, const berth::workload&) = delete;
    problem(const berth::fleet&, const berth::workload&&) = delete;
    problem(const berth::fleet&&, const berth::workload&&) = delete;

    [[nodiscard]] const berth::fleet& fleet() const noexcept { return *fleet_; }
    [[nodiscard]] const berth::workload& workload() const noexcept { return *workload_; }

private:
    const berth::fleet* fleet_;
    const berth::workload* workload_;
};

}  // namespace berth::inline v0
