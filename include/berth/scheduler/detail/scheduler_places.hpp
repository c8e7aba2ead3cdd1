// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/sort_positions.hpp"
#include "berth/scheduler/detail/place_domains.hpp"
#include "berth/scheduler/scheduler_interface.hpp"

#include <algorithm>

// Where the tasks of a job go that has rules: labels, domains, other jobs.

// Length: one function for each rule, from the outside in.

namespace berth::inline v0 {

template <class Policies>
bool scheduler<Policies>::place_listed(std::uint32_t j, std::size_t least) {
    kept_out_ = false;
    if (!place_freely(j, least, {})) return false;
    if constexpr (backfills) {
        if (reservations_ == 0 || keeps_promises(j)) return true;
        take_back(j);
        if (place_beside(j, least)) return true;
        kept_out_ = true;
        return false;
    } else {
        return true;
    }
}

template <class Policies>
bool scheduler<Policies>::place_freely(std::uint32_t j, std::size_t least, std::span<const node_index> nodes) {
    const detail::job_record& r = records_[j];
    placed_.clear();
    if (handles_.size() < least) return false;
    if (const detail::job_rules* rules = rules_for(j)) return place_by_rules(j, *rules, least);
    if (is_sliced(j)) return place_by_rules(j, no_rules_, least);
    const bool joins_its_model = r.same_model && r.running > 0;
    if ((handles_.size() == 1 || r.runs()) && !joins_its_model) {
        for (std::size_t i = 0; i < handles_.size(); ++i) {
            const slot where = place_task(handles_[i], nodes);
            if (where.placed()) placed_.push_back({ordinals_[i], where});
        }
        if (placed_.size() >= least) return true;
        take_back(j);
        return false;
    }
    return place_gang_among(j, nodes, least);
}

/// Into `without_gpus_`: those of some nodes, of all if none is listed, that have no GPUs, for tasks that need none.
template <class Policies>
bool scheduler<Policies>::list_without_gpus(std::span<const task_handle> tasks, std::span<const node_index> nodes) {
    without_gpus_.clear();
    if constexpr (!shares_out) return false;
    for (const task_handle task : tasks) {
        const task_index t = *cluster_.find(task);
        if (cluster_.workload().demand(t).gpus > 0 || !cluster_.alternatives(t).empty()) return false;
    }
    const auto note = [&](node_index n) {
        if (cluster_.fleet().present(n) && cluster_.gpus_there(n) == 0) without_gpus_.push_back(n);
    };
    for (const node_index n : nodes) note(n);
    for (std::size_t i = 0; i < cluster_.fleet().node_count() && nodes.empty(); ++i) note(node_index{i});
    return !without_gpus_.empty();
}

/// A task on one of some nodes, of all if none is listed. Work without GPUs leaves nodes with GPUs alone if it can.
template <class Policies>
slot scheduler<Policies>::place_task(task_handle task, std::span<const node_index> nodes) {
    if (list_without_gpus({&task, 1}, nodes)) {
        const slot where = placer_->place_among(task, without_gpus_.view(), policies_.choice);
        if (where.placed()) return where;
    }
    return nodes.empty() ? placer_->place(task, policies_.choice) : placer_->place_among(task, nodes, policies_.choice);
}

/// A gang on some nodes; on all if none is listed.
template <class Policies>
bool scheduler<Policies>::place_gang_among(std::uint32_t j, std::span<const node_index> nodes, std::size_t least) {
    if (list_without_gpus(handles_.view(), nodes) && place_gang_on(j, without_gpus_.view(), least)) return true;
    return place_gang_on(j, nodes, least);
}
template <class Policies>
bool scheduler<Policies>::place_gang_on(std::uint32_t j, std::span<const node_index> nodes, std::size_t least) {
    const gang_placement found = placer_->place_gang(handles_.view(), {.min_tasks = least,
                                                                       .same_model = records_[j].same_model,
                                                                       .models = models_of(j),
                                                                       .max_steps = options_.gang_steps,
                                                                       .among = nodes});
    if (!found.placed()) return false;
    for (std::size_t i = 0; i < handles_.size(); ++i) {
        if (found.slots[i].placed()) placed_.push_back({ordinals_[i], found.slots[i]});
    }
    return true;
}

/// Gives back what was placed last.
template <class Policies>
void scheduler<Policies>::take_back(std::uint32_t j) {
    for (std::size_t i = placed_.size(); i-- > 0;) (void)cluster_.release(tasks_[j][placed_[i].task].task);
    placed_.clear();
}

/// Its own rules; or none, in effect, for a job that others are to be away from; null for most.
template <class Policies>
const detail::job_rules* scheduler<Policies>::rules_for(std::uint32_t j) const {
    if (const detail::job_rules* own = rules_of(j)) return own;
    return is_shunned(j) ? &no_rules_ : nullptr;
}

/// Calls `visit(node)` for each place of a job's tasks.
template <class Policies>
template <class Visit>
void scheduler<Policies>::for_each_place(std::uint32_t j, const Visit& visit) const {
    for (const detail::task_record& t : tasks_[j]) {
        if (t.activity == detail::task_activity::ended) continue;
        const task_index at = *cluster_.find(t.task);
        if (cluster_.slots()[at.value()].placed()) visit(cluster_.slots()[at.value()].node);
        if (cluster_.targets()[at.value()].placed()) visit(cluster_.targets()[at.value()].node);
    }
}

/// Visits the nodes that are there and take something new.
template <class Policies>
template <class Visit>
void scheduler<Policies>::for_each_open_node(const Visit& visit) const {
    for (std::size_t i = 0; i < cluster_.fleet().node_count(); ++i) {
        const node_index n{i};
        if (cluster_.fleet().present(n) && cluster_.open(n)) visit(n);
    }
}

/// Into `allowed_`: the nodes that labels and other jobs leave to a job.
template <class Policies>
void scheduler<Policies>::list_allowed(std::uint32_t j, const detail::job_rules& rules) {
    using detail::domain_at;
    const fleet& machines = cluster_.fleet();
    std::vector<std::size_t> near;  // domains
    std::vector<std::pair<domain_level, std::size_t>> away;
    bool somebody_near = false;
    for (std::uint32_t other = 0; other < records_.size(); ++other) {
        const bool claims = jobs_.is_taken(other) && records_[other].claim != detail::no_position;
        const bool is_there = jobs_.is_taken(other) && (records_[other].running > 0 || claims || other == claiming_);
        if (other == j || !is_there) continue;
        if (rules.near.any() && names(rules.near, other)) {
            for_each_place(other, [&](node_index n) {
                somebody_near = true;
                near.push_back(domain_at(machines, n, rules.near.level));
            });
        }
        const auto shun = [&](domain_level level) {
            const auto note = [&](node_index n) { away.emplace_back(level, domain_at(machines, n, level)); };
            for_each_place(other, note);
            for (const detail::held_node& held : held_) {  // it is to start there
                const auto n = cluster_.find(held.node);
                if (claims && held.claim == records_[other].claim && n) note(*n);
            }
        };
        if (rules.away.any() && names(rules.away, other)) shun(rules.away.level);
        const detail::job_rules* its = rules_of(other);
        if (its != nullptr && its->away.any() && names(its->away, j)) shun(its->away.level);
    }
    allowed_.clear();
    for_each_open_node([&](node_index n) {
        if (!cluster_.healthy(n) || (avoids_ && avoided_[n.value()] != 0)) return;
        if (!rules.accepts(places_.labels_of(n))) return;
        if (somebody_near) {
            const std::size_t d = domain_at(machines, n, rules.near.level);
            if (d == detail::no_domain || std::find(near.begin(), near.end(), d) == near.end()) return;
        }
        const bool shunned = std::any_of(away.begin(), away.end(), [&](const auto& one) {
            return one.second != detail::no_domain && domain_at(machines, n, one.first) == one.second;
        });
        if (!shunned) allowed_.push_back(n);
    });
}

/// Some nodes by their domains of a level, the ones with the least room first; nodes without a domain are in none.
template <class Policies>
auto scheduler<Policies>::by_domain(std::span<const node_index> nodes, domain_level level) const
    -> std::vector<node_group> {
    std::vector<node_group> groups;
    std::vector<std::pair<std::size_t, std::size_t>> known;  // domain, group
    for (const node_index n : nodes) {
        const std::size_t d = detail::domain_at(cluster_.fleet(), n, level);
        if (d == detail::no_domain) continue;
        const auto at = std::lower_bound(known.begin(), known.end(), std::pair{d, std::size_t{0}});
        std::size_t g = groups.size();
        if (at != known.end() && at->first == d) {
            g = at->second;
        } else {
            known.insert(at, {d, g});
            groups.push_back({d, 0, {}});
        }
        groups[g].nodes.push_back(n);
        groups[g].room += room_on(n);
    }
    std::sort(groups.begin(), groups.end(), [](const node_group& a, const node_group& b) {
        return a.room != b.room ? a.room < b.room : a.domain < b.domain;
    });
    return groups;
}

/// What the GPUs of a node that take new tasks have free.
template <class Policies>
amount scheduler<Policies>::free_share(node_index n) const {
    const node_view at = cluster_.ledger().node(n);
    amount free = 0;
    for (gpu_mask rest = at.healthy; rest != 0; rest &= rest - 1)
        free += std::max<amount>(at.free_gpus[lowest_gpu(rest) * at.gpu_counters], 0);
    return free;
}

/// What a node has free: of GPUs, or of the first counter of nodes if the tasks want none.
template <class Policies>
amount scheduler<Policies>::room_on(node_index n) const {
    const demand_view demand = cluster_.workload().demand(*cluster_.find(handles_[0]));
    const node_view at = cluster_.ledger().node(n);
    const std::uint32_t profile = slices_.of(*cluster_.find(handles_[0])).profile;
    if (profile != detail::no_position) return slices_.free_slices(profile, demand, n);
    if (demand.gpus == 0) return at.free_node.empty() || cluster_.fleet().unlimited(n, 0) ? 0 : at.free_node[0];
    return free_share(n);
}

template <class Policies>
bool scheduler<Policies>::place_by_rules(std::uint32_t j, const detail::job_rules& rules, std::size_t least) {
    list_allowed(j, rules);
    std::vector<node_index> allowed{allowed_.begin(), allowed_.end()};
    std::vector<node_group> groups;
    if (rules.within == no_level) {
        groups.push_back({0, 0, std::move(allowed)});
    } else {
        // A gang that grows or is repaired keeps its domain.
        std::size_t home = detail::no_domain;
        for_each_place(j, [&](node_index n) { home = detail::domain_at(cluster_.fleet(), n, rules.within); });
        groups = by_domain(allowed, rules.within);
        if (home != detail::no_domain) std::erase_if(groups, [&](const node_group& g) { return g.domain != home; });
    }
    // The tightest domain that takes all tasks; else the one that takes the most of them, at least the least.
    if (handles_.size() > least) {
        for (const node_group& g : groups) {
            if (place_liked(j, rules, g.nodes, handles_.size())) return true;
        }
    }
    const node_group* best = nullptr;
    std::size_t most = 0;
    for (const node_group& g : groups) {
        if (!place_liked(j, rules, g.nodes, least)) continue;
        if (handles_.size() == least || groups.size() == 1) return true;
        if (placed_.size() > most) {
            most = placed_.size();
            best = &g;
        }
        take_back(j);
    }
    return best != nullptr && place_liked(j, rules, best->nodes, least);
}

/// On the nodes with the most of the preferred labels, so that enough tasks have a place.
template <class Policies>
bool scheduler<Policies>::place_liked(std::uint32_t j, const detail::job_rules& rules,
                                      std::span<const node_index> nodes, std::size_t wanted) {
    std::vector<node_index> liked;
    for (std::size_t labels = rules.preferred.size(); labels > 0; --labels) {
        liked.clear();
        for (const node_index n : nodes) {
            if (detail::count_shared(rules.preferred, places_.labels_of(n)) >= labels) liked.push_back(n);
        }
        if (place_together(j, rules, liked, wanted)) return true;
    }
    return place_together(j, rules, nodes, wanted);
}

/// The group of a domain comes first, the others stay in their order.
template <class Policies>
void scheduler<Policies>::put_first(std::vector<node_group>& groups, std::size_t domain) {
    const auto at = std::find_if(groups.begin(), groups.end(), [&](const node_group& g) { return g.domain == domain; });
    if (at != groups.end()) std::rotate(groups.begin(), at, at + 1);
}

/// In one domain of the preferred level, else of the next one above it; at last over as few as possible.
template <class Policies>
bool scheduler<Policies>::place_together(std::uint32_t j, const detail::job_rules& rules,
                                         std::span<const node_index> nodes, std::size_t wanted) {
    if (rules.prefer_within == no_level) return place_on(j, rules, nodes, wanted);
    std::size_t home = detail::no_domain;
    const auto at_home = [&](domain_level level) {
        home = detail::no_domain;
        for_each_place(j, [&](node_index n) { home = detail::domain_at(cluster_.fleet(), n, level); });
    };
    for (domain_level level = rules.prefer_within; rules.within == no_level || detail::is_above(rules.within, level);
         level = detail::above(level)) {
        std::vector<node_group> groups = by_domain(nodes, level);
        if (groups.empty()) break;
        at_home(level);
        put_first(groups, home);
        for (const node_group& g : groups) {
            if (place_on(j, rules, g.nodes, wanted)) return true;
        }
    }
    // Most tasks together: the domain with the most room first, task by task.
    std::vector<node_group> groups = by_domain(nodes, rules.prefer_within);
    at_home(rules.prefer_within);
    std::reverse(groups.begin(), groups.end());
    put_first(groups, home);
    if (records_[j].same_model || rules.apart != no_level) return place_on(j, rules, nodes, wanted);
    for (std::size_t i = 0; i < handles_.size(); ++i) {
        for (const node_group& g : groups) {
            const slot where = place_one(j, i, g.nodes);
            if (!where.placed()) continue;
            placed_.push_back({ordinals_[i], where});
            break;
        }
    }
    if (placed_.size() >= wanted) return true;
    take_back(j);
    return place_on(j, rules, nodes, wanted);
}

/// On some nodes, at least `wanted` tasks; what else there is room for, too.
template <class Policies>
bool scheduler<Policies>::place_on(std::uint32_t j, const detail::job_rules& rules, std::span<const node_index> nodes,
                                   std::size_t wanted) {
    if (nodes.empty()) return false;
    if (rules.apart != no_level) return place_apart(j, rules.apart, nodes, wanted);
    if (is_sliced(j)) return place_slices(j, nodes, wanted);
    if (handles_.size() > 1 || records_[j].same_model) return place_gang_among(j, nodes, wanted);
    const slot where = place_task(handles_[0], nodes);
    if (where.placed()) placed_.push_back({ordinals_[0], where});
    return where.placed();
}

/// One of the listed tasks, on some nodes; of a slice only GPUs of some models are used.
template <class Policies>
slot scheduler<Policies>::place_one(std::uint32_t j, std::size_t i, std::span<const node_index> nodes,
                                    std::uint64_t models) {
    if (!is_sliced(j)) return place_task(handles_[i], nodes);
    const task_index t = *cluster_.find(handles_[i]);
    const detail::slice_place at =
        slices_.choose(records_[j].mig_profile, cluster_.workload().demand(t), nodes, models);
    if (!at.where.placed() || !cluster_.place(t, at.where)) return unplaced;
    slices_.set_offset(t, at.offset);
    return at.where;
}

/// Slices one after the other; those of a job of one model on GPUs of each model in turn.
template <class Policies>
bool scheduler<Policies>::place_slices(std::uint32_t j, std::span<const node_index> nodes, std::size_t wanted) {
    const bool one_model = records_[j].same_model;
    const std::uint64_t joined = one_model ? models_of(j) : ~std::uint64_t{0};
    const std::size_t rounds = one_model ? cluster_.fleet().model_count() : 1;
    for (std::size_t m = 0; m < rounds; ++m) {
        const std::uint64_t models = one_model ? joined & (std::uint64_t{1} << m) : joined;
        if (models == 0) continue;
        for (std::size_t i = 0; i < handles_.size(); ++i) {
            const slot where = place_one(j, i, nodes, models);
            if (where.placed()) placed_.push_back({ordinals_[i], where});
        }
        if (placed_.size() >= wanted) return true;
        take_back(j);
    }
    return false;
}

/// Each task in another domain of a level than all others of its job.
template <class Policies>
bool scheduler<Policies>::place_apart(std::uint32_t j, domain_level level, std::span<const node_index> nodes,
                                      std::size_t wanted) {
    const detail::job_record& r = records_[j];
    std::vector<std::size_t> taken;
    for_each_place(j, [&](node_index n) { taken.push_back(detail::domain_at(cluster_.fleet(), n, level)); });
    const std::size_t before = taken.size();
    std::vector<node_index> left;
    const auto attempt = [&](std::uint64_t models) {
        taken.resize(before);
        for (std::size_t i = 0; i < handles_.size(); ++i) {
            left.clear();
            for (const node_index n : nodes) {
                const std::size_t d = detail::domain_at(cluster_.fleet(), n, level);
                if (d != detail::no_domain && std::find(taken.begin(), taken.end(), d) == taken.end())
                    left.push_back(n);
            }
            if (left.empty()) break;
            slot where = unplaced;
            if (is_sliced(j)) {
                where = place_one(j, i, left, models);
            } else if (r.same_model) {
                const gang_placement one =
                    placer_->place_gang(handles_.view().subspan(i, 1),
                                        {.same_model = true, .models = models, .max_steps = 0, .among = left});
                where = one.slots[0];
            } else {
                where = place_task(handles_[i], left);
            }
            if (!where.placed()) continue;
            placed_.push_back({ordinals_[i], where});
            taken.push_back(detail::domain_at(cluster_.fleet(), where.node, level));
        }
        if (placed_.size() >= wanted) return true;
        take_back(j);
        return false;
    };
    if (!r.same_model) return attempt(~std::uint64_t{0});
    const std::uint64_t joined = models_of(j);
    for (std::size_t m = 0; m < cluster_.fleet().model_count(); ++m) {
        if ((joined >> m & 1U) != 0 && attempt(std::uint64_t{1} << m)) return true;
    }
    return false;
}

/// Moves tasks of jobs with rules, and slices, off places that are to be left: a balancer knows neither.
template <class Policies>
void scheduler<Policies>::relieve_by_rules() {
    for (std::uint32_t j = 0; j < records_.size(); ++j) {
        if (!jobs_.is_taken(j) || !records_[j].preemptible || records_[j].running == 0) continue;
        if (!is_sliced(j) && (rules_.empty() || rules_for(j) == nullptr)) continue;
        for (std::uint32_t t = 0; t < records_[j].tasks; ++t) {
            detail::task_record& record = tasks_.at(j, t);
            if (record.activity != detail::task_activity::running || record.not_before > now_) continue;
            const slot from = cluster_.where(record.task);
            const char* why = places_.why_leave(from);
            if (why != nullptr && places_.only_pressed(from)) why = nullptr;
            if (why == nullptr && is_sliced(j)) why = slices_.trouble(*cluster_.find(record.task));
            if (why == nullptr) continue;
            if (cluster_.alternative(record.task) != 0) continue;
            const released_task was = released(j, t);
            handles_.clear();
            ordinals_.clear();
            handles_.push_back(record.task);
            ordinals_.push_back(t);
            slot to = unplaced;
            std::uint32_t offset = detail::no_offset;
            if (place_listed(j, 1)) {
                to = placed_[0].where;
                offset = slices_.offset(*cluster_.find(record.task));
                take_back(j);
            }
            put_back(record.task, from, was.alternative, was.offset);
            if (!to.placed() || !begin_task_move(j, t, to, why, 0, offset)) unrelieved_ = true;
        }
    }
}

}  // namespace berth::inline v0
