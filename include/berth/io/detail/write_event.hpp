// SPDX-License-Identifier: Apache-2.0
#pragma once

// Length: one function for each event and decision of the format.

#include "berth/io/detail/json_text.hpp"
#include "berth/io/event_log_decisions.hpp"
#include "berth/io/event_log_events.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::io::detail {

/// Writes events and decisions, each as one object.
class event_writer {
public:
    explicit event_writer(std::string& to) : json_{to} {}

    void write(const format_event& e, std::string_view name) {
        json_.open('{');
        json_.pair("event", name);
        json_.pair("version", 1);
        maybe("note", e.note);
        maybe("source", e.source);
        if (e.acknowledge_from_log) json_.pair("acknowledge", *e.acknowledge_from_log ? "log" : "auto");
        maybe("policy", e.policy);
        if (e.consolidate || e.spread || e.grace) {
            json_.key("options");
            json_.open('{');
            maybe("consolidate", e.consolidate);
            if (e.spread) json_.pair("placement", *e.spread ? "spread" : "pack");
            maybe("grace", e.grace);
            json_.close('}');
        }
        json_.close('}');
    }
    void write(const node_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("node", e.node);
        maybe("capacity", e.capacity);
        if (!e.gpus.empty()) {
            json_.key("gpus");
            json_.open('[');
            for (const gpu_entry& one : e.gpus) write_gpu(one);
            json_.close(']');
        }
        if (!e.domains.empty()) {
            json_.key("domains");
            json_.open('{');
            for (const auto& [level, domain] : e.domains) json_.pair(level, domain);
            json_.close('}');
        }
        maybe("labels", e.labels);
        json_.close('}');
    }
    void write(const node_gone_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("node", e.node);
        json_.close('}');
    }
    void write(const place_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("node", e.node);
        maybe("gpu", e.gpu);
        json_.close('}');
    }
    void write(const health_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("node", e.node);
        maybe("gpu", e.gpu);
        json_.pair("healthy", e.healthy);
        maybe("reason", e.reason);
        json_.close('}');
    }
    void write(const reading_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("node", e.node);
        maybe("gpu", e.gpu);
        maybe("load", e.load);
        maybe("temperature", e.temperature);
        maybe("power", e.power);
        maybe("memory", e.memory);
        maybe("age", e.age);
        json_.close('}');
    }
    void write(const threshold_event& e, std::string_view name) {
        begin(e.time, name);
        maybe("node", e.node);
        maybe("gpu", e.gpu);
        maybe("temperature", e.temperature);
        maybe("power", e.power);
        maybe("load", e.load);
        json_.close('}');
    }
    void write(const queue_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("queue", e.queue);
        maybe("parent", e.parent);
        if (e.unlimited_quota) {
            json_.key("quota");
            json_.null();
        } else {
            maybe("quota", e.quota);
        }
        maybe("limit", e.limit);
        unless_default("weight", e.weight, 1.0);
        unless_default("priority", e.priority, 0);
        if (e.min_runtime_preempt || e.min_runtime_reclaim) {
            json_.key("min_runtime");
            json_.open('{');
            maybe("preempt", e.min_runtime_preempt);
            maybe("reclaim", e.min_runtime_reclaim);
            json_.close('}');
        }
        maybe("usage", e.usage);
        json_.close('}');
    }
    void write(const job_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("job", e.job);
        maybe("queue", e.queue);
        unless_default("priority", e.priority, 0);
        unless_default("preemptible", e.preemptible, true);
        if (e.task_list.empty()) unless_default("tasks", e.tasks, 1U);
        if (!e.task_list.empty()) write_task_list(e);
        maybe("min_tasks", e.min_tasks);
        if (e.alternatives.empty() && e.speed == 1.0) write_demand(e.demand, {});
        if (!e.alternatives.empty() || e.speed != 1.0) write_alternatives(e);
        unless_default("same_model", e.same_model, false);
        if (!e.required_labels.empty() || !e.excluded_labels.empty() || !e.preferred_labels.empty()) {
            json_.key("labels");
            json_.open('{');
            maybe("required", e.required_labels);
            maybe("excluded", e.excluded_labels);
            maybe("preferred", e.preferred_labels);
            json_.close('}');
        }
        if (e.within_required || e.within_preferred) {
            json_.key("within");
            json_.open('{');
            maybe("required", e.within_required);
            maybe("preferred", e.within_preferred);
            json_.close('}');
        }
        maybe("apart", e.apart);
        write_affinity("near", e.near);
        write_affinity("away", e.away);
        maybe("mig", e.mig);
        maybe("class", e.job_class);
        maybe("work", e.work);
        maybe("duration", e.duration);
        maybe("state_bytes", e.state_bytes);
        unless_default("restart", e.restart, true);
        maybe("delay", e.delay);
        json_.close('}');
    }
    void write(const running_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("job", e.job);
        unless_default("task", e.task, 0U);
        json_.pair("node", e.node);
        maybe("gpus", e.gpus);
        write_slice(e.mig);
        json_.close('}');
    }
    void write(const task_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("job", e.job);
        maybe("task", e.task);
        json_.close('}');
    }
    void write(const progress_event& e, std::string_view name) {
        begin(e.time, name);
        json_.pair("job", e.job);
        maybe("task", e.task);
        json_.pair("rate", e.rate);
        json_.close('}');
    }
    void write(const decide_event& e, std::string_view name) {
        begin(e.time, name);
        json_.close('}');
    }
    void write(const expectation& e, std::string_view name) {
        json_.open('{');
        json_.key(name);
        write_expectation(e);
        json_.close('}');
    }

    void write(const start_decision& d, std::string_view name) {
        decided(d.time, name, d.job);
        json_.pair("task", d.task);
        write_place(d.place);
        write_slice(d.mig);
        json_.close('}');
    }
    void write(const evict_decision& d, std::string_view name) {
        decided(d.time, name, d.job);
        json_.pair("task", d.task);
        write_place(d.place);
        maybe("for", d.for_job);
        json_.pair("reason", d.reason);
        json_.close('}');
    }
    void write(const move_decision& d, std::string_view name) {
        decided(d.time, name, d.job);
        json_.pair("task", d.task);
        json_.key("from");
        json_.open('{');
        write_place(d.from);
        write_slice(d.from_mig);
        json_.close('}');
        json_.key("to");
        json_.open('{');
        write_place(d.to);
        write_slice(d.to_mig);
        json_.close('}');
        json_.pair("wave", d.wave);
        json_.pair("reason", d.reason);
        json_.close('}');
    }
    void write(const wait_decision& d, std::string_view name) {
        decided(d.time, name, d.job);
        json_.key("reasons");
        json_.open('{');
        for (const auto& [reason, places] : d.reasons) json_.pair(reason, places);
        json_.close('}');
        if (d.nearest_node) {
            json_.key("nearest");
            json_.open('{');
            json_.pair("node", *d.nearest_node);
            json_.key("missing");
            write_amounts(d.missing);
            json_.close('}');
        }
        maybe("at", d.at);
        json_.close('}');
    }
    void write(const lost_decision& d, std::string_view name) {
        decided(d.time, name, d.job);
        json_.pair("task", d.task);
        json_.pair("reason", d.reason);
        json_.close('}');
    }

private:
    void begin(double time, std::string_view name) {
        json_.open('{');
        json_.pair("event", name);
        json_.pair("time", time);
    }
    void decided(double time, std::string_view name, const std::string& job) {
        json_.open('{');
        json_.pair("decision", name);
        json_.pair("time", time);
        json_.pair("job", job);
    }

    template <class Value>
    void maybe(std::string_view key, const std::optional<Value>& value) {
        if (value) json_.pair(key, *value);
    }
    void maybe(std::string_view key, const std::vector<std::string>& names) {
        if (names.empty()) return;
        json_.key(key);
        write_names(names);
    }
    void maybe(std::string_view key, const counter_amounts& amounts) {
        if (amounts.empty()) return;
        json_.key(key);
        write_amounts(amounts);
    }
    void maybe(std::string_view key, const std::vector<counter_quota>& quotas) {
        if (quotas.empty()) return;
        json_.key(key);
        json_.open('{');
        for (const counter_quota& one : quotas) {
            json_.key(one.counter);
            if (one.value) json_.value(*one.value);
            if (!one.value) json_.null();
        }
        json_.close('}');
    }
    template <class Value>
    void unless_default(std::string_view key, const Value& value, const Value& usual) {
        if (value != usual) json_.pair(key, value);
    }

    void write_names(const std::vector<std::string>& names) {
        json_.open('[');
        for (const std::string& one : names) json_.value(one);
        json_.close(']');
    }
    void write_amounts(const counter_amounts& amounts) {
        json_.open('{');
        for (const counter_amount& one : amounts) json_.pair(one.counter, one.value);
        json_.close('}');
    }
    void write_place(const log_place& place) {
        json_.pair("node", place.node);
        json_.key("gpus");
        write_names(place.gpus);
    }
    void write_slice(const std::optional<mig_slice>& slice) {
        if (!slice) return;
        json_.key("mig");
        json_.open('{');
        json_.pair("profile", slice->profile);
        json_.pair("offset", slice->offset);
        json_.close('}');
    }
    void write_gpu(const gpu_entry& gpu) {
        json_.open('{');
        json_.pair("gpu", gpu.gpu);
        maybe("model", gpu.model);
        maybe("capacity", gpu.capacity);
        if (!gpu.links.empty()) {
            json_.key("links");
            json_.open('{');
            for (const auto& [to, score] : gpu.links) json_.pair(to, score);
            json_.close('}');
        }
        maybe("numa", gpu.numa);
        if (gpu.mig_board) {
            json_.key("mig");
            json_.open('{');
            json_.pair("board", *gpu.mig_board);
            json_.close('}');
        }
        json_.close('}');
    }
    /// The keys in which a demand differs from what the reader takes for those that are absent.
    void write_demand(const task_demand& demand, const task_demand& absent) {
        unless_default("gpus", demand.gpus, absent.gpus);
        if (demand.gpu_demand != absent.gpu_demand) {
            json_.key("gpu_demand");
            write_amounts(demand.gpu_demand);
        }
        if (demand.node_demand != absent.node_demand) {
            json_.key("node_demand");
            write_amounts(demand.node_demand);
        }
        if (demand.accepted_models != absent.accepted_models) {
            json_.key("accepted_models");
            write_names(demand.accepted_models);
        }
    }
    /// Beside alternatives the job's own demand is the first of them, so tasks of a list have nothing to inherit.
    void write_task_list(const job_event& e) {
        const bool inherited = e.alternatives.empty() && e.speed == 1.0;
        json_.key("tasks");
        json_.open('[');
        for (const task_demand& one : e.task_list) {
            json_.open('{');
            write_demand(one, inherited ? e.demand : task_demand{});
            json_.close('}');
        }
        json_.close(']');
    }
    void write_alternatives(const job_event& e) {
        json_.key("alternatives");
        json_.open('[');
        write_alternative(e.demand, e.speed);
        for (const task_alternative& one : e.alternatives) write_alternative(one.demand, one.speed);
        json_.close(']');
    }
    void write_alternative(const task_demand& demand, double speed) {
        json_.open('{');
        write_demand(demand, {});
        unless_default("speed", speed, 1.0);
        json_.close('}');
    }
    void write_affinity(std::string_view key, const std::optional<job_affinity>& affinity) {
        if (!affinity) return;
        json_.key(key);
        json_.open('{');
        maybe("jobs", affinity->jobs);
        maybe("class", affinity->job_class);
        json_.pair("level", affinity->level);
        json_.close('}');
    }
    void write_names_of_jobs(std::string_view key, const std::vector<expectation::names_of_job>& jobs) {
        if (jobs.empty()) return;
        json_.key(key);
        json_.open('{');
        for (const auto& [job, names] : jobs) {
            json_.key(job);
            write_names(names);
        }
        json_.close('}');
    }
    template <class Value>
    void write_pairs(std::string_view key, const std::vector<std::pair<std::string, Value>>& pairs) {
        if (pairs.empty()) return;
        json_.key(key);
        json_.open('{');
        for (const auto& [job, value] : pairs) json_.pair(job, value);
        json_.close('}');
    }
    void write_expectation(const expectation& e) {
        json_.open('{');
        maybe("running", e.running);
        maybe("waiting", e.waiting);
        maybe("evicted", e.evicted);
        maybe("moved", e.moved);
        maybe("stopped", e.stopped);
        maybe("lost", e.lost);
        write_names_of_jobs("on", e.on);
        if (!e.same_node.empty()) {
            json_.key("same_node");
            json_.open('[');
            for (const auto& jobs : e.same_node) write_names(jobs);
            json_.close(']');
        }
        if (!e.apart.empty()) {
            json_.key("apart");
            json_.open('[');
            for (const auto& [jobs, level] : e.apart) {
                json_.open('[');
                write_names(jobs);
                json_.value(level);
                json_.close(']');
            }
            json_.close(']');
        }
        write_pairs("tasks", e.tasks);
        write_pairs("started_at", e.started_at);
        if (e.at_most_evicted || e.at_most_moved) {
            json_.key("at_most");
            json_.open('{');
            maybe("evicted", e.at_most_evicted);
            maybe("moved", e.at_most_moved);
            json_.close('}');
        }
        write_names_of_jobs("models", e.models);
        write_names_of_jobs("gpus", e.gpus);
        write_names_of_jobs("reasons", e.reasons);
        if (!e.any_of.empty()) {
            json_.key("any_of");
            json_.open('[');
            for (const expectation& one : e.any_of) write_expectation(one);
            json_.close(']');
        }
        json_.close('}');
    }

    json_writer json_;
};

}  // namespace berth::inline v0::io::detail
