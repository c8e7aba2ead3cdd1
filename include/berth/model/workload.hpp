// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth {

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

/// A task as handed to `workload_builder`.
struct task_description {
    std::string_view name{};                              ///< unique; empty: `task-<position>`
    std::size_t gpus = 1;                                 ///< 0..64
    std::span<const amount> gpu_demand{};                 ///< per GPU; empty: one whole GPU, nothing else
    std::span<const amount> node_demand{};                ///< empty: nothing
    std::span<const amount> domain_demand{};              ///< empty: nothing
    std::span<const std::string_view> accepted_models{};  ///< empty: all
    std::string_view group{};                             ///< empty: none
    bool gang = false;                                    ///< the group is placed all or none
    int priority = 0;                                     ///< larger is more important
    amount state_bytes = 0;                               ///< what travels when the task is relocated
};

/// The tasks: demands, groups, priorities. Tasks with equal demand share a *shape*, so that whatever depends on the demand
/// alone is computed once. Shapes are numbered in order of first appearance. Immutable.
///
/// Built by `workload_builder` for one fleet, or from your own types by `make_workload` (`model/lower.hpp`).
class workload {
public:
    [[nodiscard]] std::size_t task_count() const noexcept { return shape_of_task_.size(); }
    [[nodiscard]] std::size_t shape_count() const noexcept { return gpus_of_shape_.size(); }
    [[nodiscard]] std::size_t group_count() const noexcept { return groups_.size(); }

    [[nodiscard]] const std::string& name(task_index t) const { return task_names_[t.value()]; }
    [[nodiscard]] std::optional<task_index> find_task(std::string_view name) const {
        const auto at = task_names_.find(name);
        return at ? std::optional{task_index{*at}} : std::nullopt;
    }
    [[nodiscard]] shape_index shape(task_index t) const noexcept { return shape_index{shape_of_task_[t.value()]}; }
    [[nodiscard]] int priority(task_index t) const noexcept { return priority_[t.value()]; }
    [[nodiscard]] amount state_bytes(task_index t) const noexcept { return state_bytes_[t.value()]; }

    /// The group of a task; not valid if it has none.
    [[nodiscard]] group_index group(task_index t) const noexcept { return group_of_task_[t.value()]; }
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
                .gpus = gpus_of_shape_[i],
                .accepted_models = accepted_of_shape_[i]};
    }
    [[nodiscard]] demand_view demand(task_index t) const noexcept { return demand(shape(t)); }
    /// How many tasks have this shape.
    [[nodiscard]] std::size_t frequency(shape_index s) const noexcept { return frequency_[s.value()]; }
    /// The accepted models as the task named them, each once, joined by `|`; empty accepts all. Kept apart from the mask because
    /// published orderings of task mixes compare the text.
    [[nodiscard]] const std::string& accepted_text(shape_index s) const {
        return model_sets_[model_set_of_shape_[s.value()]];
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
    std::vector<std::uint32_t> shape_of_task_;
    std::vector<group_index> group_of_task_;
    std::vector<int> priority_;
    std::vector<amount> state_bytes_;
    std::vector<std::uint8_t> gang_;
    std::vector<std::size_t> first_member_;
    std::vector<task_index> members_;
    std::vector<amount> gpu_demand_;
    std::vector<amount> node_demand_;
    std::vector<amount> domain_demand_;
    std::vector<std::uint32_t> gpus_of_shape_;
    std::vector<std::uint64_t> accepted_of_shape_;
    std::vector<std::uint32_t> model_set_of_shape_;
    std::vector<std::size_t> frequency_;
};

/// Collects tasks and hands out a `workload`. Every check names the offending item; a refused task leaves the builder as it
/// was. The fleet gives the resource schema and the names of GPU models and is not kept.
class workload_builder {
public:
    explicit workload_builder(const fleet& fleet);

    result<task_index> add_task(const task_description& task);
    /// A workload may be empty.
    result<workload> build() &&;

private:
    [[nodiscard]] std::uint32_t intern_shape(const task_description& task, std::uint64_t accepted,
                                             std::size_t model_set);

    workload work_;
    name_table models_;
    name_table shapes_;  // a byte image of the demand stands for it
    std::vector<amount> default_gpu_demand_;
    std::vector<amount> zero_;
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

inline workload_builder::workload_builder(const fleet& fleet) {
    const resource_schema& schema = fleet.schema();
    work_.gpu_counters_ = schema.gpu.size();
    work_.node_counters_ = schema.node.size();
    work_.domain_counters_ = schema.domain.size();
    work_.model_count_ = fleet.model_count();
    for (std::size_t m = 0; m < fleet.model_count(); ++m) models_.intern(fleet.name(model_index{m}));
    default_gpu_demand_.assign(schema.gpu.size(), 0);
    default_gpu_demand_[0] = whole_gpu;
    zero_.assign(schema.gpu.size() + schema.node.size() + schema.domain.size(), 0);
}

inline result<task_index> workload_builder::add_task(const task_description& task) {
    const std::size_t position = work_.task_count();
    const std::string name = task.name.empty() ? "task-" + std::to_string(position) : std::string{task.name};
    const std::string item = detail::item_text("task", position, name);
    if (work_.task_names_.find(name))
        return error{error_code::duplicate, item + ": a task of this name exists already"};
    if (task.gpus > max_gpus_per_node) {
        return error{error_code::limit_exceeded,
                     item + ": gpus is " + std::to_string(task.gpus) + ", a task gets at most 64 GPUs of one node"};
    }
    const auto check = [&](std::string_view field, std::span<const amount> values,
                           std::size_t expected) -> result<void> {
        if (values.empty()) return {};
        return detail::check_amounts(item, field, values, expected);
    };
    if (auto ok = check("gpu_demand", task.gpu_demand, work_.gpu_counters_); !ok) return ok.error();
    if (auto ok = check("node_demand", task.node_demand, work_.node_counters_); !ok) return ok.error();
    if (auto ok = check("domain_demand", task.domain_demand, work_.domain_counters_); !ok) return ok.error();
    for (std::size_t r = 0; task.gpus == 0 && r < task.gpu_demand.size(); ++r) {
        if (task.gpu_demand[r] == 0) continue;
        return error{error_code::inconsistent, item + ": gpu_demand[" + std::to_string(r) + "] is " +
                                                   std::to_string(task.gpu_demand[r]) + ", but the task wants no GPU"};
    }
    if (task.gpus > 0 && !task.gpu_demand.empty() && task.gpu_demand[0] == 0) {
        return error{error_code::inconsistent, item + ": gpu_demand[0] is 0, but the task wants " +
                                                   std::to_string(task.gpus) + (task.gpus == 1 ? " GPU" : " GPUs")};
    }
    if (task.state_bytes < 0 || task.state_bytes > max_amount) {
        return error{task.state_bytes < 0 ? error_code::invalid_value : error_code::overflow,
                     item + ": state_bytes is " + std::to_string(task.state_bytes) + ", expected 0.." +
                         std::to_string(max_amount)};
    }
    std::uint64_t accepted = 0;
    std::string text;
    for (const auto& model : task.accepted_models) {
        const auto at = models_.find(model);
        if (!at) {
            return error{error_code::unknown_name,
                         item + ": accepted_models names " + detail::quoted(model) + ", which no GPU of the fleet is"};
        }
        const std::uint64_t bit = std::uint64_t{1} << *at;
        if ((accepted & bit) != 0) continue;
        if (accepted != 0) text += '|';
        text += model;
        accepted |= bit;
    }
    if (task.accepted_models.empty()) accepted = ~std::uint64_t{0};
    if (!task.group.empty()) {
        if (const auto at = work_.groups_.find(task.group); at && (work_.gang_[*at] != 0) != task.gang) {
            return error{error_code::inconsistent,
                         item + ": gang differs from the other members of group " + detail::quoted(task.group)};
        }
    } else if (task.gang) {
        return error{error_code::inconsistent, item + ": gang is set, but the task has no group"};
    }

    work_.task_names_.intern(name);
    const std::uint32_t shape = intern_shape(task, accepted, work_.model_sets_.intern(text));
    ++work_.frequency_[shape];
    work_.shape_of_task_.push_back(shape);
    work_.priority_.push_back(task.priority);
    work_.state_bytes_.push_back(task.state_bytes);
    group_index group{};
    if (!task.group.empty()) {
        group = group_index{work_.groups_.intern(task.group)};
        if (group.value() == work_.gang_.size()) work_.gang_.push_back(task.gang ? 1 : 0);
    }
    work_.group_of_task_.push_back(group);
    return task_index{position};
}

inline std::uint32_t workload_builder::intern_shape(const task_description& task, std::uint64_t accepted,
                                                    std::size_t model_set) {
    const auto or_default = [](std::span<const amount> given, std::span<const amount> fallback) {
        return given.empty() ? fallback : given;
    };
    const std::span<const amount> zero{zero_};
    const auto gpu = or_default(task.gpu_demand, task.gpus == 0 ? zero.first(work_.gpu_counters_)
                                                                : std::span<const amount>{default_gpu_demand_});
    const auto node = or_default(task.node_demand, zero.first(work_.node_counters_));
    const auto domain = or_default(task.domain_demand, zero.first(work_.domain_counters_));
    std::string key;
    for (const auto values : {gpu, node, domain}) {
        for (const amount value : values) detail::append_bytes(key, value);
    }
    detail::append_bytes(key, task.gpus);
    detail::append_bytes(key, accepted);
    detail::append_bytes(key, model_set);
    const std::size_t shape = shapes_.intern(key);
    if (shape == work_.gpus_of_shape_.size()) {
        work_.gpu_demand_.insert(work_.gpu_demand_.end(), gpu.begin(), gpu.end());
        work_.node_demand_.insert(work_.node_demand_.end(), node.begin(), node.end());
        work_.domain_demand_.insert(work_.domain_demand_.end(), domain.begin(), domain.end());
        work_.gpus_of_shape_.push_back(static_cast<std::uint32_t>(task.gpus));
        work_.accepted_of_shape_.push_back(accepted);
        work_.model_set_of_shape_.push_back(static_cast<std::uint32_t>(model_set));
        work_.frequency_.push_back(0);
    }
    return static_cast<std::uint32_t>(shape);
}

inline result<workload> workload_builder::build() && {
    const std::size_t groups = work_.group_count();
    work_.first_member_.assign(groups + 1, 0);
    for (const group_index g : work_.group_of_task_) {
        if (g.valid()) ++work_.first_member_[g.value() + 1];
    }
    for (std::size_t g = 0; g < groups; ++g) work_.first_member_[g + 1] += work_.first_member_[g];
    work_.members_.resize(work_.first_member_[groups]);
    std::vector<std::size_t> next(work_.first_member_.begin(), work_.first_member_.end() - 1);
    for (std::size_t t = 0; t < work_.task_count(); ++t) {
        const group_index g = work_.group_of_task_[t];
        if (g.valid()) work_.members_[next[g.value()]++] = task_index{t};
    }
    return std::move(work_);
}

}  // namespace berth
