// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

// How waiting jobs start.

namespace berth::inline v0 {

template <class Policies>
bool scheduler<Policies>::place_job(std::uint32_t j) {
    if (by_turns_) {
        list_next(j);
    } else {
        list_waiting(j);
    }
    return place_listed(j, least_of(records_[j]));
}

template <class Policies>
void scheduler<Policies>::announce_placed(std::uint32_t j) {
    if constexpr (backfills) forget_reservation_of(j);
    for (const started_task& s : placed_) {
        task_started(j, s.task);
        detail::task_record& t = tasks_.at(j, s.task);
        t.started = true;
        tell(decision_kind::start, j, s.task, s.where, "");
        decided_.back().alternative = static_cast<std::uint32_t>(cluster_.alternative(t.task));
    }
    put_in_line(j);  // out of the line, or among those that grow
}

template <class Policies>
void scheduler<Policies>::start_claims() {
    for (std::size_t i = 0; i < claims_.size();) {
        const detail::claim_record c = claims_[i];
        if (c.pending > 0) {
            ++i;
            continue;
        }
        dissolve(c.serial);
        const bool starts = !c.broken && place_job(c.job);
        if (starts) {
            announce_placed(c.job);
            continue;
        }
        if (by_turns_) {  // it has been counted as if it ran
            list_next(c.job);
            ask_for(handles_.size());
            adjust(records_[c.job].leaf, asked_.view(), !records_[c.job].preemptible, -1);
        }
        if (c.broken) sleep(c.job, now_ + options_.back_off);
        put_in_line(c.job);
    }
    fill_line();
}

template <class Policies>
void scheduler<Policies>::start_waiting() {
    candidates_.clear();
    entered_.clear();
    for (const std::uint32_t c : classes_.listed()) classes_[c].candidate = false;
    for (const std::uint32_t c : classes_.listed()) propose(c);
    reordered_ = false;
    order_candidates();
    while (!candidates_.empty()) {
        const std::uint32_t c = candidates_[0];
        const std::uint32_t j = next_of(c);
        kept_out_ = false;
        const bool starts = classes_.may_start(c) && place_and_announce(j);
        const bool kept_out = kept_out_;
        if (starts || (classes_[c].may_claim && make_room(j, c))) {
            fill_line();
            follow_class(c, j);
            if (!entered_.empty() || !starts) {
                propose_again(!starts);
            } else if (classes_[c].jobs == 0 || next_of(c) == detail::job_heap::none) {
                drop_candidate();
            } else {
                sink_candidate(0);
            }
            continue;
        }
        note_failed(c, kept_out);
        if (!options_.pass_over) break;
        if (tries_another(c, j, kept_out)) {
            sink_candidate(0);
        } else {
            drop_candidate();
        }
    }
}

/// Jobs came into the line, or left room behind: the candidates are other ones.
template <class Policies>
void scheduler<Policies>::propose_again(bool room_was_left) {
    std::size_t kept = 0;
    for (const std::uint32_t c : candidates_) {
        if (room_was_left) start_class(c);
        classes_[c].candidate = classes_[c].jobs > 0 && next_of(c) != detail::job_heap::none;
        if (classes_[c].candidate) candidates_[kept++] = c;
    }
    candidates_.resize(kept);
    for (const std::uint32_t c : entered_) propose(c);
    entered_.clear();
    if (room_was_left) {
        // Whoever left may have left more than the claimant needed.
        for (const std::uint32_t c : classes_.listed()) {
            if (!classes_[c].candidate && classes_.may_start(c)) propose(c);
        }
    }
    order_candidates();
}

/// A binary heap of the candidates, by the jobs that go first.
template <class Policies>
void scheduler<Policies>::order_candidates() {
    for (std::size_t i = candidates_.size() / 2; i-- > 0;) sink_candidate(i);
}

template <class Policies>
void scheduler<Policies>::sink_candidate(std::size_t at) {
    const auto before = [&](std::size_t a, std::size_t b) {
        return goes_first(next_of(candidates_[a]), next_of(candidates_[b]));
    };
    while (true) {
        std::size_t best = at;
        for (const std::size_t child : {2 * at + 1, 2 * at + 2}) {
            if (child < candidates_.size() && before(child, best)) best = child;
        }
        if (best == at) return;
        const std::uint32_t moved = candidates_[at];
        candidates_[at] = candidates_[best];
        candidates_[best] = moved;
        at = best;
    }
}

template <class Policies>
void scheduler<Policies>::drop_candidate() {
    classes_[candidates_[0]].candidate = false;
    candidates_[0] = candidates_.back();
    candidates_.pop_back();
    if (!candidates_.empty()) sink_candidate(0);
}

template <class Policies>
bool scheduler<Policies>::place_and_announce(std::uint32_t j) {
    if (!place_job(j)) return false;
    announce_placed(j);
    return true;
}

template <class Policies>
void scheduler<Policies>::propose(std::uint32_t c) {
    detail::demand_class& of = classes_[c];
    if (of.candidate || of.jobs == 0) return;
    bool tries = !options_.pass_over || (evicts && (reordered_ || of.checked != cluster_.changes().now()));
    tries = classes_.may_start(c) || tries;
    of.may_claim = tries;
    // Who cannot start may have to get a reservation.
    if (!tries && !backfills) return;
    start_class(c);
    of.candidate = true;
    candidates_.push_back(c);
}

}  // namespace berth::inline v0
