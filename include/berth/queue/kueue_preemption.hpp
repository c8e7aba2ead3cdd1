// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

// Length: one decision with all that it asks: quotas, rules, candidates, two attempts.

/// Whose jobs a job may stop.
enum class victim_rule : std::uint8_t {
    never,                    ///< nobody's
    lower_priority,           ///< those of a lower priority
    lower_or_newer_priority,  ///< those of a lower priority, and of an equal one if they were created later
    any,                      ///< all
};

/// What a queue may use of one counter: of one resource in one flavor of nodes.
struct lending_quota {
    static constexpr amount no_limit = std::numeric_limits<amount>::max() / 4;  ///< no limit

    amount nominal = 0;                 ///< its own, from 0 on; all of a counter at most 2^60
    amount borrowing_limit = no_limit;  ///< the most it may use above that, from 0 on
    amount lending_limit = no_limit;    ///< the most that others may use of that, from 0 on; the rest is kept for it
};

/// A queue that lends and borrows within a cohort.
struct cohort_queue {
    static constexpr std::size_t no_cohort = std::numeric_limits<std::size_t>::max();       ///< it borrows from nobody
    static constexpr std::int64_t any_priority = std::numeric_limits<std::int64_t>::max();  ///< no threshold

    std::size_t cohort = no_cohort;                   ///< any number: those with equal ones lend to each other
    std::vector<lending_quota> quotas;                ///< of each counter
    victim_rule within = victim_rule::never;          ///< whose jobs of this queue its jobs may stop
    victim_rule reclaim = victim_rule::never;         ///< whose jobs of queues above their quotas
    bool reclaims_while_borrowing = false;            ///< also where this queue is above its own quota afterwards,
    std::int64_t borrowing_threshold = any_priority;  ///< from jobs of a lower priority that is not above this
};

/// A job that runs, or that wants to.
struct cohort_job {
    std::size_t queue = 0;       ///< position of its queue
    std::int64_t priority = 0;   ///< more is more important
    std::int64_t created = 0;    ///< an instant
    std::int64_t reserved = 0;   ///< of a running job: the instant at which it got its quota
    std::vector<amount> demand;  ///< of each counter, from 0 on; all jobs' at most 2^60
};

/// Why a job has to go.
enum class preemption_reason : std::uint8_t {
    in_queue,                 ///< one of the same queue needs its room
    reclaimed,                ///< its queue is above its quota
    reclaimed_for_borrowing,  ///< its queue is above its quota, for one that will be, too
};

/// A job that has to go.
struct preemption_victim {
    std::size_t job = 0;                                     ///< position among the running jobs
    preemption_reason reason = preemption_reason::in_queue;  ///< why

    friend bool operator==(const preemption_victim&, const preemption_victim&) = default;  ///< equal members
};

namespace detail {

// One decision: who is asked, and what is used while it is tried.
class kueue_decision {
public:
    kueue_decision(std::span<const cohort_queue> queues, std::span<const cohort_job> running, const cohort_job& job,
                   const std::vector<bool>& needed)
        : queues_{queues},
          running_{running},
          job_{job},
          needed_{needed},
          used_(queues.size()),
          lendable_(job.demand.size(), 0),
          taken_(job.demand.size(), 0) {
        const std::size_t cohort = queues[job.queue].cohort;
        for (std::size_t q = 0; q < queues.size(); ++q) {
            used_[q].assign(job.demand.size(), 0);
            if (cohort == cohort_queue::no_cohort || queues[q].cohort != cohort) continue;
            for (std::size_t c = 0; c < lendable_.size(); ++c) lendable_[c] += quota(q, c).nominal - kept(q, c);
        }
        for (const cohort_job& each : running) move(each, 1);
        collect();
    }
    [[nodiscard]] std::vector<preemption_victim> victims() {
        const auto foreign = [&](const candidate& c) { return c.group != own; };
        const bool none_foreign = std::ranges::none_of(candidates_, foreign);
        const bool none_always =
            std::ranges::none_of(candidates_, [](const candidate& c) { return c.group == always; });
        const bool strict = !queues_[job_.queue].reclaims_while_borrowing;
        if (none_foreign || (strict && !below_nominal())) return attempt(true);
        const bool borrow_first = !(strict && none_always);
        std::vector<preemption_victim> found = attempt(borrow_first);
        return found.empty() ? attempt(!borrow_first) : found;
    }

private:
    enum groups : std::uint8_t { always, rest, own };
    struct candidate {
        std::size_t job;
        groups group;
        bool only_without_borrowing;
        preemption_reason reason;
    };

    [[nodiscard]] const lending_quota& quota(std::size_t q, std::size_t c) const noexcept {
        return queues_[q].quotas[c];
    }
    // What a queue keeps of its quota for itself.
    [[nodiscard]] amount kept(std::size_t q, std::size_t c) const noexcept {
        return std::max<amount>(0, quota(q, c).nominal - quota(q, c).lending_limit);
    }
    void move(const cohort_job& each, amount sign) noexcept {
        const bool counts = queues_[each.queue].cohort == queues_[job_.queue].cohort;
        for (std::size_t c = 0; c < each.demand.size(); ++c) {
            amount& used = used_[each.queue][c];
            const amount before = std::max<amount>(0, used - kept(each.queue, c));
            used += sign * each.demand[c];
            if (counts) taken_[c] += std::max<amount>(0, used - kept(each.queue, c)) - before;
        }
    }
    [[nodiscard]] amount available(std::size_t c) const noexcept {
        const std::size_t q = job_.queue;
        const amount used = used_[q][c];
        const amount nominal = quota(q, c).nominal;
        if (queues_[q].cohort == cohort_queue::no_cohort) return nominal - used;
        const amount own_part = std::max<amount>(0, kept(q, c) - used);
        const amount own_taken = std::max<amount>(0, used - kept(q, c));
        return own_part +
               std::min(lendable_[c] - taken_[c], nominal - kept(q, c) - own_taken + quota(q, c).borrowing_limit);
    }
    [[nodiscard]] bool within_nominal() const noexcept {
        for (std::size_t c = 0; c < job_.demand.size(); ++c) {
            if (job_.demand[c] > 0 && used_[job_.queue][c] + job_.demand[c] > quota(job_.queue, c).nominal)
                return false;
        }
        return true;
    }
    [[nodiscard]] bool fits(bool borrowing) const noexcept {
        if (!borrowing && !within_nominal()) return false;
        for (std::size_t c = 0; c < job_.demand.size(); ++c) {
            if (job_.demand[c] > 0 && job_.demand[c] > available(c)) return false;
        }
        return true;
    }
    [[nodiscard]] bool below_nominal() const noexcept {
        for (std::size_t c = 0; c < needed_.size(); ++c) {
            if (needed_[c] && used_[job_.queue][c] >= quota(job_.queue, c).nominal) return false;
        }
        return true;
    }
    [[nodiscard]] bool above_nominal(std::size_t q) const noexcept {
        for (std::size_t c = 0; c < needed_.size(); ++c) {
            if (needed_[c] && used_[q][c] > quota(q, c).nominal) return true;
        }
        return false;
    }
    [[nodiscard]] bool allowed(victim_rule rule, const cohort_job& victim) const noexcept {
        switch (rule) {
            case victim_rule::never: return false;
            case victim_rule::any: return true;
            case victim_rule::lower_priority: return victim.priority < job_.priority;
            case victim_rule::lower_or_newer_priority:
                return victim.priority < job_.priority ||
                       (victim.priority == job_.priority && job_.created < victim.created);
        }
        return false;
    }
    void collect() {
        const cohort_queue& mine = queues_[job_.queue];
        const bool advantage = within_nominal();
        for (std::size_t j = 0; j < running_.size(); ++j) {
            const cohort_job& each = running_[j];
            bool uses = false;
            for (std::size_t c = 0; c < needed_.size(); ++c) uses = uses || (needed_[c] && each.demand[c] > 0);
            if (!uses) continue;
            if (each.queue == job_.queue) {
                if (allowed(mine.within, each)) candidates_.push_back({j, own, false, preemption_reason::in_queue});
                continue;
            }
            if (mine.cohort == cohort_queue::no_cohort || queues_[each.queue].cohort != mine.cohort) continue;
            if (!above_nominal(each.queue) || !allowed(mine.reclaim, each)) continue;
            if (advantage) {
                candidates_.push_back({j, always, false, preemption_reason::reclaimed});
                continue;
            }
            const bool may_borrow = mine.reclaims_while_borrowing && each.priority < job_.priority &&
                                    each.priority <= mine.borrowing_threshold;
            candidates_.push_back(
                {j, rest, !may_borrow,
                 may_borrow ? preemption_reason::reclaimed_for_borrowing : preemption_reason::reclaimed});
        }
        std::ranges::sort(candidates_, [&](const candidate& a, const candidate& b) {
            const cohort_job& x = running_[a.job];
            const cohort_job& y = running_[b.job];
            if (a.group != b.group) return a.group < b.group;
            if (x.priority != y.priority) return x.priority < y.priority;
            return x.reserved != y.reserved ? x.reserved > y.reserved : a.job < b.job;
        });
    }
    // Takes candidates until the job fits, then gives back whom it does not need. All is as before afterwards.
    [[nodiscard]] std::vector<preemption_victim> attempt(bool borrowing) {
        std::vector<preemption_victim> taken;
        bool enough = false;
        for (const candidate& c : candidates_) {
            if (borrowing && c.only_without_borrowing) continue;
            if (c.group != own && !above_nominal(running_[c.job].queue)) continue;
            move(running_[c.job], -1);
            taken.push_back({c.job, c.reason});
            enough = fits(borrowing);
            if (enough) break;
        }
        std::vector<preemption_victim> kept_out;
        for (std::size_t i = taken.size(); i-- > 0;) {
            move(running_[taken[i].job], 1);
            if (!enough || (i + 1 != taken.size() && fits(borrowing))) continue;
            move(running_[taken[i].job], -1);
            kept_out.push_back(taken[i]);
        }
        for (const preemption_victim& victim : kept_out) move(running_[victim.job], 1);
        std::reverse(kept_out.begin(), kept_out.end());
        return kept_out;
    }

    std::span<const cohort_queue> queues_;
    std::span<const cohort_job> running_;
    const cohort_job& job_;
    const std::vector<bool>& needed_;
    std::vector<std::vector<amount>> used_;
    std::vector<amount> lendable_;  // by all of the cohort
    std::vector<amount> taken_;     // of that
    std::vector<candidate> candidates_;
};

// What is wrong with a job; null if nothing is. `room`: how much of each counter sums may still grow.
[[nodiscard]] inline const char* fault_of(const cohort_job& job, std::size_t queues, std::span<amount> room) noexcept {
    if (job.queue >= queues) return ": queue does not exist";
    if (job.demand.size() != room.size()) return ": demand has another number of counters";
    for (std::size_t c = 0; c < room.size(); ++c) {
        if (job.demand[c] < 0) return ": demand is negative";
        if (job.demand[c] > room[c]) return ": demand makes a sum above 2^60";
        room[c] -= job.demand[c];
    }
    return nullptr;
}

}  // namespace detail

/// Who has to go so that a job gets its quota: Kueue's classical preemption, for cohorts without others above them.
///
/// Queues of a cohort use what others leave of their quotas. A job may stop jobs of its own queue, and jobs of queues
/// that are above their nominal quotas in a counter that it needs. Where it fits its own queue's nominal quota, those
/// may go whatever happens; else only if its queue does not borrow afterwards, unless its queue
/// `reclaims_while_borrowing`. Other queues' jobs go before those of its own, lower priorities and later reservations
/// first; of those taken, each is given back in reverse that is not needed.
///
/// @param queues   all queues
/// @param running  the jobs that hold quota, in any order: of two equal ones the first goes
/// @param job      the one that wants to; its `reserved` is ignored
/// @param needed   of each counter, whether victims are looked for there: where the job fits without borrowing or
///                 victims, none are
/// @return         the victims in the order in which they were found, none if they do not help or the rules forbid it;
///                 or an error that names queue or job and field. Does not ask whether the job fits without victims
/// @details        O((victims + running) × counters + running · log(running)). Deterministic.
[[nodiscard]] inline result<std::vector<preemption_victim>> kueue_preemption(std::span<const cohort_queue> queues,
                                                                             std::span<const cohort_job> running,
                                                                             const cohort_job& job,
                                                                             const std::vector<bool>& needed) {
    const std::size_t counters = needed.size();
    constexpr amount most = amount{1} << 60;  // of a sum
    std::vector<amount> room(counters, most);
    for (std::size_t q = 0; q < queues.size(); ++q) {
        if (queues[q].quotas.size() != counters) {
            return detail::refuse(error_code::inconsistent, {"queue ", q, ": quotas has another number of counters"});
        }
        for (std::size_t c = 0; c < counters; ++c) {
            const lending_quota& quota = queues[q].quotas[c];
            if (quota.nominal < 0 || quota.nominal > room[c]) {
                const char* const why =
                    quota.nominal < 0 ? ": nominal is negative" : ": nominal makes a sum above 2^60";
                return detail::refuse(error_code::invalid_value, {"queue ", q, why});
            }
            room[c] -= quota.nominal;
            for (const amount limit : {quota.borrowing_limit, quota.lending_limit}) {
                if (limit >= 0 && limit <= lending_quota::no_limit) continue;
                return detail::refuse(error_code::invalid_value, {"queue ", q, ": a limit is out of range"});
            }
        }
    }
    room.assign(counters, most);
    for (std::size_t j = 0; j < running.size(); ++j) {
        const char* const fault = detail::fault_of(running[j], queues.size(), room);
        if (fault != nullptr) return detail::refuse(error_code::invalid_value, {"running job ", j, fault});
    }
    const char* const fault = detail::fault_of(job, queues.size(), room);
    if (fault != nullptr) return detail::refuse(error_code::invalid_value, {"the job", fault});
    return detail::kueue_decision{queues, running, job, needed}.victims();
}

}  // namespace berth::inline v0
