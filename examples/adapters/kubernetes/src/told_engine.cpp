// SPDX-License-Identifier: Apache-2.0
#include "told_engine.hpp"

#include <berth/io/event_log_writer.hpp>
#include <berth/queue/orders.hpp>
#include <berth/scheduler/scheduler_policies.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace berth_kube {

namespace {

using berth::amount;
namespace io = berth::io;

constexpr std::size_t fixed_counters = 3;
constexpr std::size_t most_counters = 200;
// Longer than anything runs: a job that must not evict waits for its turn instead.
constexpr double never_evicts = 1e9;

std::string gpu_name(const std::string& node, std::size_t position) { return node + "/" + std::to_string(position); }

std::vector<std::string> gpu_names(const named_place& place) {
    std::vector<std::string> found;
    for (const std::size_t position : place.positions) found.push_back(gpu_name(place.node, position));
    return found;
}

}  // namespace

told_engine::told_engine(told_options options) : options_{std::move(options)} {
    for (const char* name : {"cpu", "memory", "pods"}) {
        counter_of_.emplace(name, counters_.size());
        counters_.push_back({.name = name, .users = 1});
    }
    counters_.resize(fixed_counters + std::max<std::size_t>(options_.spare, 1));
    start_engine();
    io::format_event format;
    if (!options_.source.empty()) format.source = options_.source;
    format.acknowledge_from_log = true;
    format.policy = options_.preempt ? "preempting" : "berth";
    log(format);
    // Most pods ask for nothing but a node without taints.
    (void)take_counter(0.0, placement_rule{}.text(), nullptr);
    counters_[fixed_counters].rule = placement_rule{};
    pending_ = false;
}

void told_engine::start_engine() {
    berth::resource_schema schema;
    schema.node.clear();
    for (std::size_t i = 0; i < counters_.size(); ++i)
        schema.node.push_back(i < fixed_counters ? counters_[i].name : "spare-" + std::to_string(i));
    const berth::scheduler_options options{.acknowledge = berth::acknowledgement::reported,
                                           .back_off = options_.back_off};
    if (options_.preempt) {
        engine_.emplace(berth::scheduler_policies<>{}.with_preemption(berth::for_priority{}), schema, options);
    } else {
        engine_.emplace(berth::scheduler_policies<>{}, schema, options);
    }
}

// ---- counters -------------------------------------------------------------------------------------------------------

amount told_engine::capacity(const node_object& node, const counter& of) const {
    if (of.name.empty()) return berth::max_amount;
    if (of.rule) return of.rule->selects(node) && of.rule->untolerated(node) == nullptr ? berth::max_amount : 0;
    const auto found = node.allocatable.find(of.name);
    return found == node.allocatable.end() ? 0 : found->second;
}

std::vector<amount> told_engine::capacities(const node_object& node) const {
    std::vector<amount> found;
    for (const counter& one : counters_) found.push_back(capacity(node, one));
    return found;
}

std::optional<std::size_t> told_engine::find_counter(std::string_view name) const {
    const auto found = counter_of_.find(name);
    return found == counter_of_.end() ? std::nullopt : std::optional{found->second};
}

std::size_t told_engine::take_counter(double time, const std::string& name, const placement_rule* rule) {
    if (const auto known = find_counter(name)) return ++counters_[*known].users, *known;
    const auto is_spare = [](const counter& one) { return one.users == 0; };
    auto spare = std::find_if(counters_.begin(), counters_.end(), is_spare);
    if (spare == counters_.end()) {
        if (counters_.size() >= most_counters) return most_counters;
        const std::size_t first = counters_.size();
        counters_.resize(std::min(2 * first, most_counters));
        renew(time);
        spare = counters_.begin() + static_cast<std::ptrdiff_t>(first);
    }
    const auto at = static_cast<std::size_t>(spare - counters_.begin());
    const counter before = *spare;
    if (!before.name.empty()) counter_of_.erase(before.name);
    *spare = {.name = name, .rule = rule ? std::optional{*rule} : std::nullopt, .users = 1};
    counter_of_.emplace(name, at);
    for (const auto& [node, described] : nodes_) {
        const bool changed = capacity(described, before) != capacity(described, *spare);
        if (changed) (void)tell_node(time, described);
        if (changed || must_declare(described, *spare)) log_node(time, described);
    }
    return at;
}

/// A counter that no place declares would be nobody's: the first node declares it in any case.
bool told_engine::must_declare(const node_object& node, const counter& of) const {
    return !of.name.empty() && (!of.rule || capacity(node, of) == 0 || !declared_.contains(of.name));
}

void told_engine::release_counters(const kept_task& task) {
    --counters_[task.rule].users;
    for (const auto& [resource, value] : task.requests) {
        if (const auto at = find_counter(resource); at && *at >= fixed_counters) --counters_[*at].users;
    }
}

void told_engine::renew(double time) {
    ++renewals_;
    start_engine();
    for (const auto& [name, described] : nodes_) {
        (void)tell_node(time, described);
        if (!described.ready) (void)engine_->health(time, name, false);
        if (described.drain) (void)engine_->drain(time, name);
        if (described.unschedulable && !described.drain) (void)engine_->close(time, name);
    }
    std::vector<const kept_job*> in_order;
    for (const auto& [name, job] : jobs_) in_order.push_back(&job);
    std::sort(in_order.begin(), in_order.end(),
              [](const kept_job* a, const kept_job* b) { return a->sequence < b->sequence; });
    for (const kept_job* job : in_order) {
        if (!tell_job(time, *job)) continue;
        for (std::uint32_t t = 0; t < job->tasks.size(); ++t) {
            const kept_task& task = job->tasks[t];
            if (task.is == activity::ended) (void)engine_->finish(time, job->name, t);
            if (task.is != activity::running) continue;
            const std::vector<std::string> names = gpu_names(task.where);
            const std::vector<std::string_view> gpus{names.begin(), names.end()};
            (void)engine_->running(time, job->name, t, task.where.node, gpus);
        }
    }
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

berth::result<void> told_engine::tell_node(double time, const node_object& node) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < node.gpus; ++i) names.push_back(gpu_name(node.name, i));
    std::vector<berth::gpu_description> gpus;
    for (const std::string& name : names) gpus.push_back({.model = node.model, .uuid = name});
    const std::vector<amount> capacity = capacities(node);
    const auto told =
        engine_->node(time, berth::node_description{.name = node.name, .capacity = capacity, .gpus = gpus});
    return told ? berth::result<void>{} : berth::result<void>{told.error()};
}

void told_engine::tell_state(double time, const node_object& node, const node_object* before) {
    const bool was_ready = before == nullptr || before->ready;
    const auto state = [](const node_object& one) { return one.drain ? 2 : one.unschedulable ? 1 : 0; };
    const int old_state = before == nullptr ? 0 : state(*before);
    if (node.ready != was_ready && engine_->health(time, node.name, node.ready)) {
        log(io::health_event{.time = time,
                             .node = node.name,
                             .healthy = node.ready,
                             .reason = node.ready ? std::nullopt : std::optional<std::string>{"not Ready"}});
    }
    if (state(node) == old_state) return;
    const auto tell = [&](io::place_change change) {
        switch (change) {
            case io::place_change::open: (void)engine_->open(time, node.name); break;
            case io::place_change::close: (void)engine_->close(time, node.name); break;
            case io::place_change::drain: (void)engine_->drain(time, node.name); break;
        }
        log(io::place_event{.time = time, .change = change, .node = node.name});
    };
    if (old_state != 0) tell(io::place_change::open);
    if (state(node) != 0) tell(state(node) == 2 ? io::place_change::drain : io::place_change::close);
}

void told_engine::log_node(double time, const node_object& node) {
    pending_ = true;
    if (!options_.events) return;
    io::node_event e{.time = time, .node = node.name};
    for (const counter& one : counters_) {
        if (!must_declare(node, one)) continue;
        e.capacity.push_back({one.name, capacity(node, one)});
        declared_.insert(one.name);
    }
    for (std::size_t i = 0; i < node.gpus; ++i) {
        e.gpus.push_back(
            {.gpu = gpu_name(node.name, i), .model = node.model.empty() ? std::nullopt : std::optional{node.model}});
    }
    log(e);
}

berth::result<void> told_engine::node(double time, const node_object& described) {
    const auto found = nodes_.find(described.name);
    if (found != nodes_.end() && found->second == described) return {};
    if (auto told = tell_node(time, described); !told) return told;
    const node_object before = found == nodes_.end() ? node_object{} : found->second;
    const bool joins = found == nodes_.end();
    nodes_[described.name] = described;
    auto& held = held_[described.name];
    held.resize(std::max(held.size(), described.gpus));
    if (joins || capacities(before) != capacities(described) || before.gpus != described.gpus ||
        before.model != described.model)
        log_node(time, described);
    tell_state(time, described, joins ? nullptr : &before);
    return {};
}

void told_engine::node_gone(double time, const std::string& name) {
    if (nodes_.erase(name) == 0) return;
    held_.erase(name);
    (void)engine_->node_gone(time, name);
    log(io::node_gone_event{.time = time, .node = name});
}

std::vector<std::string> told_engine::node_names() const {
    std::vector<std::string> found;
    for (const auto& [name, described] : nodes_) found.push_back(name);
    return found;
}

std::vector<std::size_t> told_engine::free_positions(const std::string& node, std::size_t wanted) const {
    std::vector<std::size_t> found;
    const auto held = held_.find(node);
    const auto described = nodes_.find(node);
    if (held == held_.end() || described == nodes_.end()) return found;
    for (std::size_t i = 0; i < described->second.gpus && found.size() < wanted; ++i) {
        if (held->second[i] == 0) found.push_back(i);
    }
    return found;
}

// ---- jobs -----------------------------------------------------------------------------------------------------------

std::vector<amount> told_engine::demand_of(const kept_task& task) const {
    std::vector<amount> found(counters_.size());
    for (const auto& [resource, value] : task.requests) {
        if (const auto at = find_counter(resource)) found[*at] = value;
    }
    found[task.rule] = 1;
    return found;
}

berth::result<void> told_engine::tell_job(double time, const kept_job& job) {
    std::vector<std::vector<amount>> demands;
    for (const kept_task& task : job.tasks) demands.push_back(demand_of(task));
    std::vector<berth::job_task> tasks;
    for (std::size_t t = 0; t < job.tasks.size(); ++t)
        tasks.push_back({.gpus = job.tasks[t].gpus, .node_demand = demands[t]});
    berth::job_description described{.name = job.name,
                                     .priority = job.priority,
                                     .terms = {.preemptible = job.preemptible,
                                               .restart = job.restart,
                                               .delay = job.may_preempt || !options_.preempt ? 0.0 : never_evicts}};
    if (tasks.size() == 1) {
        described.gpus = tasks.front().gpus;
        described.node_demand = tasks.front().node_demand;
    } else {
        described.tasks = tasks;
    }
    const auto told = engine_->job(time, described);
    return told ? berth::result<void>{} : berth::result<void>{told.error()};
}

void told_engine::log_job(double time, const kept_job& job) {
    pending_ = true;
    if (!options_.events) return;
    const auto demand = [&](const kept_task& task) {
        io::task_demand found{.gpus = static_cast<std::uint32_t>(task.gpus)};
        const std::vector<amount> wanted = demand_of(task);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (wanted[i] != 0) found.node_demand.push_back({counters_[i].name, wanted[i]});
        }
        return found;
    };
    io::job_event e{.time = time,
                    .job = job.name,
                    .priority = job.priority,
                    .preemptible = job.preemptible,
                    .restart = job.restart};
    if (!job.may_preempt && options_.preempt) e.delay = never_evicts;
    if (job.tasks.size() == 1) {
        e.demand = demand(job.tasks.front());
    } else {
        e.tasks = static_cast<std::uint32_t>(job.tasks.size());
        for (const kept_task& task : job.tasks) e.task_list.push_back(demand(task));
    }
    log(e);
}

berth::result<void> told_engine::job(double time, const told_job& described) {
    kept_job job{.name = described.name,
                 .priority = described.priority,
                 .preemptible = described.preemptible,
                 .restart = described.restart,
                 .may_preempt = described.may_preempt,
                 .sequence = sequence_++};
    std::string failure;
    for (const pod_object* pod : described.pods) {
        kept_task task{.requests = pod->requests, .gpus = pod->gpus};
        for (const auto& [resource, value] : pod->requests) {
            const auto at = find_counter(resource);
            if (at && *at < fixed_counters) continue;
            if (take_counter(time, resource, nullptr) == most_counters) failure = resource;
        }
        task.rule = take_counter(time, pod->rule.text(), &pod->rule);
        if (task.rule == most_counters) failure = pod->rule.text(), task.rule = 0, ++counters_[0].users;
        job.tasks.push_back(std::move(task));
    }
    berth::result<void> told;
    if (!failure.empty()) {
        told = berth::error{berth::error_code::limit_exceeded,
                            "no more than " + std::to_string(most_counters - fixed_counters) +
                                " different resources and placement rules at a time; one too many: " + failure};
    } else {
        told = tell_job(time, job);
    }
    if (!told) {
        for (const kept_task& task : job.tasks) release_counters(task);
        return told;
    }
    log_job(time, job);
    jobs_.emplace(described.name, std::move(job));
    return {};
}

bool told_engine::has_task(const std::string& job, std::uint32_t task) const {
    const auto found = jobs_.find(job);
    return found != jobs_.end() && task < found->second.tasks.size() && found->second.tasks[task].is != activity::ended;
}

void told_engine::occupy(const named_place& where, int sign) {
    const auto held = held_.find(where.node);
    if (held == held_.end()) return;
    for (const std::size_t position : where.positions) {
        if (position < held->second.size()) held->second[position] += sign;
    }
}

void told_engine::set_activity(kept_task& task, activity is, named_place where) {
    if (task.is == activity::running) occupy(task.where, -1);
    task.is = is;
    task.where = std::move(where);
    task.moving_to = {};
    if (is == activity::running) occupy(task.where, 1);
}

void told_engine::end_task(kept_job& job, kept_task& task) {
    if (task.is == activity::ended) return;
    set_activity(task, activity::ended, {});
    release_counters(task);
    const bool over =
        std::all_of(job.tasks.begin(), job.tasks.end(), [](const kept_task& one) { return one.is == activity::ended; });
    if (over) jobs_.erase(std::string{job.name});
}

void told_engine::log_running(double time, const std::string& job, std::uint32_t task, const named_place& where) {
    log(io::running_event{.time = time, .job = job, .task = task, .node = where.node, .gpus = gpu_names(where)});
}

berth::result<void> told_engine::running(double time, const std::string& job, std::uint32_t task,
                                         const named_place& where) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || task >= found->second.tasks.size())
        return berth::error{berth::error_code::unknown_name, "there is no such task of job \"" + job + "\""};
    const std::vector<std::string> names = gpu_names(where);
    const std::vector<std::string_view> gpus{names.begin(), names.end()};
    const auto told = engine_->running(time, job, task, where.node, gpus);
    if (!told) return told.error();
    set_activity(found->second.tasks[task], activity::running, where);
    if (*told) log_running(time, job, task, where);
    return {};
}

bool told_engine::report(double time, io::task_report what, const std::string& job, std::uint32_t task) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end() || task >= found->second.tasks.size()) return false;
    const auto waiting = [&] {
        const auto handle = engine_->find_job(job);
        return handle ? engine_->waiting(*handle) : 0;
    };
    const std::size_t waited = waiting();
    berth::result<bool> told{false};
    switch (what) {
        case io::task_report::finish: told = engine_->finish(time, job, task); break;
        case io::task_report::cancel: told = engine_->cancel(time, job, task); break;
        case io::task_report::stopped: told = engine_->stopped(time, job, task); break;
        case io::task_report::moved: told = engine_->moved(time, job, task); break;
        case io::task_report::failed: told = engine_->failed(time, job, task); break;
    }
    if (!told) return false;
    if (*told) log(io::task_event{.time = time, .report = what, .job = job, .task = task});
    kept_task& kept = found->second.tasks[task];
    switch (what) {
        case io::task_report::finish:
        case io::task_report::cancel: end_task(found->second, kept); break;
        case io::task_report::stopped:
            if (*told) set_activity(kept, activity::waiting, {});
            break;
        case io::task_report::moved:
            if (*told) set_activity(kept, activity::running, named_place{kept.moving_to});
            break;
        case io::task_report::failed:
            kept.moving_to = {};
            if (waiting() > waited) set_activity(kept, activity::waiting, {});
            break;
    }
    return *told;
}

// ---- decisions ------------------------------------------------------------------------------------------------------

named_place told_engine::named(const berth::slot& where) const {
    named_place found;
    if (!where.placed()) return found;
    found.node = engine_->cluster().fleet().name(where.node);
    for (berth::gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const std::string& uuid = engine_->cluster().uuid(where.node, berth::lowest_gpu(rest));
        std::size_t position = 0;
        std::from_chars(uuid.data() + uuid.rfind('/') + 1, uuid.data() + uuid.size(), position);
        found.positions.push_back(position);
    }
    std::sort(found.positions.begin(), found.positions.end());
    return found;
}

std::string told_engine::name_of(const berth::wait_count& reason) const {
    if (reason.reason != berth::wait_reason::node_counter || reason.counter >= counters_.size())
        return std::string{engine_->name(reason)};
    return counters_[reason.counter].name;
}

/// What it means that a node has too little of a counter.
std::string told_engine::shortage(std::size_t at) const {
    if (at >= counters_.size()) return "no room";
    return counters_[at].rule ? "not \"" + counters_[at].name + "\"" : "too little " + counters_[at].name + " free";
}

std::string told_engine::text_of(std::span<const berth::wait_count> reasons) const {
    const auto words = [&](const berth::wait_count& one) -> std::string {
        switch (one.reason) {
            case berth::wait_reason::never: return "could not take it if empty";
            case berth::wait_reason::no_room: return "no room";
            case berth::wait_reason::model: return "fewer GPUs";
            case berth::wait_reason::closed: return "cordoned or drained";
            case berth::wait_reason::unhealthy: return "not ready";
            case berth::wait_reason::held: return "held for another pod";
            case berth::wait_reason::gang: return "no room for the whole group";
            case berth::wait_reason::delay: return "waits after a failure";
            case berth::wait_reason::limit: return "its queue has as much as it may have";
            case berth::wait_reason::quota: return "its queue is guaranteed no more, and it may not be evicted";
            case berth::wait_reason::label: return "lacks a label";
            case berth::wait_reason::topology: return "no domain with room for the whole group";
            case berth::wait_reason::apart: return "too few domains with room";
            case berth::wait_reason::node_counter: return shortage(one.counter);
            case berth::wait_reason::gpu_counter:
            case berth::wait_reason::domain_counter: break;
        }
        return "too few GPUs free";
    };
    std::string text;
    for (const berth::wait_count& one : reasons)
        text += (text.empty() ? "" : ", ") + words(one) + " (" + std::to_string(one.places) + ")";
    return std::to_string(nodes_.size()) + (nodes_.size() == 1 ? " node" : " nodes") + (text.empty() ? "" : ": ") +
           text;
}

std::string told_engine::explain(const std::string& job) {
    const auto handle = engine_->find_job(job);
    if (!handle) return "there is no such job";
    const berth::why_not why = engine_->explain(*handle);
    std::string text;
    const auto add = [&](const std::string& words, std::size_t count) {
        if (count > 0) text += (text.empty() ? "" : ", ") + words + " (" + std::to_string(count) + ")";
    };
    add("not ready", why[berth::refusal::health]);
    add("fewer GPUs", why[berth::refusal::gpu_model] + why.too_few_gpus);
    add("too few GPUs free", why[berth::refusal::gpu_share] + why[berth::refusal::whole_gpus] - why.too_few_gpus);
    for (std::size_t i = 0; i < why.node_counters.size(); ++i) add(shortage(i), why.node_counters[i]);
    add("no room for the whole group", why[berth::refusal::group]);
    add("cordoned, drained or held", why[berth::refusal::admission]);
    add("it may start at once", why.fitting);
    return std::to_string(why.nodes) + (why.nodes == 1 ? " node" : " nodes") + (text.empty() ? "" : ": ") + text +
           (why.never() ? "; none could take it if it were empty" : "");
}

std::vector<named_decision> told_engine::decide(double time) {
    std::vector<named_decision> found;
    const auto decided = engine_->decide(time);
    pending_ = false;
    if (!decided) return found;
    for (const berth::decision& d : *decided) {
        named_decision one{
            .kind = d.kind, .job = std::string{engine_->name(d.job)}, .task = d.task, .reason = d.reason};
        named_place from;
        if (d.kind == berth::decision_kind::wait) {
            one.reason = text_of(d.reasons);
        } else if (d.kind != berth::decision_kind::lost) {
            one.where = named(d.where);
            from = named(d.from);
        }
        if (d.beneficiary.valid()) one.beneficiary = engine_->name(d.beneficiary);
        log_decision(time, one, from, d.reasons, d.wave);
        if (const auto job = jobs_.find(one.job); job != jobs_.end() && d.task < job->second.tasks.size()) {
            kept_task& task = job->second.tasks[d.task];
            if (d.kind == berth::decision_kind::start) set_activity(task, activity::running, one.where);
            if (d.kind == berth::decision_kind::move) task.moving_to = one.where;
            if (d.kind == berth::decision_kind::lost && job->second.restart) set_activity(task, activity::waiting, {});
            if (d.kind == berth::decision_kind::lost && !job->second.restart) end_task(job->second, task);
        }
        found.push_back(std::move(one));
    }
    return found;
}

// ---- logs -----------------------------------------------------------------------------------------------------------

void told_engine::log(const io::event& e) {
    pending_ = true;
    if (!options_.events) return;
    std::string line;
    io::append_event(line, e);
    options_.events(line);
}

void told_engine::log_decision(double time, const named_decision& d, const named_place& from,
                               std::span<const berth::wait_count> reasons, std::uint32_t wave) {
    if (!options_.decisions) return;
    const io::log_place where{d.where.node, gpu_names(d.where)};
    io::decision line;
    switch (d.kind) {
        case berth::decision_kind::start: line = io::start_decision{time, d.job, d.task, where, {}}; break;
        case berth::decision_kind::evict:
            line = io::evict_decision{
                time,    d.job, d.task, where, d.beneficiary.empty() ? std::nullopt : std::optional{d.beneficiary},
                d.reason};
            break;
        case berth::decision_kind::move:
            line = io::move_decision{time, d.job, d.task, {from.node, gpu_names(from)}, where, wave, d.reason};
            break;
        case berth::decision_kind::lost: line = io::lost_decision{time, d.job, d.task, d.reason}; break;
        case berth::decision_kind::wait: {
            io::wait_decision wait{time, d.job, {}, {}, {}, {}};
            for (const berth::wait_count& one : reasons) wait.reasons.emplace_back(name_of(one), one.places);
            line = std::move(wait);
            break;
        }
    }
    std::string text;
    io::append_decision(text, line);
    options_.decisions(text);
}

}  // namespace berth_kube
