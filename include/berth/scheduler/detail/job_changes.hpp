// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_events.hpp"

// What happens to jobs and their tasks, whatever the cause.

// Length: one function for each change.

namespace berth::inline v0 {

/// Counts the time that a job has run until now.
inline void scheduler_events::settle_time(detail::job_record& job) noexcept {
    job.attained = job.attained_at(now_);
    job.done = job.done_by(now_);
    job.since = job.done_at = now_;
}

inline void scheduler_events::task_started(std::uint32_t job, std::uint32_t task) {
    detail::job_record& j = records_[job];
    detail::task_record& t = tasks_.at(job, task);
    settle_time(j);
    note_amounts(job);
    t.activity = detail::task_activity::running;
    t.failures = 0;
    --j.waiting;
    ++j.running;
    if (!j.runs()) return;
    if (j.running == j.min_tasks) j.runs_since = now_;
    j.short_since = detail::never;
    j.told = 0;
}

/// A task has lost its place, by an eviction, a failure or a node that left: it waits.
inline void scheduler_events::task_stopped(std::uint32_t job, std::uint32_t task) {
    detail::job_record& j = records_[job];
    detail::task_record& t = tasks_.at(job, task);
    settle_time(j);
    note_amounts(job);
    if (t.activity == detail::task_activity::moving) --moves_in_flight_;
    victim_gone(t, true);
    t.activity = detail::task_activity::waiting;
    forget_target(t.task);
    t.started = false;
    if (j.runs() || j.running == 1) j.waiting_since = now_;
    --j.running;
    ++j.waiting;
    if (j.running == 0) {
        j.short_since = detail::never;
        j.rate_known = false;
    } else {
        note_short(job);
    }
    room_freed_ = true;
    put_in_line(job);
}

inline void scheduler_events::end_task(std::uint32_t job, std::uint32_t task) {
    detail::job_record& j = records_[job];
    detail::task_record& t = tasks_.at(job, task);
    settle_time(j);
    note_amounts(job);
    if (t.activity == detail::task_activity::moving) --moves_in_flight_;
    victim_gone(t, true);
    if (t.activity == detail::task_activity::waiting) {
        --j.waiting;
    } else {
        --j.running;
    }
    t.activity = detail::task_activity::ended;
    owners_[t.task.position()] = {};
    (void)cluster_.retire(t.task);
    if (const std::uint32_t left = j.waiting + j.running; j.min_tasks > left && left > 0) j.min_tasks = left;
    room_freed_ = true;
    if (j.waiting > 0 || j.demand != detail::no_position) put_in_line(job);
}

/// A job is gone; its tasks have ended.
inline void scheduler_events::remove_job(std::uint32_t job) {
    leave_line(job);
    note_amounts(job);
    if (records_[job].claim != detail::no_position) dissolve(records_[job].claim);
    if (names_.size() > job && !names_[job].empty()) {
        bool mentioned = false;  // by a decision that nobody has seen yet
        if (!answered_) {
            for (const decision& d : decided_) mentioned = mentioned || d.job == handle(job);
        }
        if (mentioned) lost_names_.push_back({handle(job), names_[job]});
        if (options_.remembered > 0) {
            if (ended_.size() > ended_next_ && !ended_[ended_next_].empty()) ended_.erase(ended_next_);
            ended_.assign(ended_next_, names_[job]);
            ended_next_ = (ended_next_ + 1) % options_.remembered;
        }
        names_.erase(job);
    }
    if (job < rules_.size()) rules_[job].reset();
    tasks_.clear(job);
    reclaimed_.clear(job);
    jobs_.vacate(job);
}

inline bool scheduler_events::start_move(task_handle task, const slot& to, std::uint32_t offset) {
    const auto t = cluster_.find(task);
    if (!t || !slices_.is_slice(*t)) return cluster_.begin_move(task, to);
    // Until it has moved it holds both positions; one that overlaps another is where nothing can be.
    const task_index without = slices_.trouble(*t) != nullptr ? *t : task_index{};
    if (!slices_.allows(slices_.of(*t).profile, to, offset, without)) return false;
    if (cluster_.slots()[t->value()] != to && !cluster_.begin_move(task, to)) return false;
    slices_.set_target(*t, offset);
    return true;
}
inline void scheduler_events::finish_move(task_handle task) {
    const task_index t = *cluster_.find(task);
    if (slices_.is_slice(t)) slices_.set_offset(t, slices_.of(t).target);
    end_move(task, true);
}
inline void scheduler_events::cancel_move(task_handle task) { end_move(task, false); }
inline void scheduler_events::end_move(task_handle task, bool arrived) {
    const task_index t = *cluster_.find(task);
    const bool in_place = slices_.moves_in_place(t);
    forget_target(task);
    if (!in_place) {
        (void)(arrived ? cluster_.finish_move(task) : cluster_.cancel_move(task));
        return;
    }
    // There is other room on the node, which only the cluster can tell others.
    const slot where = cluster_.slots()[t.value()];
    (void)cluster_.release(task);
    (void)cluster_.occupy(task, where);
}
inline void scheduler_events::forget_target(task_handle task) noexcept {
    if (const auto t = cluster_.find(task)) slices_.set_target(*t, detail::no_offset);
}
inline void scheduler_events::put_back(task_handle task, const slot& where, std::size_t alternative,
                                       std::uint32_t offset) {
    (void)cluster_.occupy(task, where, alternative);
    if (const auto t = cluster_.find(task)) slices_.set_offset(*t, offset);
}

/// A move has ended, at its target or where it began.
inline void scheduler_events::move_ended(std::uint32_t job, std::uint32_t task, bool arrived) {
    detail::task_record& t = tasks_.at(job, task);
    t.activity = detail::task_activity::running;
    --moves_in_flight_;
    relief_due_ = true;
    room_freed_ = true;
    victim_gone(t, arrived);
    if (arrived) {
        t.failures = 0;
        return;
    }
    t.not_before = now_ + back_off(t.failures++);
    if (t.not_before < move_again_at_ || move_again_at_ <= now_) move_again_at_ = t.not_before;
    // The steps after it were planned with its room.
    planned_.clear();
}

/// A job that runs with fewer tasks than its least is listed, once, from the moment it does.
inline void scheduler_events::note_short(std::uint32_t job) {
    detail::job_record& j = records_[job];
    if (j.running == 0 || j.runs() || j.short_since != detail::never) return;
    j.short_since = now_;
    for (const job_handle known : short_) {
        if (known == handle(job)) return;
    }
    short_.push_back(handle(job));
}

/// A task that was to leave for a claim, if it was to leave for any, is gone or stays after all.
inline void scheduler_events::victim_gone(detail::task_record& victim, bool stopped) {
    for (detail::claim_record& c : claims_) {
        if (c.serial != victim.claim || victim.claim == detail::no_position) continue;
        if (c.pending > 0) --c.pending;
        c.broken = c.broken || !stopped;
    }
    victim.claim = detail::no_position;
}

/// A claim is met or given up: its nodes are free for others.
inline void scheduler_events::dissolve(std::uint32_t claim) {
    for (std::size_t i = 0; i < held_.size();) {
        if (held_[i].claim != claim) {
            ++i;
            continue;
        }
        const node_handle node = held_[i].node;
        for (std::size_t k = i + 1; k < held_.size(); ++k) held_[k - 1] = held_[k];
        held_.pop_back();
        if (!cluster_.find(node)) continue;
        --places_.of(node).holds;
        apply(node);
    }
    for (std::size_t i = 0; i < claims_.size(); ++i) {
        if (claims_[i].serial != claim) continue;
        records_[claims_[i].job].claim = detail::no_position;
        note_amounts(claims_[i].job);
        for (std::size_t k = i + 1; k < claims_.size(); ++k) claims_[k - 1] = claims_[k];
        claims_.pop_back();
        break;
    }
}

inline void scheduler_events::leave_line(std::uint32_t job) {
    detail::job_record& j = records_[job];
    if (j.demand == detail::no_position) return;
    heap_.erase(classes_[j.demand].first, job, [&](std::uint32_t a, std::uint32_t b) { return goes_first(a, b); });
    classes_.leave(j.demand);
    j.demand = detail::no_position;
}

/// It is put in line, or in another line, before the next decision.
inline void scheduler_events::put_in_line(std::uint32_t job) {
    if (records_[job].queued) return;
    records_[job].queued = true;
    to_queue_.push_back(job);
}
inline void scheduler_events::sleep(std::uint32_t job, double until) {
    records_[job].not_before = until;
    sleeping_.push_back({until, handle(job)});
}
inline double scheduler_events::back_off(std::uint32_t failures) const noexcept {
    return options_.back_off * static_cast<double>(std::uint64_t{1} << (failures < 6 ? failures : 6U));
}

/// The order of jobs in line: those below their least tasks before those that grow, then by the queue's order.
inline bool scheduler_events::goes_first(std::uint32_t a, std::uint32_t b) const noexcept {
    const detail::job_record& x = records_[a];
    const detail::job_record& y = records_[b];
    // In a queue a higher priority grows before a lower one starts.
    if (!by_turns_ && x.grows != y.grows) return y.grows;
    if (const int c = compare(x.key, y.key); c != 0) return c < 0;
    if (x.grows != y.grows) return y.grows;
    if (const int c = detail::compare_keys(x.arrival, y.arrival); c != 0) return c < 0;
    return x.sequence < y.sequence;
}

inline void scheduler_events::tell(decision_kind kind, std::uint32_t job, std::uint32_t task, const slot& where,
                                   const char* reason) {
    if (answered_) {
        decided_.clear();
        reason_texts_.clear();
        answered_ = false;
    }
    decision d;
    d.kind = kind;
    d.time = now_;
    d.job = handle(job);
    d.task = task;
    d.where = where;
    d.reason = reason;
    const std::uint32_t profile = records_[job].mig_profile;
    if (profile != detail::no_position && kind != decision_kind::wait) {
        d.mig_profile = slices_.profile(profile).name;
        if (const auto t = cluster_.find(tasks_.at(job, task).task); t && where.placed())
            d.mig_offset = slices_.offset(*t);
    }
    decided_.push_back(d);
}

}  // namespace berth::inline v0
