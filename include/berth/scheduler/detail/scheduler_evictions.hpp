// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

// Who leaves for whom.

namespace berth::inline v0 {

template <class Policies>
bool scheduler<Policies>::make_room(std::uint32_t j, std::uint32_t c) {
    if constexpr (!evicts) {
        return false;
    } else {
        const detail::job_record& r = records_[j];
        if (r.grows || now_ < r.arrival + r.delay) return false;
        list_running();
        const queued_job claimant = view(j);
        if constexpr (follows_order<preemption_type>) {
            if (running_.empty()) return false;
            const victim& last = running_[last_running_];
            if (!policies_.preemption(claimant, r.key, view(last.job), last.key)) return false;
        }
        sort_running();
        released_.clear();
        evicted_.clear();
        bool placed = false;
        classes_.failed(c);
        for (std::size_t i = running_.size(); i-- > 0 && !placed;) {
            const std::uint32_t v = running_[i].job;
            if (!may_evict(v) || !policies_.preemption(claimant, r.key, view(v), running_[i].key)) continue;
            release_all(v);
            evicted_.push_back(v);
            placed = classes_.may_start(c) && place_job(j);
            if (!placed) classes_.failed(c);
        }
        if (!placed) {
            restore();
            return false;
        }
        give_back();
        commit_evictions(j);
        return true;
    }
}

template <class Policies>
void scheduler<Policies>::list_running() {
    if (running_listed_) return;
    running_listed_ = true;
    running_sorted_ = false;
    running_.clear();
    last_running_ = 0;
    for (std::uint32_t j = 0; j < records_.size(); ++j) {
        if (!jobs_.is_taken(j) || records_[j].running == 0 || !records_[j].preemptible) continue;
        running_.push_back({j, policies_.order(view(j))});
        if (goes_earlier(running_[last_running_], running_.back())) last_running_ = running_.size() - 1;
    }
}

template <class Policies>
bool scheduler<Policies>::goes_earlier(const victim& a, const victim& b) const noexcept {
    const detail::job_record& x = records_[a.job];
    const detail::job_record& y = records_[b.job];
    if (const int order = compare(a.key, b.key); order != 0) return order < 0;
    if (const int order = detail::compare_keys(x.arrival, y.arrival); order != 0) return order < 0;
    return x.sequence < y.sequence;
}

template <class Policies>
void scheduler<Policies>::sort_running() {
    if (running_sorted_) return;
    running_sorted_ = true;
    const auto sorted = detail::sorted_positions(
        running_.size(), [&](std::size_t a, std::size_t b) { return goes_earlier(running_[a], running_[b]); });
    unsorted_.swap(running_);
    running_.clear();
    for (const std::size_t i : sorted) running_.push_back(unsorted_[i]);
    last_running_ = running_.empty() ? 0 : running_.size() - 1;
}

template <class Policies>
bool scheduler<Policies>::may_evict(std::uint32_t v) const {
    if (!jobs_.is_taken(v) || records_[v].running == 0 || !records_[v].preemptible || !all_run(v)) return false;
    for (const detail::task_record& t : tasks_[v]) {
        if (t.activity == detail::task_activity::running && t.not_before > now_) return false;
    }
    return true;
}

template <class Policies>
void scheduler<Policies>::release_all(std::uint32_t v) {
    for (std::uint32_t t = 0; t < records_[v].tasks; ++t) {
        const detail::task_record& record = tasks_[v][t];
        if (record.activity != detail::task_activity::running) continue;
        released_.push_back(released(v, t));
    }
}

/// Releases a task, and says where it was.
template <class Policies>
auto scheduler<Policies>::released(std::uint32_t j, std::uint32_t task) -> released_task {
    const task_handle h = tasks_[j][task].task;
    const released_task was{j, task, cluster_.where(h), cluster_.alternative(h), slices_.offset(*cluster_.find(h))};
    (void)cluster_.release(h);
    return was;
}

template <class Policies>
void scheduler<Policies>::put_back_released() {
    for (const released_task& was : released_)
        put_back(tasks_[was.job][was.task].task, was.where, was.alternative, was.offset);
}
template <class Policies>
void scheduler<Policies>::restore() {
    put_back_released();
    released_.clear();
}

template <class Policies>
void scheduler<Policies>::give_back() {
    for (std::size_t e = evicted_.size(); e-- > 0;) {
        std::size_t back = 0;
        bool all = true;
        for (const released_task& was : released_) {
            if (was.job != evicted_[e] || !all) continue;
            const task_index t = *cluster_.find(tasks_[was.job][was.task].task);
            const auto others = cluster_.alternatives(t);
            const shape_index shape = others.empty() ? cluster_.workload().shape(t) : others[was.alternative].shape;
            all = cluster_.ledger().has_room(cluster_.workload().demand(shape), was.where);
            if (all && is_sliced(was.job)) all = slices_.allows(records_[was.job].mig_profile, was.where, was.offset);
            if (!all) continue;
            put_back(tasks_[was.job][was.task].task, was.where, was.alternative, was.offset);
            ++back;
        }
        if (!all) {
            for (const released_task& was : released_) {
                if (was.job != evicted_[e] || back == 0) continue;
                (void)cluster_.release(tasks_[was.job][was.task].task);
                --back;
            }
            continue;
        }
        std::size_t kept = 0;
        for (const released_task& was : released_) {
            if (was.job != evicted_[e]) released_[kept++] = was;
        }
        released_.resize(kept);
        for (std::size_t i = e + 1; i < evicted_.size(); ++i) evicted_[i - 1] = evicted_[i];
        evicted_.pop_back();
    }
}

template <class Policies>
void scheduler<Policies>::commit_evictions(std::uint32_t j) {
    const job_handle claimant = handle(j);
    const bool reported = options_.acknowledge == acknowledgement::reported;
    const auto leaving = static_cast<std::uint32_t>(released_.size());
    if (reported) {
        claimed_ = placed_;
        take_back(j);
    }
    restore();
    const std::uint32_t claim = reported ? hold_for(j) : detail::no_position;
    for (const std::uint32_t v : evicted_) stop_job(v, claim, "order", claimant);
    if (!reported) {
        announce_placed(j);  // the claimant has its place already
        return;
    }
    claims_.back().pending = leaving;
    put_in_line(j);
}

/// Makes a claim: holds the nodes of a claimant, `claimed_`, until those that are to leave have left.
///
/// @return the claim; the caller counts those that are to leave
template <class Policies>
std::uint32_t scheduler<Policies>::hold_for(std::uint32_t j) {
    const std::uint32_t claim = claim_serial_++;
    if constexpr (backfills) forget_reservation_of(j);
    records_[j].claim = claim;
    note_amounts(j);
    for (const started_task& s : claimed_) {
        const node_handle node = cluster_.handle(s.where.node);
        ++places_.of(node).holds;
        held_.push_back({claim, node});
        apply(node);
    }
    claims_.push_back({claim, j, 0, false});
    return claim;
}

}  // namespace berth::inline v0
