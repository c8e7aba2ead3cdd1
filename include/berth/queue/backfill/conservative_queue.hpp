// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/queue/backfill/detail/backfill_jobs.hpp"
#include "berth/queue/backfill/room_timeline.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Conservative backfilling (Mu'alem, Feitelson 2001): every job gets a reservation when it arrives, at the earliest
/// instant that delays none before it. When a job ends early, all reservations are tried again in the order of arrival,
/// and only ever become earlier: what a user was told once holds.
///
/// ```
/// berth::conservative_queue queue{capacity};
/// const auto reserved = [&](berth::backfill_job job, std::int64_t start) { wake_at(start, job); };
/// auto job = queue.submit(now, estimate, demand, reserved);
/// if (queue.start(j, now)) launch(j);      // at the instant of its reservation
/// if (queue.finish(j, later)) queue.pass(later, reserved);
/// ```
///
/// A reservation whose instant went by without `start` (a late wake-up) holds its room until the next `pass`, which
/// makes a new one from then on: such a job waits longer than it was told, and delays nobody else.
///
/// Over any counters. A job has to end by its estimate; give estimates that hold. Deterministic. Instants are whole
/// numbers that never go back.
///
/// Only reservations that can become earlier are tried: there has to be room for the job before its reservation, in
/// time that was given back since it was tried last. `submit` and `finish` are O(changes of room), `pass` O(waiting ×
/// changes of room) at worst, and O(1) where all that ended did so as estimated.
class conservative_queue {
public:
    /// An empty queue.
    ///
    /// @param capacity  of each counter
    explicit conservative_queue(std::span<const amount> capacity) : jobs_{capacity}, room_{capacity} {}

    /// A job arrives and gets its reservation.
    ///
    /// @param now       the instant
    /// @param estimate  how long it will run at most, above 0
    /// @param demand    of each counter, at most its capacity
    /// @param reserved  called with the job and the instant of its start
    /// @return          its position, or an error that names job and field
    template <class Reserved>
    [[nodiscard]] result<backfill_job> submit(std::int64_t now, std::int64_t estimate, std::span<const amount> demand,
                                              Reserved&& reserved) {
        advance(now);
        auto job = jobs_.add(estimate, demand);
        if (!job) return job;
        running_.push_back(false);
        const std::int64_t start = room_.earliest(demand, estimate, now);
        BERTH_ASSERT(start != room_timeline::never, "berth: a demand within the capacity fits some time");
        jobs_.start(*job) = start;
        room_.take(start, jobs_.end(*job), demand);
        waiting_.push_back(*job);
        reserved(*job, start);
        return job;
    }
    /// A job starts: its reservation has come. False if it is for another instant, or the job has started.
    bool start(backfill_job job, std::int64_t now) {
        if (job >= jobs_.size() || running_[job] || jobs_.start(job) != now) return false;
        const auto at = std::ranges::lower_bound(waiting_, job);
        if (at == waiting_.end() || *at != job) return false;
        waiting_.erase(at);
        running_[job] = true;
        return true;
    }
    /// A job has ended. False if it does not run.
    bool finish(backfill_job job, std::int64_t now) {
        if (job >= jobs_.size() || !running_[job]) return false;
        advance(now);
        running_[job] = false;
        if (now < jobs_.end(job)) {
            room_.give(now, jobs_.end(job), jobs_.demand(job));
            given_back_until_ = std::max(given_back_until_, jobs_.end(job));
        }
        return true;
    }
    /// Tries all reservations again: after one or more jobs have ended, and when `start` came too late.
    ///
    /// @param now       the instant
    /// @param reserved  called with each job whose start becomes earlier, or had gone by, and with the new instant,
    ///                  which may be `now`
    template <class Reserved>
    void pass(std::int64_t now, Reserved&& reserved) {
        advance(now);
        reserve_late(now, reserved);
        std::int64_t freed_until = given_back_until_;
        if (freed_until <= now) return;
        // What a job gives back is new to those before it, which have been tried: they are next time.
        given_back_until_ = std::numeric_limits<std::int64_t>::min();
        for (const backfill_job each : waiting_) {
            const std::int64_t old_start = jobs_.start(each);
            const std::int64_t before = std::min(old_start, freed_until);
            if (before <= now || room_.earliest(jobs_.demand(each), 1, now, before) == room_timeline::never) continue;
            const std::int64_t old_end = jobs_.end(each);
            room_.give(old_start, old_end, jobs_.demand(each));
            const std::int64_t start = room_.earliest(jobs_.demand(each), jobs_.estimate(each), now, before);
            jobs_.start(each) = std::min(start, old_start);
            room_.take(jobs_.start(each), jobs_.end(each), jobs_.demand(each));
            if (start >= old_start) continue;
            freed_until = std::max(freed_until, old_end);
            given_back_until_ = std::max(given_back_until_, old_end);
            reserved(each, start);
        }
    }
    /// When a job starts or has started, as far as is known now.
    [[nodiscard]] std::int64_t start_of(backfill_job job) const noexcept { return jobs_.start(job); }
    /// The jobs that wait, in the order of arrival.
    [[nodiscard]] std::span<const backfill_job> waiting() const noexcept { return waiting_; }
    /// Room over time, with all that runs and all reservations.
    [[nodiscard]] const room_timeline& room() const noexcept { return room_; }

private:
    /// New reservations for the jobs whose instant has gone by, in the order of arrival.
    template <class Reserved>
    void reserve_late(std::int64_t now, Reserved& reserved) {
        // All of them give back before one reserves: none holds room that it cannot use.
        bool late = false;
        for (const backfill_job each : waiting_) {
            if (jobs_.start(each) >= now) continue;
            late = true;
            room_.give(now, jobs_.end(each), jobs_.demand(each));
            given_back_until_ = std::max(given_back_until_, jobs_.end(each));
        }
        if (!late) return;
        for (const backfill_job each : waiting_) {
            if (jobs_.start(each) >= now) continue;
            jobs_.start(each) = room_.earliest(jobs_.demand(each), jobs_.estimate(each), now);
            room_.take(jobs_.start(each), jobs_.end(each), jobs_.demand(each));
            reserved(each, jobs_.start(each));
        }
    }
    void advance(std::int64_t now) noexcept {
        BERTH_ASSERT(now >= now_, "berth: instants of a queue do not go back");
        if (now > now_) room_.forget_before(now);
        now_ = now;
    }

    detail::backfill_jobs jobs_;
    room_timeline room_;
    std::int64_t now_ = std::numeric_limits<std::int64_t>::min();
    std::int64_t given_back_until_ = std::numeric_limits<std::int64_t>::min();
    std::vector<backfill_job> waiting_;  // ascending
    std::vector<bool> running_;
};

}  // namespace berth::inline v0
