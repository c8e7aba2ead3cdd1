// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/detail/workload_editor.hpp"
#include "berth/model/fleet.hpp"
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

/// Builds a `workload` task by task. Errors name the offending task and field; a refused task leaves the builder
/// unchanged. To build from your own types use `make_workload` (`model/lower.hpp`).
class workload_builder {
public:
    /// @param fleet  gives the resource schema and the names of GPU models; not kept
    explicit workload_builder(const fleet& fleet);

    /// Adds a task behind those added before. O(counters).
    ///
    /// @return its index, or an error: a name that exists, an amount that is refused, more than 64 GPUs, a GPU demand
    ///         without GPUs, GPUs of which nothing is wanted, a model name that is empty or has a `|`, a gang or its
    ///         `min_tasks` that differs within its group
    result<task_index> add_task(const task_description& task);
    /// The workload, possibly without tasks. O(tasks). Fails if a gang's `min_tasks` is more than its tasks.
    result<workload> build() &&;

private:
    [[gnu::cold]] static result<task_index> add_task_to(workload_builder& builder, const task_description& task);
    [[gnu::cold]] static result<workload> finish(workload& work);

    workload work_;
    name_table models_;
    std::string image_;
};

inline workload_builder::workload_builder(const fleet& fleet) : work_{detail::workload_editor::make_empty(fleet)} {
    for (std::size_t m = 0; m < fleet.model_count(); ++m) models_.intern(fleet.name(model_index{m}));
}

inline result<task_index> workload_builder::add_task(const task_description& task) {
    return detail::call_cold(add_task_to, *this, task);
}
inline result<workload> workload_builder::build() && { return detail::call_cold(finish, work_); }

inline result<task_index> workload_builder::add_task_to(workload_builder& builder, const task_description& task) {
    workload& work = builder.work_;
    detail::workload_editor editor{work};
    const task_index t{work.task_count()};
    const auto item = detail::phrase::item("task", t.value(), task.name);
    const std::string name = task.name.empty() ? detail::sentence({"task-", t.value()}) : std::string{task.name};
    if (work.find_task(name)) {
        return detail::refuse(error_code::duplicate, {item, ": a task of this name exists already"});
    }
    if (auto ok = editor.check_demands(task, item); !ok) return ok.error();
    detail::accepted_set accepted;
    const auto find_model = [&](std::string_view model) { return builder.models_.find(model); };
    if (auto ok = detail::read_accepted_models(task.accepted_models, item, find_model, accepted); !ok) {
        return ok.error();
    }
    if (auto ok = editor.check_group(task, item); !ok) return ok.error();

    const demand_view demand = editor.complete(task, accepted.mask);
    editor.write_image(demand, accepted.text, builder.image_);
    shape_index shape = editor.find_shape(builder.image_);
    if (!shape.valid()) {
        shape = shape_index{work.shape_count()};
        editor.put_shape(shape, demand, accepted.text, builder.image_);
    }
    group_index group{};
    if (!task.group.empty()) {
        group = editor.find_group(task.group);
        if (!group.valid()) {
            group = group_index{work.group_count()};
            editor.put_group(group, task.group, task.gang, task.min_tasks);
        }
    }
    editor.put_task(t, task, name, shape, group);
    return t;
}

inline result<workload> workload_builder::finish(workload& work) {
    for (std::size_t g = 0; g < work.group_count(); ++g) {
        const group_index group{g};
        if (work.min_tasks(group) <= work.members(group).size()) continue;
        return detail::refuse(error_code::inconsistent,
                              {detail::phrase::item("group", g, work.name(group)), ": min_tasks is ",
                               work.min_tasks(group), ", it has ", work.members(group).size(), " tasks"});
    }
    return std::move(work);
}

}  // namespace berth::inline v0
