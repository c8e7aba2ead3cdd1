// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/detail/object_fields.hpp"
#include "berth/io/detail/read_job.hpp"
#include "berth/io/event_log_events.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0::io::detail {

inline constexpr std::int64_t largest_int = std::numeric_limits<std::int32_t>::max();

[[nodiscard]] inline format_event read_format(object_fields& o) {
    format_event e;
    std::optional<std::int64_t> version;
    o.read_whole("version", version, 1, 1);
    if (!version) (void)o.need("version");
    const auto free_text = [&](std::string_view key, std::optional<std::string>& to) {
        const json_value* v = o.take(key);
        if (v == nullptr) return;
        if (v->is != json_value::kind::text) o.refuse(key, error_code::malformed, "is no text");
        to = v->text;
    };
    free_text("note", e.note);
    free_text("source", e.source);
    o.read_choice("acknowledge", e.acknowledge_from_log, "auto", "log");
    o.read("policy", e.policy);
    if (const json_value* v = o.take("options")) {
        const field_path here = o.at("options");
        object_fields options{o.line(), *v, "the options", &here};
        options.read("consolidate", e.consolidate);
        options.read_choice("placement", e.spread, "pack", "spread");
        options.read("grace", e.grace, 0.0);
        options.end();
    }
    return e;
}

[[nodiscard]] inline gpu_entry read_gpu(object_fields& o) {
    gpu_entry e;
    e.gpu = o.need_name("gpu");
    o.read("model", e.model);
    o.read("capacity", e.capacity, quantity_rounding::down);
    if (const json_value* v = o.take("links")) {
        const field_path here = o.at("links");
        o.each_key(*v, here, [&](const std::string& to, const json_value& score, const field_path& path) {
            e.links.emplace_back(to, o.number(score, path, 0.0, no_limit));
        });
    }
    o.read_whole("numa", e.numa, 0, largest_int);
    if (const json_value* v = o.take("mig")) {
        const field_path here = o.at("mig");
        object_fields mig{o.line(), *v, "the MIG mode of a GPU", &here};
        e.mig_board = mig.need_name("board");
        mig.end();
    }
    return e;
}

[[nodiscard]] inline node_event read_node(object_fields& o) {
    node_event e;
    e.node = o.need_name("node");
    o.read("capacity", e.capacity, quantity_rounding::down);
    if (const json_value* v = o.take("gpus")) {
        const field_path here = o.at("gpus");
        o.each_item(*v, here, "a list of GPUs", [&](const json_value& one, const field_path& path) {
            object_fields gpu{o.line(), one, "a GPU", &path};
            e.gpus.push_back(read_gpu(gpu));
            gpu.end();
        });
    }
    if (const json_value* v = o.take("domains")) {
        const field_path here = o.at("domains");
        o.each_key(*v, here, [&](const std::string& level, const json_value& domain, const field_path& path) {
            e.domains.emplace_back(level, o.name(domain, path));
        });
    }
    o.read("labels", e.labels);
    return e;
}

[[nodiscard]] inline place_event read_place(object_fields& o, place_change change) {
    place_event e;
    e.change = change;
    e.node = o.need_name("node");
    o.read("gpu", e.gpu);
    return e;
}

[[nodiscard]] inline health_event read_health(object_fields& o) {
    health_event e;
    e.node = o.need_name("node");
    o.read("gpu", e.gpu);
    e.healthy = o.need_flag("healthy");
    if (const json_value* v = o.take("reason")) {
        if (v->is != json_value::kind::text) o.refuse("reason", error_code::malformed, "is no text");
        e.reason = v->text;
    }
    return e;
}

[[nodiscard]] inline reading_event read_reading(object_fields& o) {
    reading_event e;
    e.node = o.need_name("node");
    o.read("gpu", e.gpu);
    o.measured("load", e.load, 0.0);
    o.measured("temperature", e.temperature, -273.15);
    o.measured("power", e.power, 0.0);
    // Exporters give bytes or fractions of MiB; a quantity is an amount as everywhere.
    const json_value* v = o.take("memory");
    if (v != nullptr && v->is == json_value::kind::text) {
        e.memory = static_cast<double>(o.units(*v, o.at("memory"), "memory", quantity_rounding::up));
    } else if (v != nullptr && v->is != json_value::kind::null) {
        e.memory = o.number(*v, o.at("memory"), 0.0, no_limit);
    }
    o.measured("age", e.age, 0.0);
    return e;
}

[[nodiscard]] inline threshold_event read_threshold(object_fields& o) {
    threshold_event e;
    o.read("node", e.node);
    o.read("gpu", e.gpu);
    o.read("temperature", e.temperature, -273.15);
    o.read("power", e.power, 0.0);
    o.read("load", e.load, 0.0);
    return e;
}

[[nodiscard]] inline queue_event read_queue(object_fields& o) {
    queue_event e;
    e.queue = o.need_name("queue");
    o.read("parent", e.parent);
    if (e.parent == e.queue) o.refuse("parent", error_code::inconsistent, "is the queue itself");
    const json_value* quota = o.take("quota");
    e.unlimited_quota = quota != nullptr && quota->is == json_value::kind::null;
    if (!e.unlimited_quota) o.read("quota", e.quota);
    o.read("limit", e.limit);
    o.read("weight", e.weight, 0.0);
    o.read_whole("priority", e.priority, -largest_int - 1, largest_int);
    if (const json_value* v = o.take("min_runtime")) {
        const field_path here = o.at("min_runtime");
        object_fields least{o.line(), *v, "the least run times", &here};
        least.read("preempt", e.min_runtime_preempt, 0.0);
        least.read("reclaim", e.min_runtime_reclaim, 0.0);
        least.end();
    }
    o.read("usage", e.usage, 0.0, 1.0);
    return e;
}

[[nodiscard]] inline running_event read_running(object_fields& o) {
    running_event e;
    e.job = o.need_name("job");
    o.read_whole("task", e.task, 0, max_log_tasks - 1);
    e.node = o.need_name("node");
    o.read("gpus", e.gpus);
    if (const json_value* v = o.take("mig")) {
        const field_path here = o.at("mig");
        object_fields slice{o.line(), *v, "a slice", &here};
        mig_slice& mig = e.mig.emplace();
        mig.profile = slice.need_name("profile");
        if (slice.need("offset") != nullptr) slice.read_whole("offset", mig.offset, 0, 63);
        slice.end();
    }
    return e;
}

[[nodiscard]] inline task_event read_task(object_fields& o, task_report report) {
    task_event e;
    e.report = report;
    e.job = o.need_name("job");
    o.read_whole("task", e.task, 0, max_log_tasks - 1);
    return e;
}

[[nodiscard]] inline progress_event read_progress(object_fields& o) {
    progress_event e;
    e.job = o.need_name("job");
    o.read_whole("task", e.task, 0, max_log_tasks - 1);
    e.rate = o.need_number("rate", 0.0);
    return e;
}

/// The event of that name.
[[nodiscard]] inline event read_named(object_fields& o, std::string_view name) {
    if (name == "format") return read_format(o);
    if (name == "node") return read_node(o);
    if (name == "node_gone") return node_gone_event{0, o.need_name("node")};
    if (name == "close") return read_place(o, place_change::close);
    if (name == "open") return read_place(o, place_change::open);
    if (name == "drain") return read_place(o, place_change::drain);
    if (name == "health") return read_health(o);
    if (name == "reading") return read_reading(o);
    if (name == "threshold") return read_threshold(o);
    if (name == "queue") return read_queue(o);
    if (name == "job") return read_job(o);
    if (name == "running") return read_running(o);
    if (name == "finish") return read_task(o, task_report::finish);
    if (name == "cancel") return read_task(o, task_report::cancel);
    if (name == "stopped") return read_task(o, task_report::stopped);
    if (name == "moved") return read_task(o, task_report::moved);
    if (name == "failed") return read_task(o, task_report::failed);
    if (name == "progress") return read_progress(o);
    if (name != "decide")
        o.refuse("event", error_code::unknown_name, sentence({"is ", shown(name), ", which is no event"}));
    return decide_event{};
}

}  // namespace berth::inline v0::io::detail
