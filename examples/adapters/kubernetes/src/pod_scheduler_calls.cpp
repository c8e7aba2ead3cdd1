// SPDX-License-Identifier: Apache-2.0
// What a pod_scheduler asks of the API server, and what it makes of the answers.
#include "pod_scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

namespace berth_kube {

namespace {

using berth::io::task_report;

std::string pod_path(const pod_object& pod) { return "/api/v1/namespaces/" + pod.space + "/pods/" + pod.name; }

std::string utc(double seconds) {
    const auto at = static_cast<std::time_t>(seconds);
    std::tm parts{};
    char text[32] = "";
    gmtime_r(&at, &parts);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

/// Seconds before the next attempt: 0.05, 0.1, 0.2, ..., at most 5.
double pause(std::size_t attempts) {
    return std::min(5.0, 0.05 * std::pow(2.0, static_cast<double>(std::min<std::size_t>(attempts, 10))));
}

}  // namespace

void pod_scheduler::bind(const pod_entry& entry, const seat& of, double not_before) {
    const pod_object& pod = entry.pod;
    json body{{"apiVersion", "v1"},
              {"kind", "Binding"},
              {"metadata", {{"name", pod.name}, {"namespace", pod.space}, {"uid", pod.uid}}},
              {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", of.place.node}}}};
    if (pod.gpus > 0) body["metadata"]["annotations"] = {{options_.names.gpus, write_positions(of.place.positions)}};
    ++counts_.bindings;
    sent_[++last_call_] = {pod.uid, call_kind::bind, of.place};
    calls_.push_back({last_call_, call_kind::bind, pod_path(pod) + "/binding", body.dump(), not_before});
}

void pod_scheduler::evict(pod_entry& entry, seat& of, seat_state as, double not_before) {
    const pod_object& pod = entry.pod;
    of.state = as;
    const json body{{"apiVersion", options_.eviction_version},
                    {"kind", "Eviction"},
                    {"metadata", {{"name", pod.name}, {"namespace", pod.space}}},
                    {"deleteOptions", {{"preconditions", {{"uid", pod.uid}}}}}};
    ++counts_.evictions;
    sent_[++last_call_] = {pod.uid, call_kind::evict, of.place};
    calls_.push_back({last_call_, call_kind::evict, pod_path(pod) + "/eviction", body.dump(), not_before});
}

void pod_scheduler::look(const pod_entry& entry, double not_before) {
    sent_[++last_call_] = {entry.pod.uid, call_kind::look, {}};
    calls_.push_back({last_call_, call_kind::look, pod_path(entry.pod), {}, not_before});
}

void pod_scheduler::note(const pod_entry& entry, const std::string& message, double now) {
    if (!options_.notes) return;
    const pod_object& pod = entry.pod;
    char suffix[32] = "";
    std::snprintf(suffix, sizeof suffix, ".%llx", static_cast<unsigned long long>((options_.wall_clock + now) * 1e6));
    const std::string at = utc(options_.wall_clock + now);
    const json body{
        {"apiVersion", "v1"},
        {"kind", "Event"},
        {"metadata", {{"name", pod.name + suffix}, {"namespace", pod.space}}},
        {"involvedObject",
         {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", pod.name}, {"namespace", pod.space}, {"uid", pod.uid}}},
        {"reason", "FailedScheduling"},
        {"message", message.substr(0, 1000)},
        {"type", "Warning"},
        {"count", 1},
        {"firstTimestamp", at},
        {"lastTimestamp", at},
        {"source", {{"component", options_.names.scheduler}}}};
    calls_.push_back({++last_call_, call_kind::note, "/api/v1/namespaces/" + pod.space + "/events",
                      body.dump(-1, ' ', false, json::error_handler_t::replace), 0.0});
}

void pod_scheduler::answered(double now, const api_answer& answer) {
    const auto found = sent_.find(answer.id);
    if (found == sent_.end()) return;
    const sent_call call = std::move(found->second);
    sent_.erase(found);
    const auto pod = pods_.find(call.pod);
    if (pod == pods_.end()) return;
    const double time = event_time(now);
    if (call.kind == call_kind::look) return look_answered(time, call.pod, answer);
    // It may have lost its seat since, or the seat its place.
    seat* of = seat_of(pod->second);
    if (of == nullptr || of->pod != call.pod) return;
    if (call.kind == call_kind::bind && of->state == seat_state::binding && of->place == call.place)
        bind_answered(time, pod->second, *of, answer);
    if (call.kind == call_kind::evict && (of->state == seat_state::stopping || of->state == seat_state::moving))
        evict_answered(time, pod->second, *of, answer);
}

void pod_scheduler::bind_answered(double now, pod_entry& entry, seat& of, const api_answer& answer) {
    if (answer.status >= 200 && answer.status < 300) return report_bound(now, entry, of);
    if (answer.status == 404) return pod_gone(now, std::string{entry.pod.uid});
    if (answer.status == 409) ++counts_.conflicts;
    if (answer.status == 0 || answer.status >= 500) ++counts_.unanswered;
    // Somebody else may have bound it, or this request may have been carried out although nobody said so.
    look(entry, answer.status == 409 ? now : now + pause(of.attempts));
}

void pod_scheduler::look_answered(double now, const std::string& uid, const api_answer& answer) {
    pod_entry& entry = pods_.at(uid);
    if (answer.status == 404) return pod_gone(now, uid);
    seat* of = seat_of(entry);
    const auto parsed = answer.status == 200
                            ? parse_json(answer.body)
                            : berth::result<json_value>{berth::error{berth::error_code::io, "no answer"}};
    auto pod = parsed ? read_pod(parsed->value, options_.names) : berth::result<pod_object>{parsed.error()};
    if (!pod) { return look(entry, now + pause(of == nullptr ? 10 : ++of->looks)); }
    if (pod->uid != uid) return pod_gone(now, uid);
    const bool unbound = pod->node.empty();
    if (of != nullptr) of->looks = 0;
    take_pod(now, std::move(*pod));
    const auto still = pods_.find(uid);
    of = still == pods_.end() ? nullptr : seat_of(still->second);
    if (unbound && of != nullptr && of->state == seat_state::binding) try_again(now, still->second, *of);
}

void pod_scheduler::try_again(double now, pod_entry& entry, seat& of) {
    if (++of.attempts < options_.bind_attempts) return bind(entry, of, now + pause(of.attempts));
    ++counts_.failed;
    of.state = seat_state::waiting;
    of.place = {};
    of.attempts = 0;
    if (of.wanted == seat_state::ended) return void(engine_.report(now, task_report::failed, entry.job, entry.task));
    // It was to leave again before it came: nothing runs there, so it has stopped.
    const seat_state wanted = std::exchange(of.wanted, seat_state::ended);
    if (wanted == seat_state::stopping)
        (void)engine_.report(now, task_report::stopped, entry.job, entry.task);
    else if (engine_.report(now, task_report::moved, entry.job, entry.task)) {
        of.place = of.target;
        of.state = seat_state::binding;
        bind(entry, of, now);
    }
}

void pod_scheduler::evict_answered(double now, pod_entry& entry, seat& of, const api_answer& answer) {
    if (answer.status >= 200 && answer.status < 300) return;  // the watch says when it is gone
    if (answer.status == 404) return pod_gone(now, std::string{entry.pod.uid});
    if (answer.status == 0) return evict(entry, of, of.state, now + pause(++of.attempts));
    // A disruption budget, or a fault: it stays, and the scheduler tries again later.
    of.state = seat_state::bound;
    (void)engine_.report(now, task_report::failed, entry.job, entry.task);
}

}  // namespace berth_kube
