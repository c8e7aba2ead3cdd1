// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/scheduler/detail/queue_events.hpp"
#include "berth/scheduler/scheduler_events.hpp"

// What events say of jobs.

// Length: one function for each event.

namespace berth::inline v0 {

inline std::optional<job_handle> scheduler_events::find_job(std::string_view name) const noexcept {
    const auto position = name.empty() ? std::nullopt : names_.find(name);
    return position ? std::optional{handle(static_cast<std::uint32_t>(*position))} : std::nullopt;
}
inline std::string_view scheduler_events::name(job_handle job) const noexcept {
    if (has(job)) return job.position() < names_.size() ? std::string_view{names_[job.position()]} : std::string_view{};
    for (const lost_name& lost : lost_names_) {
        if (lost.job == job) return lost.name;
    }
    return {};
}
inline std::vector<job_handle> scheduler_events::jobs() const {
    std::vector<job_handle> all;
    all.reserve(jobs_.taken());
    for (std::uint32_t j = 0; j < records_.size(); ++j) {
        if (jobs_.is_taken(j)) all.push_back(handle(j));
    }
    const auto sorted = detail::sorted_positions(
        all.size(), [&](std::size_t a, std::size_t b) { return at(all[a]).sequence < at(all[b]).sequence; });
    std::vector<job_handle> in_order;
    in_order.reserve(all.size());
    for (const std::size_t i : sorted) in_order.push_back(all[i]);
    return in_order;
}

inline bool scheduler_events::may_move(task_index task) const noexcept {
    if (!owner(task).valid()) return false;
    const detail::task_owner of = owners_[task.value()];
    const detail::task_record& t = tasks_[of.job][of.task];
    return records_[of.job].preemptible && rules_of(of.job) == nullptr && !is_shunned(of.job) &&
           !slices_.is_slice(task) && t.activity == detail::task_activity::running && t.not_before <= now_;
}

/// Nothing for a job that has ended.
inline result<std::optional<job_handle>> scheduler_events::find_job(const char* event, const job_ref& job) const {
    using detail::phrase;
    if (!job.named()) {
        if (!job.handle().valid() || job.handle().position() >= jobs_.size() ||
            job.handle().generation() > jobs_.generation(job.handle().position()))
            return detail::refuse(error_code::unknown_name, {"event ", event, ": there was no such job"});
        return has(job.handle()) ? std::optional{job.handle()} : std::nullopt;
    }
    if (const auto known = find_job(job.name())) return known;
    if (!job.name().empty() && ended_.find(job.name())) return std::optional<job_handle>{};
    return detail::refuse(error_code::unknown_name,
                          {"event ", event, ": job ", phrase::quoted(job.name()), " is unknown"});
}

inline result<void> scheduler_events::check_terms(std::string_view name, const job_terms& terms) const {
    const auto wrong = [&](const char* field, const char* expected) {
        return detail::refuse(error_code::invalid_value,
                              {"job ", detail::phrase::quoted(name), ": ", field, " is not ", expected});
    };
    if (terms.work <= 0.0 || terms.work == detail::never) return wrong("work", "a finite number above 0");
    if (terms.duration <= 0.0 || terms.duration == detail::never) return wrong("duration", "a finite number above 0");
    if (!(terms.delay >= 0.0 && terms.delay < detail::never)) return wrong("delay", "a finite number of 0 or more");
    if (const auto leaf = find_leaf(name, terms.queue); !leaf) return leaf.error();
    return check_rules(name, terms.place);
}
inline result<void> scheduler_events::check_name(std::string_view name) const {
    if (name.empty()) return {};
    const bool there = names_.find(name).has_value();
    if (!there && !ended_.find(name)) return {};
    return detail::refuse(error_code::duplicate,
                          {"job ", detail::phrase::quoted(name),
                           there ? ": there is a job of this name" : ": a job of this name has ended"});
}

inline result<job_handle> scheduler_events::job(double time, const job_description& described) {
    if (auto ok = check_time("job", time); !ok) return ok.error();
    if (auto ok = check_name(described.name); !ok) return ok.error();
    if (auto ok = check_terms(described.name, described.terms); !ok) return ok.error();
    const auto profile = find_profile(described);
    if (!profile) return profile.error();
    if (auto ok = admit_tasks(described); !ok) return ok.error();
    const std::size_t least = described.min_tasks == 0 ? admitted_.size() : described.min_tasks;
    take(event_kind::job, time);
    const std::uint32_t job =
        add_job(described.name, admitted_.view(), least, described.priority, described.terms, *profile);
    records_[job].same_model = described.same_model && admitted_.size() > 1;
    return handle(job);
}

/// `no_position` for a job that wants no slices.
inline result<std::uint32_t> scheduler_events::find_profile(const job_description& d) const {
    using detail::phrase;
    if (d.mig_profile.empty()) return detail::no_position;
    const auto refuse = [&](error_code code, detail::phrases why) {
        return error{code, detail::sentence({"job ", phrase::quoted(d.name), ": mig_profile "}, why)};
    };
    if (!d.alternatives.empty()) return refuse(error_code::inconsistent, {"is given beside alternatives"});
    bool gpus = d.tasks.empty() && (d.gpus > 1 || !d.gpu_demand.empty());
    for (const job_task& t : d.tasks) gpus = gpus || t.gpus > 1 || !t.gpu_demand.empty();
    if (gpus) return refuse(error_code::inconsistent, {"is given beside a demand of GPUs"});
    if (const auto known = slices_.find_profile(d.mig_profile)) return *known;
    return refuse(error_code::unknown_name, {phrase::quoted(d.mig_profile), " is on no board"});
}

/// Into `admitted_`; all or none.
inline result<void> scheduler_events::admit_tasks(const job_description& d) {
    using detail::phrase;
    const std::size_t count = d.tasks.empty() ? d.task_count : d.tasks.size();
    const auto wrong = [&](detail::phrases what) {
        std::string text = detail::sentence({"job ", phrase::quoted(d.name), ": "}, what);
        return error{error_code::invalid_value, std::move(text)};
    };
    if (count == 0) return wrong({"task_count is 0, expected 1 or more"});
    if (d.min_tasks > count) return wrong({"min_tasks is ", d.min_tasks, ", expected 0..", count});
    if (count > 1 && !d.alternatives.empty()) return wrong({"alternatives are for jobs of one task"});
    if (count > (std::size_t{1} << 20U)) return wrong({"tasks are ", count, ", expected at most 1048576"});
    std::string group;
    if (count > 1) group = detail::sentence({"job#", sequence_});
    admitted_.clear();
    // To the cluster a slice is one GPU of which nothing is taken.
    std::vector<amount> nothing;
    if (!d.mig_profile.empty()) nothing.assign(cluster_.fleet().schema().gpu.size(), 0);
    for (std::size_t i = 0; i < count; ++i) {
        task_description task{.gpus = d.gpus,
                              .gpu_demand = d.gpu_demand,
                              .node_demand = d.node_demand,
                              .domain_demand = d.domain_demand,
                              .accepted_models = d.accepted_models,
                              .same_model = d.same_model,
                              .group = group,
                              .gang = count > 1,
                              .min_tasks = count > 1 ? d.min_tasks : 0,
                              .priority = d.priority,
                              .state_bytes = d.state_bytes,
                              .speed = d.speed,
                              .alternatives = d.alternatives};
        if (!d.tasks.empty()) {
            task.gpus = d.tasks[i].gpus;
            task.gpu_demand = d.tasks[i].gpu_demand;
            task.node_demand = d.tasks[i].node_demand;
            task.domain_demand = d.tasks[i].domain_demand;
            task.accepted_models = d.tasks[i].accepted_models;
        }
        if (!d.mig_profile.empty()) {
            task.gpus = 1;
            task.gpu_demand = nothing;
            task.takes_nothing = true;
        }
        const auto admitted = cluster_.admit(task);
        if (!admitted) {
            for (const task_handle t : admitted_) (void)cluster_.retire(t);
            std::string text = detail::sentence({"job ", phrase::quoted(d.name), ": ", admitted.error().message});
            return error{admitted.error().code, std::move(text)};
        }
        admitted_.push_back(*admitted);
    }
    return {};
}

inline result<job_handle> scheduler_events::job_admitted(double time, task_handle task, const job_terms& terms) {
    const workload& work = cluster_.workload();
    const task_index t = *cluster_.find(task);
    const std::string_view name = work.name(t);
    if (auto ok = check_name(name); !ok) {
        error why = ok.error();  // before the name goes
        (void)cluster_.retire(task);
        return why;
    }
    take(event_kind::job, time);
    return handle(add_job(name, {&task, 1}, 1, work.priority(t), terms, detail::no_position));
}

inline std::uint32_t scheduler_events::add_job(std::string_view name, std::span<const task_handle> tasks,
                                               std::size_t least, int priority, const job_terms& terms,
                                               std::uint32_t mig_profile) {
    const auto position = static_cast<std::uint32_t>(jobs_.lowest_vacant());
    jobs_.take(position);
    if (records_.size() <= position) records_.resize(position + std::size_t{1}, {});
    if (tasks_.size() <= position) tasks_.resize(position + std::size_t{1});
    heap_.resize(records_.size());
    reclaimed_.resize(records_.size());
    if (!name.empty()) names_.assign(position, name);
    detail::job_record& j = records_[position];
    j = detail::job_record{};
    j.sequence = sequence_++;
    j.arrival = j.waiting_since = now_;
    j.priority = priority;
    j.preemptible = terms.preemptible;
    j.restart = terms.restart;
    j.tasks = j.waiting = static_cast<std::uint32_t>(tasks.size());
    j.min_tasks = static_cast<std::uint32_t>(least);
    j.work = terms.work;
    j.duration = terms.duration;
    j.delay = terms.delay;
    j.leaf = *find_leaf(name, terms.queue);
    j.mig_profile = mig_profile;
    keep_rules(position, terms.place);
    if (!terms.job_class.empty()) j.job_class = static_cast<std::uint32_t>(class_names_.intern(terms.job_class));
    for (std::uint32_t i = 0; i < tasks.size(); ++i) {
        const task_index t = *cluster_.find(tasks[i]);
        tasks_.push_back(position, {.task = tasks[i]});
        if (owners_.size() <= t.value()) owners_.resize(t.value() + 1);
        owners_[t.value()] = {position, i};
        const demand_view demand = cluster_.workload().demand(t);
        const amount share = demand.gpus == 0 ? 0 : demand.gpu[0];
        const auto each = static_cast<double>(share < whole_gpu ? share : whole_gpu) / static_cast<double>(whole_gpu);
        j.gpus += each * static_cast<double>(demand.gpus);
        slices_.admit(t, mig_profile);
        j.gpus += static_cast<double>(slices_.share(mig_profile)) / static_cast<double>(whole_gpu);
    }
    note_amounts(position);
    put_in_line(position);
    return position;
}

inline result<bool> scheduler_events::running(double time, const job_ref& job, std::uint32_t task, const slot& where) {
    return observe(time, job, task, where, detail::no_offset);
}
inline result<bool> scheduler_events::running_slice(double time, const job_ref& job, std::uint32_t task,
                                                    const place_ref& gpu, std::uint32_t offset) {
    if (auto ok = check_time("running", time); !ok) return ok.error();
    const auto place = find_place("running", gpu);
    if (!place) return place.error();
    if (!place->gpu.valid() || place->gone || offset == detail::no_offset)
        return detail::refuse(error_code::invalid_value, {"event running: a slice is on a GPU, at an offset"});
    return observe(time, job, task, cluster_.find(place->gpu), offset);
}
/// `offset` is none for what is no slice.
inline result<bool> scheduler_events::observe(double time, const job_ref& job, std::uint32_t task, const slot& where,
                                              std::uint32_t offset) {
    if (auto ok = check_time("running", time); !ok) return ok.error();
    const auto found = find_job("running", job);
    if (!found) return found.error();
    if (!*found) {
        take(event_kind::running, time);
        return duplicate();
    }
    const std::uint32_t j = (*found)->position();
    const auto refuse = [&](detail::phrases why) {
        return error{error_code::invalid_value,
                     detail::sentence(
                         {"event running: job ", detail::phrase::quoted(name(**found)), " task ", task, ": "}, why)};
    };
    if (task >= records_[j].tasks) return refuse({"there is no such task"});
    detail::task_record& t = tasks_.at(j, task);
    if (t.activity == detail::task_activity::ended) {
        take(event_kind::running, time);
        return duplicate();
    }
    const task_index at = *cluster_.find(t.task);
    const bool is_slice = slices_.is_slice(at);
    if (is_slice != (offset != detail::no_offset))
        return refuse({is_slice ? "it is a slice, and no offset is given" : "it is no slice"});
    if (cluster_.slots()[at.value()] == where && t.activity != detail::task_activity::waiting &&
        slices_.offset(at) == offset) {
        take(event_kind::running, time);
        return duplicate();
    }
    // Which of its demands it runs with is not told, but what has as many GPUs may be it.
    const std::size_t gpus = gpu_count(where.gpus);
    const auto others = cluster_.alternatives(at);
    std::size_t alternative = 0;
    if (others.empty()) {
        if (cluster_.workload().demand(at).gpus != gpus) return refuse({"it wants another number of GPUs"});
    } else {
        while (alternative < others.size() && cluster_.workload().demand(others[alternative].shape).gpus != gpus)
            ++alternative;
        if (alternative == others.size()) return refuse({"it wants another number of GPUs"});
    }
    // A node that is gone keeps its number of GPUs.
    if (!cluster_.fleet().has(where, gpus) || !cluster_.fleet().present(where.node))
        return refuse({"there is no such place"});
    if (is_slice && !slices_.is_legal(slices_.of(at).profile, where, offset))
        return refuse({"the GPU has no position for its profile at offset ", offset});
    take(event_kind::running, time);
    bool occupied = false;
    if (t.activity != detail::task_activity::waiting) {
        if (t.activity == detail::task_activity::moving) {
            --moves_in_flight_;
            t.activity = detail::task_activity::running;
            victim_gone(t, true);  // it is not where it was
        }
        const task_handle h = t.task;
        (void)cluster_.release(h);
        forget_target(h);
        slices_.set_offset(at, offset);
        occupied = cluster_.occupy(h, where, alternative);
    } else {
        slices_.set_offset(at, offset);
        occupied = cluster_.occupy(t.task, where, alternative);
        task_started(j, task);
        note_short(j);
        if (records_[j].claim != detail::no_position) dissolve(records_[j].claim);
        put_in_line(j);
    }
    BERTH_ASSERT(occupied, "berth: scheduler_events::running: a place that is there takes a task");
    (void)occupied;
    note_overcommitment(where.node);
    if (places_.why_leave(where) != nullptr) relief_due_ = true;
    if (is_slice && slices_.trouble(at) != nullptr) relief_due_ = true;
    return true;
}
inline result<bool> scheduler_events::running(double time, const job_ref& job, std::uint32_t task,
                                              std::string_view node, std::span<const std::string_view> gpus) {
    if (auto ok = check_time("running", time); !ok) return ok.error();
    const auto place = find_place("running", node);
    if (!place) return place.error();
    slot where{*cluster_.find(place->node), 0};
    for (const std::string_view gpu : gpus) {
        const auto one = find_place("running", {node, gpu});
        if (!one) return one.error();
        if (gpu.empty()) return detail::refuse(error_code::unknown_name, {"event running: a GPU has no name"});
        where.gpus |= cluster_.find(one->gpu).gpus;
    }
    if (gpu_count(where.gpus) != gpus.size())
        return detail::refuse(error_code::duplicate, {"event running: a GPU is listed twice"});
    return running(time, job, task, where);
}

inline result<bool> scheduler_events::end(event_kind kind, double time, const job_ref& job, std::uint32_t task) {
    return report(kind, time, job, task, [this](std::uint32_t j, std::uint32_t t) {
        if (tasks_.at(j, t).activity == detail::task_activity::ended) return false;
        end_task(j, t);
        return true;
    });
}

/// Does something for a task of a job, or for all; false and counted as a duplicate if it has an effect on none.
template <class Act>
result<bool> scheduler_events::report(event_kind kind, double time, const job_ref& job, std::uint32_t task, Act act) {
    if (auto ok = check_time(to_string(kind), time); !ok) return ok.error();
    const auto found = find_job(to_string(kind), job);
    if (!found) return found.error();
    if (!*found) {
        take(kind, time);
        return duplicate();
    }
    const std::uint32_t j = (*found)->position();
    const std::uint32_t tasks = records_[j].tasks;
    if (task != every_task && task >= tasks)
        return detail::refuse(error_code::unknown_name, {"event ", to_string(kind), ": job ",
                                                         detail::phrase::quoted(name(**found)), " has no task ", task});
    take(kind, time);
    bool any = false;
    const std::uint32_t first = task == every_task ? 0 : task;
    const std::uint32_t last = task == every_task ? tasks : task + 1;
    for (std::uint32_t t = first; t < last; ++t) any = act(j, t) || any;
    if (records_[j].waiting + records_[j].running == 0) remove_job(j);
    return any ? true : duplicate();
}

inline result<bool> scheduler_events::progress(double time, const job_ref& job, double rate) {
    if (!(rate >= 0.0 && rate < detail::never))
        return detail::refuse(error_code::invalid_value, {"event progress: rate is not a finite number of 0 or more"});
    return report(event_kind::progress, time, job, every_task, [&](std::uint32_t j, std::uint32_t t) {
        detail::job_record& r = records_[j];
        if (t != 0 || !r.runs()) return false;
        r.rate = rate;
        r.rate_known = true;
        settle_time(r);
        return true;
    });
}
inline result<bool> scheduler_events::stopped(double time, const job_ref& job, std::uint32_t task) {
    return report(event_kind::stopped, time, job, task, [this](std::uint32_t j, std::uint32_t t) {
        if (tasks_.at(j, t).activity != detail::task_activity::stopping) return false;
        (void)cluster_.release(tasks_.at(j, t).task);
        task_stopped(j, t);
        return true;
    });
}
inline result<bool> scheduler_events::moved(double time, const job_ref& job, std::uint32_t task) {
    return report(event_kind::moved, time, job, task, [this](std::uint32_t j, std::uint32_t t) {
        if (tasks_.at(j, t).activity != detail::task_activity::moving) return false;
        finish_move(tasks_.at(j, t).task);
        move_ended(j, t, true);
        return true;
    });
}
inline result<bool> scheduler_events::failed(double time, const job_ref& job, std::uint32_t task) {
    return report(event_kind::failed, time, job, task, [this](std::uint32_t j, std::uint32_t t) {
        detail::task_record& of = tasks_.at(j, t);
        switch (of.activity) {
            case detail::task_activity::moving:
                cancel_move(of.task);
                move_ended(j, t, false);
                return true;
            case detail::task_activity::stopping:
                note_amounts(j);
                of.activity = detail::task_activity::running;
                of.not_before = now_ + back_off(of.failures++);
                victim_gone(of, false);
                note_short(j);
                if (records_[j].waiting > 0) put_in_line(j);
                return true;
            case detail::task_activity::running: return start_failed(j, t);
            case detail::task_activity::waiting:
            case detail::task_activity::ended: return false;
        }
        return false;
    });
}
inline bool scheduler_events::start_failed(std::uint32_t job, std::uint32_t task) {
    detail::task_record& t = tasks_.at(job, task);
    if (!t.started) return false;
    const std::uint32_t failures = t.failed_starts++;
    (void)cluster_.release(t.task);
    task_stopped(job, task);
    sleep(job, now_ + back_off(failures));
    return true;
}

inline std::string_view scheduler_events::name(const wait_count& reason) const noexcept {
    const resource_schema& schema = cluster_.fleet().schema();
    const auto named = [&](const std::vector<std::string>& counters) {
        return reason.counter < counters.size() ? std::string_view{counters[reason.counter]} : std::string_view{};
    };
    if (reason.reason == wait_reason::node_counter) return named(schema.node);
    if (reason.reason == wait_reason::domain_counter) return named(schema.domain);
    if (reason.reason != wait_reason::gpu_counter) return to_string(reason.reason);
    if (reason.counter == 0) return "gpu";
    return reason.counter == cluster_.fleet().roles().gpu_memory ? "gpu_memory" : named(schema.gpu);
}

}  // namespace berth::inline v0
