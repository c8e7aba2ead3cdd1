// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>
#include <vector>

// What follows from a claim: tried on the cluster, undone, or carried out.

// Length: the attempt and its ways back.

namespace berth::inline v0 {

/// Whether the claimant fits once these units have left; in a consolidation, whether they have room elsewhere, too.
/// True leaves the cluster as it would then be, false as it was.
template <class Policies>
bool scheduler<Policies>::attempt(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen) {
    released_.clear();
    rehomed_.clear();
    if (!frees_enough(chosen) || !allowed(j, action, chosen)) return false;
    for (const std::uint32_t u : chosen) {
        for_each_task_of(units_[u], [&](std::uint32_t t) { released_.push_back(released(units_[u].job, t)); });
    }
    if (might_fit(j)) {
        // A gang costs as much as many single tasks.
        const std::uint64_t costs = handles_.size() > 1 ? 8 : 1;
        trials_left_ -= trials_left_ < costs ? trials_left_ : costs;
        if (place_listed(j, handles_.size())) {
            claimed_ = placed_;
            if (action != claim_action::consolidate || rehome_all(chosen)) return true;
            placed_ = claimed_;
            take_back(j);
        }
    }
    restore();
    return false;
}
template <class Policies>
void scheduler<Policies>::undo_attempt(std::uint32_t j) {
    for (const rehomed_task& r : rehomed_) (void)cluster_.release(tasks_[r.job][r.task].task);
    rehomed_.clear();
    placed_ = claimed_;
    take_back(j);
    restore();
}

/// False if a claimant of one task and without rules certainly fits on no node that something was released on.
template <class Policies>
bool scheduler<Policies>::might_fit(std::uint32_t j) {
    list_next(j);
    if (handles_.size() != 1 || rules_for(j) != nullptr) return true;
    const task_index t = *cluster_.find(handles_[0]);
    if (!cluster_.alternatives(t).empty()) return true;
    for (const released_task& r : released_) {
        const demand_view demand = cluster_.workload().demand(t);
        if (!cluster_.admissible(demand, r.where.node)) continue;
        if (!is_sliced(j) || slices_.has_room(records_[j].mig_profile, demand, r.where.node)) return true;
    }
    return false;
}

/// Gives all released tasks of these units other places. False gives back what it took.
template <class Policies>
bool scheduler<Policies>::rehome_all(std::span<const std::uint32_t> chosen) {
    for (const std::uint32_t u : chosen) {
        if (rehome(units_[u])) continue;
        for (const rehomed_task& r : rehomed_) (void)cluster_.release(tasks_[r.job][r.task].task);
        rehomed_.clear();
        return false;
    }
    return true;
}
template <class Policies>
bool scheduler<Policies>::rehome(const victim_unit& u) {
    handles_.clear();
    ordinals_.clear();
    bool plain = true;
    for (const released_task& r : released_) {
        if (r.job != u.job || (u.task != whole_job && u.task != r.task)) continue;
        handles_.push_back(tasks_[r.job][r.task].task);
        ordinals_.push_back(r.task);
        plain = plain && cluster_.alternatives(*cluster_.find(handles_.back())).empty();
    }
    if (!plain || handles_.empty() || !place_listed(u.job, handles_.size())) return false;
    for (const started_task& p : placed_) {
        for (const released_task& r : released_) {
            if (r.job != u.job || r.task != p.task) continue;
            const task_index t = *cluster_.find(tasks_[u.job][p.task].task);
            rehomed_.push_back({u.job, p.task, r.where, p.where, r.offset, slices_.offset(t)});
        }
    }
    return true;
}

/// After an attempt that succeeded: decides, and starts the claimant or claims its room until the others have left.
template <class Policies>
bool scheduler<Policies>::carry_out(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen) {
    std::vector<const char*> reasons;
    for (const std::uint32_t u : chosen) reasons.push_back(tell_reason(reason_of(j, action, units_[u])));
    if (action != claim_action::consolidate) {
        for (const std::uint32_t u : chosen) exchange(units_[u], -1);
    }
    adjust(records_[j].leaf, claim_asked_.view(), !records_[j].preemptible, 1);
    for (const std::uint32_t u : chosen) {
        if (action == claim_action::consolidate) break;
        // A queue that is at its limit now has no other place for its victim.
        amounts_of(units_[u], taken_amounts_);
        const std::uint32_t leaf = records_[units_[u].job].leaf;
        const bool lets = books_.bar(leaf, taken_amounts_.view(), false) == detail::queue_bar::none;
        if (lets && rehome(units_[u])) {
            exchange(units_[u], 1);
        } else if (options_.acknowledge == acknowledgement::reported) {
            adjust(leaf, taken_amounts_.view(), false, 0);
        }
    }
    if (options_.acknowledge == acknowledgement::reported && !begin_moves_for_claim(j, action)) {
        adjust(records_[j].leaf, claim_asked_.view(), !records_[j].preemptible, -1);
        return false;
    }
    const std::uint32_t serial = options_.acknowledge == acknowledgement::reported ? hold_for(j) : detail::no_position;
    touched_leaves_.clear();
    std::uint32_t wave = 0;
    std::uint32_t leaving = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const victim_unit u = units_[chosen[i]];
        detail::job_record& r = records_[u.job];
        for (const released_task& was : released_) {
            if (was.job != u.job || (u.task != whole_job && u.task != was.task)) continue;
            detail::task_record& record = tasks_.at(u.job, was.task);
            const rehomed_task* to = nullptr;
            for (const rehomed_task& moved : rehomed_) {
                if (moved.job == u.job && moved.task == was.task) to = &moved;
            }
            if (to != nullptr && to->stays()) continue;
            record.started = false;
            ++leaving;
            if (to != nullptr) {
                tell(decision_kind::move, u.job, was.task, to->to, reasons[i]);
                decided_.back().from = was.where;
                decided_.back().wave = wave++;
                if (is_sliced(u.job)) {
                    decided_.back().mig_offset = to->to_offset;
                    decided_.back().mig_from = was.offset;
                }
            } else {
                tell(decision_kind::evict, u.job, was.task, was.where, reasons[i]);
                if (is_sliced(u.job)) decided_.back().mig_offset = was.offset;
                r.evicted_at = now_;
                if (action == claim_action::reclaim)
                    reclaimed_.note(u.job, handle(j), [&](job_handle job) { return has(job); });
                r.delayed = false;
            }
            decided_.back().beneficiary = handle(j);
            if (serial != detail::no_position) {
                record.claim = serial;
                if (to == nullptr) {
                    record.activity = detail::task_activity::stopping;
                    put_in_line(u.job);  // until they have stopped it is in none
                }
                note_amounts(u.job);
            } else if (to == nullptr) {
                task_stopped(u.job, was.task);
            }
        }
        touched_leaves_.push_back(r.leaf);
    }
    if (serial != detail::no_position) {
        claims_.back().pending = leaving;
        put_in_line(j);
        return true;
    }
    placed_ = claimed_;
    announce_placed(j);
    return true;
}

/// Enters what a unit has in the books of its queue, or takes it out.
template <class Policies>
void scheduler<Policies>::exchange(const victim_unit& u, int sign) {
    amounts_of(u, taken_amounts_);
    adjust(records_[u.job].leaf, taken_amounts_.view(), false, sign);
}

/// Where the executor reports: nothing is done yet, so all are where they were, and moves begin. False, with nothing
/// changed, if one of a consolidation has no room before others have left.
template <class Policies>
bool scheduler<Policies>::begin_moves_for_claim(std::uint32_t j, claim_action action) {
    for (const rehomed_task& r : rehomed_) (void)cluster_.release(tasks_[r.job][r.task].task);
    placed_ = claimed_;
    take_back(j);
    put_back_released();
    std::size_t begun = 0;
    std::vector<std::uint32_t> stuck;  // jobs
    for (std::size_t i = 0; i < rehomed_.size(); ++i) {
        const rehomed_task r = rehomed_[i];
        if (r.stays()) {
            rehomed_[begun++] = r;
            continue;
        }
        if (!start_move(tasks_[r.job][r.task].task, r.to, r.to_offset)) {
            stuck.push_back(r.job);
            continue;
        }
        tasks_.at(r.job, r.task).activity = detail::task_activity::moving;
        ++moves_in_flight_;
        rehomed_[begun++] = r;
    }
    rehomed_.resize(begun);
    if (stuck.empty()) return true;
    // A job whose tasks cannot all move now is stopped as a whole; a consolidation stops nobody.
    std::erase_if(rehomed_, [&](const rehomed_task& r) {
        const bool all_go = action == claim_action::consolidate;
        if (!all_go && std::find(stuck.begin(), stuck.end(), r.job) == stuck.end()) return false;
        if (r.stays()) return true;
        cancel_move(tasks_[r.job][r.task].task);
        tasks_.at(r.job, r.task).activity = detail::task_activity::running;
        --moves_in_flight_;
        return true;
    });
    return action != claim_action::consolidate;
}
}  // namespace berth::inline v0
