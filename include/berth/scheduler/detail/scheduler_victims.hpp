// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

// Whom a claim takes: the candidates, and the search for few of them.

// Length: one search.

namespace berth::inline v0 {

/// Into `units_`: what may leave or move for a job. A unit is a task above the least of an elastic job, or all tasks of
/// a job.
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
            if (!has_too_much(sides.b) || !may_reclaim_from(j, v, sides.a)) continue;
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
}

/// Jobs do not rob each other in turn: who has lost its place to another one takes it back once at most, and only
/// within its guarantee; then neither takes the other's again. Who has lost it to very many is spared by all others.
template <class Policies>
bool scheduler<Policies>::may_reclaim_from(std::uint32_t j, std::uint32_t v, std::uint32_t claimants_side) const {
    const bool again = reclaimed_.has(v, handle(j));
    if (!again && reclaimed_.is_full(v, [&](job_handle job) { return has(job); })) return false;
    if (reclaimed_.has(j, handle(v))) return !again && is_within_quota(claimants_side);
    return true;
}

/// The first candidates first.
template <class Policies>
void scheduler<Policies>::sort_units() {
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

template <class Policies>
template <class Visit>
void scheduler<Policies>::for_each_task_of(const victim_unit& u, const Visit& visit) const {
    for (std::uint32_t t = 0; t < records_[u.job].tasks; ++t) {
        if (u.task != whole_job && u.task != t) continue;
        if (tasks_[u.job][t].activity == detail::task_activity::running) visit(t);
    }
}

/// How many GPUs of each node take a task of the claimant now, and how many tasks those are; with units that leave come
/// no more than the GPUs that they hold. Nothing is known (`gpus_each_` is 0) of tasks without GPUs, of slices, of
/// several demands, and of gangs whose tasks share GPUs.
template <class Policies>
void scheduler<Policies>::count_room(std::uint32_t j) {
    list_next(j);
    gpus_each_ = 0;
    lacking_copies_ = 0;
    const task_index first = *cluster_.find(handles_[0]);
    const shape_index shape = cluster_.workload().shape(first);
    demand_view demand = cluster_.workload().demand(first);
    demand.same_model = false;  // too few of a model now may be enough then
    if (demand.gpus == 0 || is_sliced(j) || (handles_.size() > 1 && demand.gpu[0] < whole_gpu)) return;
    for (const task_handle t : handles_) {
        const task_index at = *cluster_.find(t);
        if (!(cluster_.workload().shape(at) == shape) || !cluster_.alternatives(at).empty()) return;
    }
    gpus_each_ = demand.gpus;
    usable_gpus_.assign(cluster_.fleet().node_count(), 0);
    freed_gpus_.assign(cluster_.fleet().node_count(), 0);
    std::size_t copies = 0;
    for (std::size_t i = 0; i < usable_gpus_.size(); ++i) {
        usable_gpus_[i] = static_cast<std::uint32_t>(gpu_count(cluster_.ledger().fitting_gpus(demand, node_index{i})));
        copies += usable_gpus_[i] / gpus_each_;
    }
    lacking_copies_ = handles_.size() - std::min(copies, handles_.size());
    // Other jobs' places and counters of domains decide about nodes where nobody leaves.
    const auto asks = [](amount of) { return of > 0; };
    on_freed_nodes_ = rules_for(j) == nullptr && std::none_of(demand.domain.begin(), demand.domain.end(), asks);
}

/// Into `freed_gpus_`: what units hold of the GPUs of each node; the nodes into `freed_nodes_`.
template <class Policies>
void scheduler<Policies>::count_freed(const victim_unit& u) {
    for_each_task_of(u, [&](std::uint32_t t) {
        const slot where = cluster_.where(tasks_[u.job][t].task);
        if (freed_gpus_[where.node.value()] == 0) freed_nodes_.push_back(where.node);
        freed_gpus_[where.node.value()] += static_cast<std::uint32_t>(gpu_count(where.gpus));
    });
}

/// False if these units certainly hold too few GPUs for the claimant, wherever they are.
template <class Policies>
bool scheduler<Policies>::frees_enough(std::span<const std::uint32_t> chosen) {
    if (gpus_each_ == 0) return true;
    for (const std::uint32_t u : chosen) count_freed(units_[u]);
    std::size_t more = 0;
    bool takes_one = false;
    for (const node_index n : freed_nodes_) {
        const std::size_t now = usable_gpus_[n.value()] / gpus_each_;
        const std::size_t then = (usable_gpus_[n.value()] + freed_gpus_[n.value()]) / gpus_each_;
        more += then - now;
        takes_one = takes_one || then > 0;
        freed_gpus_[n.value()] = 0;
    }
    freed_nodes_.clear();
    return more >= lacking_copies_ && (takes_one || !on_freed_nodes_);
}

/// Drops units that are of no use to the claimant, and sorts the others. False if all together would not help.
template <class Policies>
bool scheduler<Policies>::keep_useful_units(std::uint32_t j, claim_action action) {
    std::vector<std::uint32_t> all(units_.size());
    for (std::uint32_t u = 0; u < all.size(); ++u) all[u] = u;
    if (all.empty() || !frees_enough(all)) return false;
    // Who leaves elsewhere may make an exchange lawful where queues lie in queues, or give those that move a place.
    const detail::job_record& r = records_[j];
    const bool lawful = books_.bar(r.leaf, claim_asked_.view(), !r.preemptible) == detail::queue_bar::none;
    const bool alone = action == claim_action::preempt || queues_[r.leaf].parent == detail::queue_tree::root;
    if (gpus_each_ > 0 && on_freed_nodes_ && lawful && alone && action != claim_action::consolidate) {
        for (const victim_unit& u : units_) count_freed(u);
        std::erase_if(units_, [&](const victim_unit& u) {
            bool helps = false;
            for_each_task_of(u, [&](std::uint32_t t) {
                const std::size_t n = cluster_.where(tasks_[u.job][t].task).node.value();
                helps = helps || usable_gpus_[n] + freed_gpus_[n] >= gpus_each_;
            });
            return !helps;
        });
        for (const node_index n : freed_nodes_) freed_gpus_[n.value()] = 0;
        freed_nodes_.clear();
    }
    sort_units();
    return true;
}

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

}  // namespace berth::inline v0
