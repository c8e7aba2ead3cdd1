// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/detail/object_fields.hpp"
#include "berth/io/event_log_events.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::io::detail {

/// More GPUs than this asks no task for.
inline constexpr std::int64_t most_gpus = 1 << 16U;

/// Reads the keys of a demand over what `demand` already holds. True if there was one.
inline bool read_demand(object_fields& o, task_demand& demand) {
    bool any = false;
    for (const char* key : {"gpus", "gpu_demand", "node_demand", "accepted_models"})
        any = o.take(key) != nullptr || any;
    o.read_whole("gpus", demand.gpus, 0, most_gpus);
    o.read("gpu_demand", demand.gpu_demand, quantity_rounding::up);
    o.read("node_demand", demand.node_demand, quantity_rounding::up);
    o.read("accepted_models", demand.accepted_models);
    return any;
}

inline void read_tasks(object_fields& o, job_event& e) {
    const json_value* v = o.take("tasks");
    if (v == nullptr) return;
    if (v->is != json_value::kind::list) return o.read_whole("tasks", e.tasks, 1, max_log_tasks);
    const field_path here = o.at("tasks");
    o.each_item(*v, here, "a list of tasks", [&](const json_value& one, const field_path& path) {
        object_fields task{o.line(), one, "a task", &path};
        e.task_list.push_back(e.demand);
        (void)read_demand(task, e.task_list.back());
        task.end();
    });
    if (v->items.empty() || v->items.size() > max_log_tasks)
        o.refuse("tasks", error_code::invalid_value,
                 sentence({"has ", v->items.size(), " tasks, expected 1..", max_log_tasks}));
    e.tasks = static_cast<std::uint32_t>(v->items.size());
}

inline void read_alternatives(object_fields& o, job_event& e, bool own_demand) {
    const json_value* v = o.take("alternatives");
    if (v == nullptr) return;
    const field_path here = o.at("alternatives");
    o.each_item(*v, here, "a list of demands", [&](const json_value& one, const field_path& path) {
        object_fields other{o.line(), one, "an alternative", &path};
        task_alternative found{e.demand, 1.0};
        (void)read_demand(other, found.demand);
        other.read("speed", found.speed, std::numeric_limits<double>::denorm_min());
        other.end();
        e.alternatives.push_back(std::move(found));
    });
    if (own_demand || e.alternatives.empty()) return;
    e.demand = std::move(e.alternatives.front().demand);
    e.speed = e.alternatives.front().speed;
    e.alternatives.erase(e.alternatives.begin());
}

inline void read_affinity(object_fields& o, std::string_view key, std::optional<job_affinity>& to) {
    const json_value* v = o.take(key);
    if (v == nullptr) return;
    const field_path here = o.at(key);
    object_fields affinity{o.line(), *v, "an affinity", &here};
    job_affinity& found = to.emplace();
    affinity.read("jobs", found.jobs);
    affinity.read("class", found.job_class);
    if (found.jobs.empty() != found.job_class.has_value())
        o.refuse(key, error_code::inconsistent, "names either jobs or a class");
    found.level = affinity.need_name("level");
    affinity.end();
}

[[nodiscard]] inline job_event read_job(object_fields& o) {
    job_event e;
    e.job = o.need_name("job");
    o.read("queue", e.queue);
    o.read_whole("priority", e.priority, std::numeric_limits<std::int32_t>::min(),
                 std::numeric_limits<std::int32_t>::max());
    o.read("preemptible", e.preemptible);
    const bool own_demand = read_demand(o, e.demand);
    read_tasks(o, e);
    read_alternatives(o, e, own_demand);
    o.read_whole("min_tasks", e.min_tasks, 1, e.tasks);
    o.read("same_model", e.same_model);
    if (const json_value* v = o.take("labels")) {
        const field_path here = o.at("labels");
        object_fields labels{o.line(), *v, "the labels of a job", &here};
        labels.read("required", e.required_labels);
        labels.read("excluded", e.excluded_labels);
        labels.read("preferred", e.preferred_labels);
        labels.end();
    }
    if (const json_value* v = o.take("within")) {
        const field_path here = o.at("within");
        object_fields within{o.line(), *v, "the levels of a job", &here};
        within.read("required", e.within_required);
        within.read("preferred", e.within_preferred);
        within.end();
    }
    o.read("apart", e.apart);
    read_affinity(o, "near", e.near);
    read_affinity(o, "away", e.away);
    o.read("mig", e.mig);
    o.read("class", e.job_class);
    o.read("work", e.work, 0.0);
    o.read("duration", e.duration, 0.0);
    if (const json_value* v = o.take("state_bytes")) {
        e.state_bytes = o.units(*v, o.at("state_bytes"), "state_bytes", quantity_rounding::up);
    }
    o.read("restart", e.restart);
    o.read("delay", e.delay, 0.0);
    return e;
}

}  // namespace berth::inline v0::io::detail
