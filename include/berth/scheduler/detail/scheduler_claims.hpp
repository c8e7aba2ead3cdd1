// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// Who leaves, or moves, for a job that waits in a queue: `share_rules`.

// Length: the candidates, the rules, the search for few, and what follows.

namespace berth::inline v0 {

template <class Policies>
void scheduler<Policies>::claim_by_shares() {
    if constexpr (shares_out) {
        using action = claim_action;
        for (std::uint64_t& left : claims_left_) left = policies_.preemption.max_claims;
        constexpr int most_rounds = 64;  // of jobs that lost their place and claim another
        for (int round = 0; round < most_rounds; ++round) {
            bool any = false;
            if (policies_.preemption.consolidate) any = claim_all(action::consolidate) || any;
            if (policies_.preemption.reclaim) any = claim_all(action::reclaim) || any;
            if (policies_.preemption.preempt) any = claim_all(action::preempt) || any;
            if (!any) return;
            // Victims may find room elsewhere, and may have left more than was needed.
            start_by_turns();
        }
    }
}

/// Tries an action for all jobs that wait, in the order of their turns; of equal ones until one fails.
template <class Policies>
bool scheduler<Policies>::claim_all(claim_action action) {
    open_turns();
    entered_.clear();
    find_claimants(action);
    std::uint64_t& attempts = claims_left_[static_cast<std::size_t>(action)];
    bool any = false;
    for (std::uint32_t leaf = turns_.leaf(); leaf != detail::queue_turns::nobody; leaf = turns_.leaf()) {
        const std::uint32_t c = lines_[leaf].front();
        leave_turn(leaf, false);
        if (attempts == 0) break;
        if (!claim(c, action, attempts)) continue;
        any = true;
        fill_line();
        for (const std::uint32_t q : touched_leaves_) sort_line(q);
        sort_line(leaf);
        if (classes_[c].jobs > 0) enter_turn(c);
        follow_turn(leaf);
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
            case claim_action::reclaim:
                for (std::size_t i = 0; i < books_.counters() && may; ++i) {
                    const amount most = first.grows ? queues_.quota(of.leaf, i) : books_.due(of.leaf, i);
                    may = of.asked[i] <= 0 || books_.allocated(of.leaf, i) + of.asked[i] <= most;
                }
                may = may && !queues_.trivial();
                break;
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
    for (std::size_t i = 0; i < cluster_.fleet().node_count(); ++i) {
        const node_index n{i};
        if (!cluster_.fleet().present(n) || !cluster_.open(n)) continue;
        const node_view at = cluster_.ledger().node(n);
        for (gpu_mask rest = cluster_.healthy_gpus(n); rest != 0; rest &= rest - 1)
            free += std::max<amount>(at.free_gpus[lowest_gpu(rest) * at.gpu_counters], 0);
    }
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
    if (units_.empty()) return false;
    trials_left_ = policies_.preemption.max_trials;
    best_.clear();
    claiming_ = j;
    search_units(j, action);
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
        case claim_action::reclaim:
            if (queues_.trivial()) return false;
            for (std::size_t c = 0; c < books_.counters(); ++c) {
                const amount most = r.grows ? queues_.quota(r.leaf, c) : books_.due(r.leaf, c);
                if (claim_asked_[c] > 0 && books_.allocated(r.leaf, c) + claim_asked_[c] > most) return false;
            }
            return true;
        case claim_action::preempt: return !r.grows;
    }
    return false;
}

/// Into `units_`: what may leave or move for a job, the first candidates first. A unit is a task above the least of an
/// elastic job, or all tasks of a job.
template <class Policies>
void scheduler<Policies>::list_units(std::uint32_t j, claim_action action) {
    units_.clear();
    const detail::job_record& claimant = records_[j];
    const detail::job_rules* rules = rules_of(j);
    for (std::uint32_t v = 0; v < records_.size(); ++v) {
        if (v == j || !may_evict(v)) continue;
        // Who wants to be near to it does not drive it out.
        if (rules != nullptr && rules->near.any() && names(rules->near, v)) continue;
        const detail::job_record& r = records_[v];
        double protects = 0.0;
        if (action == claim_action::preempt) {
            if (r.leaf != claimant.leaf || r.priority >= claimant.priority) continue;
            protects = queues_.min_runtime(r.leaf, false);
        } else if (action == claim_action::reclaim) {
            if (r.leaf == claimant.leaf) continue;
            const auto sides = queues_.part(claimant.leaf, r.leaf);
            if (!has_too_much(sides.b)) continue;
            // Beyond its guarantee nobody evicts the one that it was evicted for.
            if (claimant.evicted_for == handle(v) && !is_within_quota(sides.a)) continue;
            protects = queues_.min_runtime(sides.b, true);
        }
        const bool is_young = now_ < r.runs_since + protects;
        detail::wide_fraction excess{0, 1};
        if (action == claim_action::reclaim) excess = books_.excess(r.leaf, claim_asked_.view());
        const std::uint32_t surplus = r.running > r.min_tasks ? r.running - r.min_tasks : 0;
        if (surplus > 0 && r.running > 1) {
            for (std::uint32_t t = r.tasks; t-- > 0;) {
                if (tasks_[v][t].activity == detail::task_activity::running) units_.push_back({v, t, excess});
            }
        }
        if (!is_young || action == claim_action::consolidate) units_.push_back({v, whole_job, excess});
    }
    std::sort(units_.begin(), units_.end(), [&](const victim_unit& a, const victim_unit& b) {
        if (a.excess != b.excess) return b.excess < a.excess;
        const detail::job_record& x = records_[a.job];
        const detail::job_record& y = records_[b.job];
        if (x.priority != y.priority) return x.priority < y.priority;
        if ((a.task == whole_job) != (b.task == whole_job)) return b.task == whole_job;
        if (x.arrival != y.arrival) return x.arrival > y.arrival;
        if (x.sequence != y.sequence) return x.sequence > y.sequence;
        return a.task > b.task;
    });
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
template <class Visit>
void scheduler<Policies>::for_each_task_of(const victim_unit& u, const Visit& visit) const {
    for (std::uint32_t t = 0; t < records_[u.job].tasks; ++t) {
        if (u.task != whole_job && u.task != t) continue;
        if (tasks_[u.job][t].activity == detail::task_activity::running) visit(t);
    }
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
    if (action == claim_action::consolidate) return tasks <= policies_.preemption.max_moves;
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
bool scheduler<Policies>::may_take_from(std::uint32_t claimant, std::uint32_t victim,
                                        const detail::flat<amount>& of) const {
    const auto sides = queues_.part(claimant, victim);
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
bool scheduler<Policies>::stays_below(std::uint32_t claimant, std::uint32_t victim) const {
    const auto sides = queues_.part(claimant, victim);
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

/// Whether the claimant fits once these units have left; in a consolidation, whether they have room elsewhere, too.
/// True leaves the cluster as it would then be, false as it was.
template <class Policies>
bool scheduler<Policies>::attempt(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen) {
    released_.clear();
    rehomed_.clear();
    if (!allowed(j, action, chosen)) return false;
    for (const std::uint32_t u : chosen) {
        for_each_task_of(units_[u], [&](std::uint32_t t) { released_.push_back(released(units_[u].job, t)); });
    }
    if (might_fit(j)) {
        if (trials_left_ > 0) --trials_left_;
        list_next(j);
        if (place_listed(j, handles_.size())) {
            claimed_ = placed_;
            if (action != claim_action::consolidate || rehome_all(chosen)) return true;
            placed_ = claimed_;
            take_back(j);
        }
    }
    restore(0);
    return false;
}
template <class Policies>
void scheduler<Policies>::undo_attempt(std::uint32_t j) {
    for (const rehomed_task& r : rehomed_) (void)cluster_.release(tasks_[r.job][r.task].task);
    rehomed_.clear();
    placed_ = claimed_;
    take_back(j);
    restore(0);
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

// ---- the search ------------------------------------------------------------------------------------------------------

/// Into `best_`: the best set of units that is found within the budget. First each alone, then sets on one node or
/// pairs, then as many as it takes, in the order of the candidates, less those that can stay.
template <class Policies>
void scheduler<Policies>::search_units(std::uint32_t j, claim_action action) {
    std::vector<std::uint32_t> spare;  // above the least of elastic jobs
    for (std::uint32_t u = 0; u < units_.size(); ++u) {
        if (units_[u].task != whole_job) spare.push_back(u);
        if (trials_left_ > 0) consider(j, action, {&u, 1});
    }
    // No set stops fewer jobs than this one.
    const auto settled = [&] { return !best_.empty() && (spare.empty() || !stops_jobs(best_)); };
    if (settled()) return;
    list_next(j);
    if (handles_.size() == 1 && rules_for(j) == nullptr) {
        search_nodes(j, action);
    } else {
        constexpr std::size_t most_pairs = 32;
        const auto count = static_cast<std::uint32_t>(std::min(units_.size(), most_pairs));
        for (std::uint32_t a = 0; a < count; ++a) {
            for (std::uint32_t b = a + 1; b < count && trials_left_ > 0; ++b) {
                const std::uint32_t pair[] = {a, b};
                consider(j, action, pair);
            }
        }
    }
    if (!settled() && spare.size() > 1) gather(j, action, spare);
    if (!best_.empty()) return;
    std::vector<std::uint32_t> all(units_.size());
    for (std::uint32_t u = 0; u < all.size(); ++u) all[u] = u;
    gather(j, action, all);
}
template <class Policies>
bool scheduler<Policies>::stops_jobs(std::span<const std::uint32_t> chosen) const {
    return std::any_of(chosen.begin(), chosen.end(), [&](std::uint32_t u) { return units_[u].task == whole_job; });
}

/// Sets of two or three units on one node, else as many there as it takes.
template <class Policies>
void scheduler<Policies>::search_nodes(std::uint32_t j, claim_action action) {
    std::vector<std::pair<std::size_t, std::uint32_t>> on;  // node, unit
    for (std::uint32_t u = 0; u < units_.size(); ++u) {
        for_each_task_of(units_[u], [&](std::uint32_t t) {
            on.emplace_back(cluster_.where(tasks_[units_[u].job][t].task).node.value(), u);
        });
    }
    std::sort(on.begin(), on.end());
    on.erase(std::unique(on.begin(), on.end()), on.end());
    std::vector<std::uint32_t> here;
    std::vector<std::uint32_t> trial;
    for (std::size_t first = 0; first < on.size() && trials_left_ > 0;) {
        here.clear();
        std::size_t last = first;
        const std::size_t node = on[first].first;
        for (; last < on.size() && on[last].first == node; ++last) here.push_back(on[last].second);
        first = last;
        constexpr std::size_t most = 16;
        if (here.size() < 2) continue;
        const std::size_t needed = units_needed(j, node_index{node}, here);
        for (std::size_t a = 0; a < here.size() && here.size() <= most && needed <= 2; ++a) {
            for (std::size_t b = a + 1; b < here.size() && trials_left_ > 0; ++b) {
                trial = {here[a], here[b]};
                consider(j, action, trial);
            }
        }
        for (std::size_t a = 0; a < here.size() && here.size() <= most && needed <= 3; ++a) {
            for (std::size_t b = a + 1; b < here.size(); ++b) {
                for (std::size_t c = b + 1; c < here.size() && trials_left_ > 0; ++c) {
                    trial = {here[a], here[b], here[c]};
                    consider(j, action, trial);
                }
            }
        }
        if (best_.empty() && needed <= here.size()) gather(j, action, here);
    }
}

/// A lower bound of how many of these units have to leave a node before it has enough GPUs; more than there are if all
/// together do not do.
template <class Policies>
std::size_t scheduler<Policies>::units_needed(std::uint32_t j, node_index n, std::span<const std::uint32_t> here) {
    list_next(j);
    const demand_view demand = cluster_.workload().demand(*cluster_.find(handles_[0]));
    std::size_t free = gpu_count(cluster_.ledger().fitting_gpus(demand, n));
    std::vector<std::size_t> frees;
    for (const std::uint32_t u : here) {
        gpu_mask used = 0;
        for_each_task_of(units_[u], [&](std::uint32_t t) {
            const slot where = cluster_.where(tasks_[units_[u].job][t].task);
            if (where.node == n) used |= where.gpus;
        });
        frees.push_back(gpu_count(used));
    }
    std::sort(frees.begin(), frees.end());
    std::size_t units = 0;
    while (free < demand.gpus && units < frees.size()) free += frees[frees.size() - 1 - units++];
    return free < demand.gpus ? here.size() + 1 : units;
}

/// Takes units in their order until the claimant fits, then lets stay who can.
template <class Policies>
void scheduler<Policies>::gather(std::uint32_t j, claim_action action, std::span<const std::uint32_t> from) {
    std::vector<std::uint32_t> taken;
    bool fits = false;
    constexpr std::size_t most = 128;
    for (std::size_t i = 0; i < from.size() && taken.size() < most && trials_left_ > 0 && !fits; ++i) {
        --trials_left_;
        taken.push_back(from[i]);
        // What the rules do not allow in this order is left out.
        if (!allowed(j, action, taken) && !may_still(j, action, taken)) {
            taken.pop_back();
            continue;
        }
        fits = attempt(j, action, taken);
    }
    if (!fits) return;
    undo_attempt(j);
    for (std::size_t i = taken.size(); i-- > 0 && taken.size() > 1;) {
        std::vector<std::uint32_t> fewer = taken;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        ++trials_left_;
        if (!attempt(j, action, fewer)) continue;
        undo_attempt(j);
        taken = fewer;
    }
    keep_better(taken);
}

/// Whether more victims may make a set lawful that is not yet: only the claimant's own limits forbid it.
template <class Policies>
bool scheduler<Policies>::may_still(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen) {
    if (action != claim_action::preempt) return false;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        for (std::size_t k = i + 1; k < chosen.size(); ++k) {
            if (units_[chosen[i]].job == units_[chosen[k]].job) return false;
        }
    }
    return books_.bar(records_[j].leaf, claim_asked_.view(), false) == detail::queue_bar::limit;
}

/// Keeps a set if the claimant fits without it and it is better than the best so far.
template <class Policies>
void scheduler<Policies>::consider(std::uint32_t j, claim_action action, std::span<const std::uint32_t> chosen) {
    if (!best_.empty() && !is_better(chosen)) return;
    if (!attempt(j, action, chosen)) return;
    undo_attempt(j);
    best_.assign(chosen.begin(), chosen.end());
}
template <class Policies>
void scheduler<Policies>::keep_better(std::span<const std::uint32_t> chosen) {
    if (best_.empty() || is_better(chosen)) best_.assign(chosen.begin(), chosen.end());
}

/// Fewer jobs that stop as a whole, then less of GPUs lost, then fewer tasks, then lower priorities; else the one found
/// first: it is earlier in the order of the candidates.
template <class Policies>
bool scheduler<Policies>::is_better(std::span<const std::uint32_t> chosen) const {
    struct loss {
        std::size_t tasks = 0;
        amount share = 0;
        std::size_t whole = 0;
        int priority = std::numeric_limits<int>::min();
    };
    const auto of = [&](std::span<const std::uint32_t> set) {
        loss all;
        for (const std::uint32_t u : set) {
            all.whole += units_[u].task == whole_job ? 1 : 0;
            for_each_task_of(units_[u], [&](std::uint32_t t) {
                ++all.tasks;
                all.share += cluster_.workload().demand(*cluster_.find(tasks_[units_[u].job][t].task)).total_share() +
                             slices_.share(records_[units_[u].job].mig_profile);
            });
            all.priority = std::max(all.priority, records_[units_[u].job].priority);
        }
        return all;
    };
    const loss a = of(chosen);
    const loss b = of(best_);
    if (a.whole != b.whole) return a.whole < b.whole;
    if (a.share != b.share) return a.share < b.share;
    if (a.tasks != b.tasks) return a.tasks < b.tasks;
    // Single units come in the order of the candidates already.
    return chosen.size() > 1 && a.priority < b.priority;
}

// ---- what follows ---------------------------------------------------------------------------------------------------

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
            amounts_of(units_[u], taken_amounts_);
            books_.leave(leaf, taken_amounts_.view());
            adjusted_.push_back({leaf, false, 0});
            adjusted_amounts_.append(taken_amounts_.view());
        }
    }
    placed_ = claimed_;
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
                r.evicted_for = handle(j);
                r.delayed = false;
            }
            decided_.back().beneficiary = handle(j);
            if (serial != detail::no_position) {
                record.claim = serial;
                if (to == nullptr) record.activity = detail::task_activity::stopping;
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
    restore_where_they_were();
    std::size_t begun = 0;
    for (std::size_t i = 0; i < rehomed_.size(); ++i) {
        const rehomed_task r = rehomed_[i];
        if (r.stays()) {
            rehomed_[begun++] = r;
            continue;
        }
        if (!start_move(tasks_[r.job][r.task].task, r.to, r.to_offset)) continue;
        tasks_.at(r.job, r.task).activity = detail::task_activity::moving;
        ++moves_in_flight_;
        rehomed_[begun++] = r;
    }
    const bool all = begun == rehomed_.size();
    rehomed_.resize(begun);
    if (all || action != claim_action::consolidate) return true;
    for (const rehomed_task& r : rehomed_) {
        if (r.stays()) continue;
        cancel_move(tasks_[r.job][r.task].task);
        tasks_.at(r.job, r.task).activity = detail::task_activity::running;
        --moves_in_flight_;
    }
    return false;
}
template <class Policies>
void scheduler<Policies>::restore_where_they_were() {
    for (const released_task& was : released_)
        put_back(tasks_[was.job][was.task].task, was.where, was.alternative, was.offset);
}

/// Holds the nodes of a claimant until those that are to leave have left.
template <class Policies>
std::uint32_t scheduler<Policies>::hold_for(std::uint32_t j) {
    const std::uint32_t claim = claim_serial_++;
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
