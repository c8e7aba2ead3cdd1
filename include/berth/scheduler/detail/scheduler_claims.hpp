// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

// Who may claim room from others in queues, and what the rules allow: `share_rules`.

// Length: the claims in their order, and the rules.

namespace berth::inline v0 {

/// How much is tried. Nobody claims under another policy, but a scheduler can be instantiated whole with it.
template <class Policies>
const auto& scheduler<Policies>::claim_limits() const noexcept {
    if constexpr (shares_out) {
        return policies_.preemption;
    } else {
        static constexpr share_rules none{.max_moves = 0, .max_claims = 0, .max_trials = 0};
        return none;
    }
}

template <class Policies>
void scheduler<Policies>::claim_by_shares() {
    if constexpr (shares_out) {
        using action = claim_action;
        // Where nothing has changed since they failed, claims fail again.
        const bool changed = told_ || !decided_.empty() || now_ >= spared_until_;
        if (policies_.preemption.max_claims == 0 || (!changed && !has_untried_)) return;
        told_ = has_untried_ = false;
        for (detail::claim_sweep& sweep : sweeps_) {
            sweep.left = policies_.preemption.max_claims;
            if (changed) sweep.rounds = 0;
        }
        constexpr int most_rounds = 64;  // of jobs that lost their place and claim another
        for (int round = 0; round < most_rounds; ++round) {
            bool any = false;
            if (policies_.preemption.consolidate) any = claim_all(action::consolidate) || any;
            if (policies_.preemption.reclaim) any = claim_all(action::reclaim) || any;
            if (policies_.preemption.preempt) any = claim_all(action::preempt) || any;
            if (!any) break;
            for (detail::claim_sweep& sweep : sweeps_) sweep.rounds = 0;
            // Victims may find room elsewhere, and may have left more than was needed.
            start_by_turns();
        }
        spared_until_ = next_unspared();
    }
}

/// When the next job that runs has run for as long as its queues spare it.
template <class Policies>
double scheduler<Policies>::next_unspared() const {
    double at = detail::never;
    bool spare = false;  // some queue does
    for (std::uint32_t q = 0; q < queues_.size(); ++q)
        spare = spare || queues_[q].min_runtime_preempt > 0.0 || queues_[q].min_runtime_reclaim > 0.0;
    for (std::uint32_t j = 0; j < records_.size() && spare; ++j) {
        if (!jobs_.is_taken(j) || !records_[j].runs()) continue;
        const auto spared = [&](double seconds) {
            const double until = records_[j].runs_since + seconds;
            if (until > now_ && until < at) at = until;
        };
        spared(queues_.min_runtime(records_[j].leaf, false));
        // Which queue above it counts depends on the claimant.
        for (std::uint32_t q = records_[j].leaf; q != detail::queue_tree::root; q = queues_[q].parent)
            spared(queues_.min_runtime(q, true));
    }
    return at;
}

/// Tries an action for all jobs that wait, in the order of their turns; of equal ones until one fails. Once half of
/// those that may have failed, it goes on where the last decision stopped: so each is tried in its time, however many
/// fail before it.
template <class Policies>
bool scheduler<Policies>::claim_all(claim_action action) {
    open_turns();
    entered_.clear();
    find_claimants(action);
    detail::claim_sweep& sweep = sweeps_[static_cast<std::size_t>(action)];
    const std::uint64_t onwards = claims_onwards(claim_limits().max_claims);
    bool any = false;
    for (std::uint32_t leaf = turns_.leaf(); leaf != detail::queue_turns::nobody; leaf = turns_.leaf()) {
        if (sweep.left <= onwards) return claim_onwards(action) || any;
        const std::uint32_t c = lines_[leaf].front();
        leave_turn(leaf);
        if (!claim(c, action, sweep.left)) continue;
        any = true;
        fill_line();
        for (const std::uint32_t q : touched_leaves_) sort_line(q);
        sort_line(leaf);
        if (classes_[c].jobs > 0) enter_turn(c);
        follow_turn(leaf);
    }
    return any;
}

/// Tries those whose turn has not come, the older ones first, from where the last decision stopped. Who arrives while a
/// sweep is under way waits for the next one, so that each ends.
template <class Policies>
bool scheduler<Policies>::claim_onwards(claim_action action) {
    std::vector<std::pair<std::uint64_t, job_handle>> untried;  // by arrival
    for (const std::uint32_t c : classes_.listed()) {
        const std::uint32_t j = classes_[c].first;
        if (classes_[c].candidate) untried.emplace_back(records_[j].sequence, handle(j));
    }
    open_turns();
    std::sort(untried.begin(), untried.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    detail::claim_sweep& sweep = sweeps_[static_cast<std::size_t>(action)];
    bool any = false;
    for (const bool anew : {false, true}) {
        if (anew) {
            sweep.next = 0;
            sweep.end = sequence_;
            ++sweep.rounds;
        }
        for (auto& [sequence, job] : untried) {
            if (sequence < sweep.next || sequence >= sweep.end || !job.valid()) continue;
            if (sweep.left == 0) {
                // Once a second sweep has begun since something changed, all have been tried as it is now.
                has_untried_ = has_untried_ || sweep.rounds < 2;
                return any;
            }
            sweep.next = sequence + 1;
            const std::uint32_t j = job.position();
            const bool waits = has(job) && records_[j].demand != detail::no_position;
            job = {};
            // Others' claims may have changed who goes first.
            if (!waits || classes_[records_[j].demand].first != j) continue;
            if (!claim(records_[j].demand, action, sweep.left)) continue;
            any = true;
            fill_line();
        }
    }
    return any;
}

/// Lets the classes enter of which a job may claim: most are told by their queues alone.
template <class Policies>
void scheduler<Policies>::find_claimants(claim_action action) {
    hopeless_.clear();
    amount free = 0;
    std::vector<int> lowest;  // priority of what runs in each leaf and may leave
    if (action == claim_action::preempt) {
        lowest.assign(queues_.size(), std::numeric_limits<int>::max());
        for (std::uint32_t v = 0; v < records_.size(); ++v) {
            if (!jobs_.is_taken(v) || records_[v].running == 0 || !records_[v].preemptible) continue;
            lowest[records_[v].leaf] = std::min(lowest[records_[v].leaf], records_[v].priority);
        }
    } else if (action == claim_action::consolidate) {
        free = free_share();
    }
    for (const std::uint32_t c : classes_.listed()) {
        detail::demand_class& of = classes_[c];
        if (!of.failed || of.jobs == 0) continue;
        const detail::job_record& first = records_[of.first];
        bool may = true;
        switch (action) {
            case claim_action::consolidate: may = first.preemptible && !first.grows && share_asked(of) <= free; break;
            case claim_action::reclaim: may = stays_within_due(of); break;
            case claim_action::preempt: may = !first.grows && first.priority > lowest[of.leaf]; break;
        }
        if (may) enter_turn(c);
    }
}

/// What the tasks of a class that start together ask for of GPUs, at least.
template <class Policies>
amount scheduler<Policies>::share_asked(const detail::demand_class& of) const {
    amount least = max_amount;
    for (const shape_index s : of.shapes) least = std::min(least, cluster_.workload().demand(s).total_share());
    return least * static_cast<amount>(of.least);
}

/// What all nodes that take something have free of GPUs.
template <class Policies>
amount scheduler<Policies>::free_share() const {
    amount free = 0;
    for (std::size_t i = 0; i < cluster_.fleet().node_count(); ++i) free += free_share(node_index{i});
    return free;
}

/// Moves did not make room for an equal demand: whose it is does not matter to moves.
template <class Policies>
bool scheduler<Policies>::is_hopeless(const detail::demand_class& of) const {
    return std::any_of(hopeless_.begin(), hopeless_.end(), [&](std::uint32_t other) {
        const detail::demand_class& failed = classes_[other];
        if (failed.rules != nullptr || of.rules != nullptr || failed.least != of.least) return false;
        if (failed.mig_profile != of.mig_profile) return false;
        if (failed.shapes.size() != of.shapes.size()) return false;
        for (std::size_t s = 0; s < of.shapes.size(); ++s) {
            if (!(failed.shapes[s] == of.shapes[s])) return false;
        }
        return true;
    });
}

template <class Policies>
bool scheduler<Policies>::claim(std::uint32_t c, claim_action action, std::uint64_t& attempts) {
    const std::uint32_t j = classes_[c].first;
    const detail::job_record& r = records_[j];
    // Who has just lost its place does not take another's in the same decision.
    if (now_ < r.may_evict_at() || r.evicted_at == now_ || r.claim != detail::no_position) return false;
    claim_asked_ = classes_[c].asked;
    if (!may_claim(j, action)) return false;
    if (action == claim_action::consolidate && is_hopeless(classes_[c])) return false;
    list_units(j, action);
    trials_left_ = claim_limits().max_trials;
    best_.clear();
    claiming_ = j;
    count_room(j);
    if (keep_useful_units(j, action)) search_units(j, action);
    if (best_.empty()) --attempts;
    if (best_.empty() && action == claim_action::consolidate) hopeless_.push_back(c);
    const std::vector<std::uint32_t> chosen{best_.begin(), best_.end()};
    const bool done = !chosen.empty() && attempt(j, action, chosen) && carry_out(j, action, chosen);
    claiming_ = detail::no_position;
    return done;
}

/// Whether an action is open to a job, whoever would leave.
template <class Policies>
bool scheduler<Policies>::may_claim(std::uint32_t j, claim_action action) const {
    const detail::job_record& r = records_[j];
    const detail::queue_bar bar = books_.bar(r.leaf, claim_asked_.view(), !r.preemptible);
    if (bar == detail::queue_bar::quota) return false;
    switch (action) {
        case claim_action::consolidate: return r.preemptible && !r.grows && bar == detail::queue_bar::none;
        case claim_action::reclaim: return stays_within_due(classes_[r.demand]);
        case claim_action::preempt: return !r.grows;
    }
    return false;
}

/// With the first job of a class its queue would have no more than it is due; one that grows, than it is guaranteed.
template <class Policies>
bool scheduler<Policies>::stays_within_due(const detail::demand_class& of) const {
    if (queues_.trivial()) return false;
    const bool grows = records_[of.first].grows;
    for (std::size_t c = 0; c < books_.counters(); ++c) {
        const amount most = grows ? queues_.quota(of.leaf, c) : books_.due(of.leaf, c);
        if (of.asked[c] > 0 && books_.allocated(of.leaf, c) + of.asked[c] > most) return false;
    }
    return true;
}

/// A queue has more than it is due, or than it is guaranteed, of something that is asked for.
template <class Policies>
bool scheduler<Policies>::has_too_much(std::uint32_t q) const {
    for (std::size_t c = 0; c < books_.counters(); ++c) {
        if (claim_asked_[c] <= 0) continue;
        if (books_.allocated(q, c) > std::min(books_.due(q, c), queues_.quota(q, c))) return true;
    }
    return false;
}

template <class Policies>
void scheduler<Policies>::amounts_of(const victim_unit& u, detail::flat<amount>& to) const {
    to.assign(books_.counters(), 0);
    for_each_task_of(u, [&](std::uint32_t t) { add_amounts(*cluster_.find(tasks_[u.job][t].task), to); });
}

/// Whether the rules allow these units, in this order: each is taken from the books in turn, and all are put back.
template <class Policies>
bool scheduler<Policies>::allowed(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen) {
    // A job is not counted twice, and an elastic one keeps its least or goes whole.
    std::size_t tasks = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const victim_unit& u = units_[chosen[i]];
        std::uint32_t single = 0;
        for (std::size_t k = 0; k < chosen.size(); ++k) {
            const victim_unit& other = units_[chosen[k]];
            if (other.job != u.job) continue;
            if (k != i && (u.task == whole_job || other.task == whole_job)) return false;
            single += other.task != whole_job ? 1 : 0;
        }
        const detail::job_record& r = records_[u.job];
        if (action != claim_action::consolidate && u.task != whole_job && single > r.running - r.min_tasks)
            return false;
        tasks += u.task == whole_job ? r.running : 1;
    }
    if (action == claim_action::consolidate) return tasks <= claim_limits().max_moves;
    const detail::job_record& claimant = records_[j];
    bool fine = true;
    std::size_t taken = 0;
    unit_amounts_.clear();
    for (; taken < chosen.size() && fine; ++taken) {
        const victim_unit& u = units_[chosen[taken]];
        amounts_of(u, taken_amounts_);
        if (action == claim_action::reclaim) fine = may_take_from(claimant.leaf, records_[u.job].leaf, taken_amounts_);
        books_.stop(records_[u.job].leaf, taken_amounts_.view(), false);
        unit_amounts_.append(taken_amounts_.view());
    }
    fine = fine && books_.bar(claimant.leaf, claim_asked_.view(), !claimant.preemptible) == detail::queue_bar::none;
    for (std::size_t i = 0; i < chosen.size() && fine && action == claim_action::reclaim; ++i)
        fine = stays_below(claimant.leaf, records_[units_[chosen[i]].job].leaf);
    for (std::size_t i = 0; i < taken; ++i) {
        books_.start(records_[units_[chosen[i]].job].leaf,
                     unit_amounts_.view().subspan(i * books_.counters(), books_.counters()), false);
    }
    return fine;
}

/// A claimant's side would still be within its guarantee.
template <class Policies>
bool scheduler<Policies>::is_within_quota(std::uint32_t q) const {
    for (std::size_t c = 0; c < books_.counters(); ++c) {
        if (claim_asked_[c] > 0 && books_.allocated(q, c) + claim_asked_[c] > queues_.quota(q, c)) return false;
    }
    return true;
}

/// Whether a claimant may take this from a victim's queue, as the books stand.
template <class Policies>
bool scheduler<Policies>::may_take_from(std::uint32_t claimant, std::uint32_t loser,
                                        const detail::flat<amount>& of) const {
    const auto sides = queues_.part(claimant, loser);
    const bool within_quota = is_within_quota(sides.a);
    for (std::size_t c = 0; c < books_.counters(); ++c) {
        if (claim_asked_[c] <= 0 || of[c] <= 0) continue;
        const amount has = books_.allocated(sides.b, c);
        if (has > books_.due(sides.b, c) || (within_quota && has > queues_.quota(sides.b, c))) return true;
    }
    return false;
}

/// After the exchange: a claimant's side that is above its fair share is less so than the victim's.
template <class Policies>
bool scheduler<Policies>::stays_below(std::uint32_t claimant, std::uint32_t loser) const {
    const auto sides = queues_.part(claimant, loser);
    for (std::size_t c = 0; c < books_.counters(); ++c) {
        if (claim_asked_[c] <= 0) continue;
        const amount would_have = books_.allocated(sides.a, c) + claim_asked_[c];
        if (would_have <= books_.fair(sides.a, c)) continue;
        const detail::wide_fraction its{would_have, books_.fair(sides.a, c)};
        const detail::wide_fraction theirs{std::max<amount>(books_.allocated(sides.b, c), 0), books_.fair(sides.b, c)};
        if (!(its < theirs)) return false;
    }
    return true;
}

/// The rule that allowed it, with its numbers.
template <class Policies>
std::string scheduler<Policies>::reason_of(std::uint32_t j, claim_action action, const victim_unit& u) const {
    using detail::phrase;
    const detail::job_record& claimant = records_[j];
    const detail::job_record& r = records_[u.job];
    const auto queue = [&](std::uint32_t q) {
        return q == detail::queue_tree::unnamed ? std::string_view{"(none)"} : queues_.name(q);
    };
    if (action == claim_action::consolidate) return detail::sentence({"consolidation: room for one that fits nowhere"});
    if (action == claim_action::preempt)
        return detail::sentence({"preemption in queue ", phrase::quoted(queue(r.leaf)), ": priority ",
                                 claimant.priority, " over ", r.priority});
    const auto sides = queues_.part(claimant.leaf, r.leaf);
    for (std::size_t c = 0; c < books_.counters(); ++c) {
        if (claim_asked_[c] <= 0) continue;
        const amount has = books_.allocated(sides.b, c);
        const bool above = has > books_.due(sides.b, c);
        if (!above && has <= queues_.quota(sides.b, c)) continue;
        return detail::sentence({"reclaim of ", queues_.counter_name(c), ": queue ", phrase::quoted(queue(sides.b)),
                                 " has ", has, " of ", above ? books_.due(sides.b, c) : queues_.quota(sides.b, c),
                                 above ? " due, queue " : " guaranteed, queue ", phrase::quoted(queue(sides.a)),
                                 " has ", books_.allocated(sides.a, c), " + ", claim_asked_[c], " of ",
                                 above ? books_.due(sides.a, c) : queues_.quota(sides.a, c)});
    }
    return detail::sentence({"reclaim by queue ", phrase::quoted(queue(sides.a))});
}

}  // namespace berth::inline v0
