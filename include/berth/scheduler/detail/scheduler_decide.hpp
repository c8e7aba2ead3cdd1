// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/math.hpp"
#include "berth/scheduler/scheduler_interface.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

// A decision from beginning to end, and when the next one may be due.

namespace berth::inline v0 {

template <class Policies>
result<std::span<const decision>> scheduler<Policies>::decide(double time) {
    if (auto ok = check_time("decide", time); !ok) return ok.error();
    take(event_kind::decide, time);
    if (answered_) {
        decided_.clear();
        reason_texts_.clear();
    }
    answered_ = false;
    reasons_.clear();
    lost_names_.erase(lost_names_.begin(), lost_names_.begin() + static_cast<std::ptrdiff_t>(lost_told_));
    running_listed_ = false;
    if constexpr (backfills) forget_reservations();
    follow_watch();
    relieve();
    stop_short_gangs();
    follow_levels();
    if (by_turns_) measure_fleet();
    fill_line();
    if (by_turns_) {
        count_shares();
        start_claims();
        renew_reservations();
        start_by_turns();
        claim_by_shares();
    } else {
        start_claims();
        start_waiting();
    }
    note_reserved_time();
    tell_waits();
    return answer();
}

template <class Policies>
double scheduler<Policies>::wake_at() const {
    // Moves that are under way come before the next look.
    double at = planned_.empty() ? relief_at_ : detail::never;
    const auto sooner = [&](double time) { at = time < at ? time : at; };
    for (const detail::sleeping_job& s : sleeping_) sooner(s.until);
    for (const job_handle job : short_) {
        if (has(job)) sooner(grace_ends(job.position()));
    }
    if constexpr (watches) sooner(watched_at_ + policies_.watch.contact.interval);
    // Who was to have ended by then and has not is expected to end later: others may start before that.
    if constexpr (backfills) {
        if (reserved_at_ > now_) sooner(reserved_at_);
    }
    if constexpr (evicts && levelled_order<order_type>) {
        for (std::uint32_t j = 0; j < records_.size(); ++j) {
            if (!jobs_.is_taken(j) || !records_[j].runs()) continue;
            // Less than the time can tell apart is still later than now.
            const double reached = now_ + policies_.order.next_level_in(view(j));
            sooner(reached > now_ ? reached : detail::nextafter(now_, detail::never));
        }
    }
    if constexpr (shares_out) {
        if (!classes_.listed().empty()) sooner(next_unspared());
    }
    return at > now_ ? at : now_;
}

}  // namespace berth::inline v0
