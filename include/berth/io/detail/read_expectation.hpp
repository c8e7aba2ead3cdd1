// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/detail/object_fields.hpp"
#include "berth/io/event_log_events.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::io::detail {

inline void read_names_of_jobs(object_fields& o, std::string_view key, std::vector<expectation::names_of_job>& to) {
    const json_value* v = o.take(key);
    if (v == nullptr) return;
    const field_path here = o.at(key);
    o.each_key(*v, here, [&](const std::string& job, const json_value& names, const field_path& path) {
        to.emplace_back(job, o.names(names, path));
    });
}

[[nodiscard]] inline expectation read_expectation(object_fields& o) {
    expectation e;
    o.read("running", e.running);
    o.read("waiting", e.waiting);
    o.read("evicted", e.evicted);
    o.read("moved", e.moved);
    o.read("stopped", e.stopped);
    o.read("lost", e.lost);
    read_names_of_jobs(o, "on", e.on);
    read_names_of_jobs(o, "models", e.models);
    read_names_of_jobs(o, "gpus", e.gpus);
    read_names_of_jobs(o, "reasons", e.reasons);
    if (const json_value* v = o.take("same_node")) {
        const field_path here = o.at("same_node");
        o.each_item(*v, here, "a list of lists of jobs", [&](const json_value& jobs, const field_path& path) {
            e.same_node.push_back(o.names(jobs, path));
        });
    }
    if (const json_value* v = o.take("apart")) {
        const field_path here = o.at("apart");
        o.each_item(
            *v, here, "a list of pairs of jobs and a level", [&](const json_value& one, const field_path& path) {
                if (one.is != json_value::kind::list || one.items.size() != 2)
                    return o.line().refuse(path, error_code::malformed, "is no pair of a list of jobs and a level");
                const field_path jobs{&path, {}, 0};
                const field_path level{&path, {}, 1};
                e.apart.emplace_back(o.names(one.items[0], jobs), o.name(one.items[1], level));
            });
    }
    if (const json_value* v = o.take("tasks")) {
        const field_path here = o.at("tasks");
        o.each_key(*v, here, [&](const std::string& job, const json_value& count, const field_path& path) {
            e.tasks.emplace_back(job, static_cast<std::uint32_t>(o.whole(count, path, 0, max_log_tasks)));
        });
    }
    if (const json_value* v = o.take("started_at")) {
        const field_path here = o.at("started_at");
        o.each_key(*v, here, [&](const std::string& job, const json_value& time, const field_path& path) {
            e.started_at.emplace_back(job, o.number(time, path, 0.0, no_limit));
        });
    }
    if (const json_value* v = o.take("at_most")) {
        const field_path here = o.at("at_most");
        object_fields most{o.line(), *v, "the highest counts", &here};
        most.read_whole("evicted", e.at_most_evicted, 0, std::numeric_limits<std::int64_t>::max());
        most.read_whole("moved", e.at_most_moved, 0, std::numeric_limits<std::int64_t>::max());
        most.end();
    }
    if (const json_value* v = o.take("any_of")) {
        const field_path here = o.at("any_of");
        o.each_item(*v, here, "a list of expectations", [&](const json_value& one, const field_path& path) {
            object_fields inner{o.line(), one, "an expectation", &path};
            e.any_of.push_back(read_expectation(inner));
            inner.end();
        });
        if (v->items.empty()) o.refuse("any_of", error_code::invalid_value, "is empty, so that none of it can hold");
    }
    return e;
}

}  // namespace berth::inline v0::io::detail
