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
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// Which jobs behind the first one may go before it.
enum class backfill_mode : std::uint8_t {
    none,   ///< none: first come, first served
    queue,  ///< those that do not delay the first one, in the order of arrival: EASY
    /// those that do not delay the first one, the shortest estimate first: EASY-SJBF
    shortest_first,
};

/// First come, first served, with or without EASY backfilling (Lifka 1995; shortest first: Tsafrir, Etsion, Feitelson
/// 2007). Only the first job of the queue has a reservation: the earliest instant at which it fits if all that runs
/// ends as estimated. A job behind it starts at once if it fits now, and either ends by then or takes only what is left
/// over then.
///
/// ```
/// berth::easy_queue queue{capacity, berth::backfill_mode::queue};
/// auto job = queue.submit(now, estimate, demand);
/// queue.pass(now, [&](berth::backfill_job j) { launch(j); });
/// queue.finish(*job, later);
/// ```
///
/// Over any counters: processors, GPUs, memory. A job that has reached its estimate is taken to be gone: give estimates
/// that hold, or a longer one by `prolong` at that instant.
///
/// A pass is O(queue × counters + running). Deterministic. Instants are whole numbers that never go back.
class easy_queue {
public:
    /// An empty queue.
    ///
    /// @param capacity  of each counter
    /// @param mode      which jobs may go before the first one
    explicit easy_queue(std::span<const amount> capacity, backfill_mode mode = backfill_mode::queue)
        : jobs_{capacity}, mode_{mode}, free_(capacity.begin(), capacity.end()), extra_(capacity.size()) {}

    /// A job arrives and waits.
    ///
    /// @param now       the instant
    /// @param estimate  how long it will run at most, above 0
    /// @param demand    of each counter, at most its capacity
    /// @return          its position, or an error that names job and field
    [[nodiscard]] result<backfill_job> submit(std::int64_t now, std::int64_t estimate, std::span<const amount> demand) {
        expire(now);
        auto job = jobs_.add(estimate, demand);
        if (!job) return job;
        waiting_.push_back(*job);
        if (mode_ == backfill_mode::shortest_first) by_length_.insert(place_by_length(*job), *job);
        return job;
    }
    /// A job has ended. False if it does not run.
    bool finish(backfill_job job, std::int64_t now) {
        expire(now);
        const auto at = std::ranges::find(running_, job);
        if (at == running_.end()) return false;
        if (static_cast<std::size_t>(at - running_.begin()) < expired_) {
            --expired_;
        } else {
            detail::add(free_, jobs_.demand(job));
        }
        running_.erase(at);
        return true;
    }
    /// Starts what may start now.
    ///
    /// @param now    the instant
    /// @param start  called with each job that starts, in this order
    template <class Start>
    void pass(std::int64_t now, Start&& start) {
        expire(now);
        std::size_t first = 0;
        while (first < waiting_.size() && detail::fits(jobs_.demand(waiting_[first]), free_)) {
            run(waiting_[first], now);
            start(waiting_[first]);
            ++first;
        }
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first));
        if (mode_ == backfill_mode::none || waiting_.size() < 2) return;
        const std::int64_t shadow = find_shadow();
        const bool shortest = mode_ == backfill_mode::shortest_first;
        std::vector<backfill_job>& tail = shortest ? by_length_ : waiting_;
        const backfill_job head = waiting_.front();
        started_.clear();
        for (const backfill_job job : tail) {
            if (job == head || !detail::fits(jobs_.demand(job), free_)) continue;
            const bool ends = shadow == room_timeline::never || jobs_.estimate(job) <= shadow - now;
            if (!ends && !detail::fits(jobs_.demand(job), extra_)) continue;
            if (!ends) detail::subtract(extra_, jobs_.demand(job));
            detail::subtract(free_, jobs_.demand(job));
            jobs_.start(job) = now;
            started_.push_back(job);
        }
        for (const backfill_job job : started_) {
            insert_running(job);
            start(job);
        }
        if (started_.empty()) return;
        const auto runs = [&](backfill_job job) { return jobs_.start(job) != detail::backfill_jobs::not_started; };
        std::erase_if(waiting_, runs);
        if (shortest) std::erase_if(by_length_, runs);
    }
    /// A running job outlives its estimate, or will: it gets a longer one. What was started meanwhile in the room that
    /// it was taken to have left stays; the room is below zero then until enough has ended. False if it does not run,
    /// or the estimate is not longer.
    bool prolong(backfill_job job, std::int64_t now, std::int64_t estimate) {
        expire(now);
        const auto at = std::ranges::find(running_, job);
        if (at == running_.end() || estimate <= jobs_.estimate(job)) return false;
        if (static_cast<std::size_t>(at - running_.begin()) < expired_) {
            --expired_;
            detail::subtract(free_, jobs_.demand(job));
        }
        running_.erase(at);
        jobs_.set_estimate(job, estimate);
        insert_running(job);
        expire(now);
        return true;
    }
    /// A waiting job gets another estimate: more is known of it. False if it does not wait, or the estimate is not
    /// above 0.
    bool estimate(backfill_job job, std::int64_t estimate) {
        if (estimate <= 0 || job >= jobs_.size() || jobs_.start(job) != detail::backfill_jobs::not_started)
            return false;
        const bool shortest = mode_ == backfill_mode::shortest_first;
        if (shortest) by_length_.erase(place_by_length(job) - 1);
        jobs_.set_estimate(job, estimate);
        if (shortest) by_length_.insert(place_by_length(job), job);
        return true;
    }
    /// The jobs that wait, in the order of the queue.
    [[nodiscard]] std::span<const backfill_job> waiting() const noexcept { return waiting_; }

private:
    [[nodiscard]] std::vector<backfill_job>::iterator place_by_length(backfill_job job) {
        return std::ranges::upper_bound(by_length_, std::pair{jobs_.estimate(job), job}, {},
                                        [&](backfill_job other) { return std::pair{jobs_.estimate(other), other}; });
    }
    void insert_running(backfill_job job) {
        const auto after = std::ranges::upper_bound(running_, jobs_.end(job), {},
                                                    [&](backfill_job other) { return jobs_.end(other); });
        running_.insert(after, job);
    }
    // Starts a job of the queue's front.
    void run(backfill_job job, std::int64_t now) {
        jobs_.start(job) = now;
        detail::subtract(free_, jobs_.demand(job));
        insert_running(job);
        if (mode_ == backfill_mode::shortest_first) by_length_.erase(place_by_length(job) - 1);
    }
    // What has reached its estimate is taken to be gone.
    void expire(std::int64_t now) noexcept {
        BERTH_ASSERT(now >= now_, "berth: instants of a queue do not go back");
        now_ = now;
        while (expired_ < running_.size() && jobs_.end(running_[expired_]) <= now) {
            detail::add(free_, jobs_.demand(running_[expired_]));
            ++expired_;
        }
    }
    // When the first job fits if all ends as estimated; `extra_` is what is left over then.
    [[nodiscard]] std::int64_t find_shadow() noexcept {
        const auto head = jobs_.demand(waiting_.front());
        extra_ = free_;
        std::int64_t shadow = now_;
        for (std::size_t i = expired_; i < running_.size() && !detail::fits(head, extra_);) {
            shadow = jobs_.end(running_[i]);
            for (; i < running_.size() && jobs_.end(running_[i]) == shadow; ++i) {
                detail::add(extra_, jobs_.demand(running_[i]));
            }
        }
        detail::subtract(extra_, head);
        return shadow;
    }

    detail::backfill_jobs jobs_;
    backfill_mode mode_;
    std::int64_t now_ = std::numeric_limits<std::int64_t>::min();
    std::vector<amount> free_;
    std::vector<amount> extra_;
    std::vector<backfill_job> waiting_;    // in the order of arrival
    std::vector<backfill_job> by_length_;  // the same jobs by estimate, if the shortest goes first
    std::vector<backfill_job> running_;    // by estimated end
    std::size_t expired_ = 0;              // of `running_`: those whose estimate is reached
    std::vector<backfill_job> started_;
};

}  // namespace berth::inline v0
