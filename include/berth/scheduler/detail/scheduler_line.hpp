// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

// The line of jobs that wait.

namespace berth::inline v0 {

template <class Policies>
queued_job scheduler<Policies>::view(std::uint32_t j) const {
    const detail::job_record& r = records_[j];
    queued_job v;
    v.sequence = r.sequence;
    v.arrival = r.arrival;
    v.priority = r.priority;
    v.gpus = r.gpus;
    v.tasks = r.tasks;
    v.attained_seconds = r.attained_at(now_);
    v.running = r.runs();
    v.waited_seconds = v.running ? 0.0 : now_ - r.waiting_since;
    v.level = r.level;
    v.level_entry = r.level_entry;
    v.remaining_seconds = remaining(j, v.attained_seconds);
    return v;
}

template <class Policies>
double scheduler<Policies>::remaining(std::uint32_t j, double attained) const {
    const detail::job_record& r = records_[j];
    double left = job_terms::unknown;
    const task_index first = *cluster_.find(first_task(j));
    if (const expected_duration d = policies_.durations(first, model_index{}); d.known()) {
        left = d.seconds - attained;
    } else if (r.work == r.work) {
        left = (r.work - r.done_by(now_)) / (r.rate > 0.0 ? r.rate : 1.0);
    } else {
        left = r.duration - attained;
    }
    return left < 0.0 ? 0.0 : left;
}

template <class Policies>
task_handle scheduler<Policies>::first_task(std::uint32_t j) const {
    for (const detail::task_record& t : tasks_[j]) {
        if (t.activity != detail::task_activity::ended) return t.task;
    }
    return {};
}

template <class Policies>
void scheduler<Policies>::follow_levels() {
    if constexpr (levelled_order<order_type>) {
        for (std::uint32_t j = 0; j < records_.size(); ++j) {
            detail::job_record& r = records_[j];
            if (!jobs_.is_taken(j) || !r.runs()) continue;
            const std::uint32_t level = policies_.order.level(view(j));
            if (level == r.level) continue;
            r.level = level;
            r.level_entry = ++level_entries_;
            reordered_ = true;
        }
    }
}

template <class Policies>
void scheduler<Policies>::fill_line() {
    for (std::size_t i = 0; i < sleeping_.size();) {
        const detail::sleeping_job s = sleeping_[i];
        if (has(s.job) && s.until > now_) {
            ++i;
            continue;
        }
        sleeping_[i] = sleeping_.back();
        sleeping_.pop_back();
        if (!has(s.job)) continue;
        put_in_line(s.job.position());
        told_ = true;
        reordered_ = true;
    }
    if constexpr (ages<order_type>) {
        for (std::uint32_t j = 0; j < records_.size(); ++j) {
            if (jobs_.is_taken(j) && records_[j].demand != detail::no_position) put_in_line(j);
        }
    }
    for (std::size_t i = 0; i < to_queue_.size(); ++i) {
        const std::uint32_t j = to_queue_[i];
        if (j >= records_.size() || !jobs_.is_taken(j) || !records_[j].queued) continue;
        records_[j].queued = false;
        leave_line(j);
        if (records_[j].waiting == 0 || records_[j].claim != detail::no_position || is_leaving(j)) continue;
        if (records_[j].not_before > now_) {
            tell_delay(j);
        } else {
            enter_line(j);
        }
    }
    to_queue_.clear();
}

/// Some of its tasks are to stop: it is put in line again when they have stopped, or stay after all.
template <class Policies>
bool scheduler<Policies>::is_leaving(std::uint32_t j) const {
    for (const detail::task_record& t : tasks_[j]) {
        if (t.activity == detail::task_activity::stopping) return true;
    }
    return false;
}

template <class Policies>
void scheduler<Policies>::enter_line(std::uint32_t j) {
    detail::job_record& r = records_[j];
    r.grows = r.runs();
    if constexpr (levelled_order<order_type>) {
        if (r.level_entry == 0) r.level_entry = ++level_entries_;
    }
    list_waiting(j);
    if (r.grows) handles_.resize(1);
    r.demand = classes_.enter(handles_.view(), least_of(r), models_of(j), terms_of(j));
    if (by_turns_) {
        ask_for(r.grows ? 1 : least_of(r));
        classes_[r.demand].asked = asked_;
    }
    r.key = policies_.order(view(j));
    entered_.push_back(r.demand);
    heap_.insert(classes_[r.demand].first, j, [&](std::uint32_t a, std::uint32_t b) { return goes_first(a, b); });
    if (options_.waits == wait_reports::changes && !r.grows) classes_[r.demand].not_told.push_back(j);
    if constexpr (evicts || shares_out) {
        if (r.delay > 0.0 && now_ < r.may_evict_at() && !r.delayed) {
            r.delayed = true;
            sleeping_.push_back({r.may_evict_at(), handle(j)});
        }
    }
}

template <class Policies>
detail::class_terms scheduler<Policies>::terms_of(std::uint32_t j) const {
    detail::class_terms terms;
    terms.leaf = records_[j].leaf;
    terms.hard = !queues_.trivial() && !records_[j].preemptible;
    if constexpr (evicts || shares_out)
        terms.delayed = records_[j].delay > 0.0 && now_ < records_[j].may_evict_at() && !records_[j].grows;
    terms.rules = rules_for(j);
    if (terms.rules != nullptr) terms.rules_key = terms.rules->key();
    for (std::uint32_t other = 0; other < rules_.size(); ++other) {
        if (other != j && rules_[other] && rules_[other]->away.any() && names(rules_[other]->away, j))
            detail::append_bytes(terms.rules_key, other);
    }
    terms.mig_profile = records_[j].mig_profile;
    return terms;
}

template <class Policies>
std::size_t scheduler<Policies>::least_of(const detail::job_record& r) noexcept {
    return r.runs() ? 1 : r.min_tasks - r.running;
}

template <class Policies>
void scheduler<Policies>::list_waiting(std::uint32_t j) {
    handles_.clear();
    ordinals_.clear();
    for (std::uint32_t t = 0; t < records_[j].tasks; ++t) {
        if (tasks_[j][t].activity != detail::task_activity::waiting) continue;
        handles_.push_back(tasks_[j][t].task);
        ordinals_.push_back(t);
    }
}

template <class Policies>
std::uint64_t scheduler<Policies>::models_of(std::uint32_t j) const {
    const detail::job_record& r = records_[j];
    if (!r.same_model) return 0;
    const fleet& machines = cluster_.fleet();
    for (std::uint32_t t = 0; t < r.tasks; ++t) {
        const slot where = cluster_.where(tasks_[j][t].task);
        if (!where.placed() || where.gpus == 0) continue;
        const gpu_index first = machines.gpu(where.node, lowest_gpu(where.gpus));
        return std::uint64_t{1} << machines.model(first).value();
    }
    return ~std::uint64_t{0};
}

}  // namespace berth::inline v0
