// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/detail/job_rules.hpp"
#include "berth/scheduler/detail/place_domains.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

// Length: the room of the future, by node and of all nodes.

namespace berth::inline v0::detail {

/// How long something still runs that has run so long. What has outlived its estimate is estimated twice as long, up to
/// what was asked for, as long as that holds.
///
/// @param estimate  seconds in all; not above 0: a second
/// @param most      seconds that were asked for; NaN: unknown
/// @param attained  seconds until now
[[nodiscard]] inline double seconds_to_go(double estimate, double most, double attained) noexcept {
    double all = estimate > 0.0 ? estimate : 1.0;
    while (all <= attained) all *= 2.0;
    if (most > attained && all > most) all = most;
    return all - attained;
}

/// What a node has free at another time: a copy of its counters that tasks are taken from and put on.
class node_ahead {
public:
    /// As it is now.
    void look(const cluster& of, node_index n) {
        cluster_ = &of;
        const node_view now = of.ledger().node(n);
        index_ = n;
        node_.clear();
        node_.append(now.free_node);
        gpus_.clear();
        gpus_.append(now.free_gpus);
        per_gpu_ = now.gpu_counters;
    }
    /// A task is gone from a slot of this node (1), or is there (-1).
    void change(const demand_view& demand, gpu_mask gpus, amount sign) noexcept {
        for (std::size_t r = 0; r < node_.size(); ++r) add(node_[r], sign * demand.node[r]);
        for (gpu_mask rest = gpus; rest != 0; rest &= rest - 1) {
            for (std::size_t r = 0; r < per_gpu_; ++r)
                add(gpus_[lowest_gpu(rest) * per_gpu_ + r], sign * demand.gpu[r]);
        }
    }
    /// The GPUs that a task would get; nothing if it does not fit. Domains are not considered.
    [[nodiscard]] std::optional<gpu_mask> fit(const demand_view& demand) const {
        const fleet& machines = cluster_->fleet();
        if (!machines.healthy(index_)) return std::nullopt;
        for (std::size_t r = 0; r < node_.size(); ++r) {
            if (node_[r] < demand.node[r]) return std::nullopt;
        }
        if (demand.gpus == 0) return gpu_mask{0};
        gpu_mask fitting = 0;
        for (gpu_mask rest = machines.healthy_gpus(index_); rest != 0; rest &= rest - 1) {
            const std::size_t g = lowest_gpu(rest);
            bool fits = (demand.accepted_models >> machines.model(machines.gpu(index_, g)).value() & 1U) != 0;
            for (std::size_t r = 0; r < per_gpu_ && fits; ++r) fits = gpus_[g * per_gpu_ + r] >= demand.gpu[r];
            if (fits) fitting |= gpu_mask{1} << g;
        }
        if (!demand.same_model) return pick(demand, fitting);
        for (std::uint64_t models = machines.models_on(index_); models != 0; models &= models - 1) {
            gpu_mask alike = 0;
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                const std::size_t model = machines.model(machines.gpu(index_, lowest_gpu(rest))).value();
                if (((models & -models) >> model & 1U) != 0) alike |= rest & -rest;
            }
            if (const auto found = pick(demand, alike)) return found;
        }
        return std::nullopt;
    }

private:
    static void add(amount& free, amount change) noexcept {
        if (free != max_amount) free += change;
    }
    [[nodiscard]] std::optional<gpu_mask> pick(const demand_view& demand, gpu_mask fitting) const {
        if (!has_gpus(fitting, demand.gpus)) return std::nullopt;
        const node_view at{.fleet = &cluster_->fleet(),
                           .index = index_,
                           .free_node = node_.view(),
                           .free_gpus = gpus_.view(),
                           .gpu_counters = per_gpu_,
                           .healthy = cluster_->fleet().healthy_gpus(index_)};
        return tightest_gpu{}(at, demand, fitting);
    }

    const cluster* cluster_ = nullptr;
    node_index index_{};
    std::size_t per_gpu_ = 0;
    flat<amount> node_;
    flat<amount> gpus_;
};

/// A job that is to start as a whole.
struct wished_room {
    std::span<const task_index> tasks{};  ///< as many as have to start together; no slices
    bool same_model = false;
    const job_rules* rules = nullptr;     ///< levels; null: none
    std::span<const node_index> nodes{};  ///< where it may go
};
/// A job that does not fit yet, and when and where it is to start.
struct reserved_job {
    std::uint32_t job = 0;
    std::uint64_t sequence = 0;  // tells it from another job at its position
    double from = 0.0;
    double until = 0.0;  // infinity: nobody knows
    flat<slot> slots{};
    flat<shape_index> shapes{};  // of each slot: the demand that it is for
};

/// When and where a job fits at the earliest, while others end.
class room_ahead {
public:
    /// Begins with the room of now.
    void open(const cluster& of) {
        cluster_ = &of;
        if (left_) {
            *left_ = of.ledger();
        } else {
            left_.emplace(of.ledger());
        }
        ends_.clear();
    }
    /// Room that somebody else is to have. O(counters of the slot).
    void take(const demand_view& demand, const slot& where) { (void)left_->occupy(demand, where); }
    /// At that time something ends that holds room now; `what` says what, to whoever is asked by `find`.
    void add_end(double at, std::uint32_t what) { ends_.push_back({at, what}); }

    /// The earliest time, and the slots of all tasks, into a reservation. Nothing if it fits now, or not even once all
    /// has ended. O(ends until then × log(ends) + what they hold + nodes × GPUs); a job of unlike tasks, of one model
    /// or with rules: O(log(ends) × (ends + counters of the fleet + tasks × nodes × GPUs)).
    ///
    /// @param visit  `visit(what, f)` calls `f(demand, slot)` for all that an end gives back
    template <class Visit>
    [[nodiscard]] std::optional<double> find(const wished_room& wished, const Visit& visit, reserved_job& into) {
        found_ = &into;
        into.slots.clear();
        into.shapes.clear();
        if (wished.tasks.empty() || ends_.empty()) return std::nullopt;
        return counts(wished) ? sweep(wished, visit) : search(wished, visit);
    }

private:
    struct known_end {
        double at = 0.0;
        std::uint32_t what = 0;
    };
    [[nodiscard]] static bool later(const known_end& a, const known_end& b) noexcept {
        if (a.at < b.at || b.at < a.at) return a.at > b.at;
        return a.what > b.what;
    }
    [[nodiscard]] demand_view demand_of(task_index t) const { return cluster_->workload().demand(t); }
    /// Equal tasks without rules: how many fit on each node tells whether all do, but for domains and unlike GPUs.
    [[nodiscard]] bool counts(const wished_room& w) const {
        if (w.rules != nullptr || w.same_model) return false;
        const workload& work = cluster_->workload();
        for (const task_index t : w.tasks) {
            if (!cluster_->alternatives(t).empty() || !(work.shape(t) == work.shape(w.tasks[0]))) return false;
        }
        return true;
    }
    template <class Visit>
    [[nodiscard]] std::optional<double> sweep(const wished_room& w, const Visit& visit) {
        const demand_view demand = demand_of(w.tasks[0]);
        copies_.assign(cluster_->fleet().node_count(), 0);
        eligible_.assign(cluster_->fleet().node_count(), 0);
        std::size_t sum = 0;
        for (const node_index n : w.nodes) {
            eligible_[n.value()] = 1;
            copies_[n.value()] = copies_on(demand, n, w.tasks.size());
            sum += copies_[n.value()];
        }
        if (sum >= w.tasks.size() && fits(w)) return std::nullopt;
        std::make_heap(ends_.begin(), ends_.end(), later);
        for (std::size_t count = ends_.size(); count > 0;) {
            const double at = ends_[0].at;
            touched_.clear();
            while (count > 0 && !(at < ends_[0].at)) {
                visit(ends_[0].what, [&](const demand_view& given, const slot& where) {
                    if (left_->try_remove(given, where)) touched_.push_back(where.node);
                });
                std::pop_heap(ends_.begin(), ends_.begin() + count, later);
                --count;
            }
            for (const node_index n : touched_) {
                if (eligible_[n.value()] == 0) continue;
                const std::uint32_t now = copies_on(demand, n, w.tasks.size());
                sum = sum - copies_[n.value()] + now;
                copies_[n.value()] = now;
            }
            if (sum >= w.tasks.size() && !touched_.empty() && fits(w)) return at;
        }
        return std::nullopt;
    }
    /// More room is never worse, so the fewest ends that suffice are found by halving.
    template <class Visit>
    [[nodiscard]] std::optional<double> search(const wished_room& w, const Visit& visit) {
        if (fits(w)) return std::nullopt;
        std::sort(ends_.begin(), ends_.end(), [](const known_end& a, const known_end& b) { return later(b, a); });
        if (before_) {
            *before_ = *left_;
        } else {
            before_.emplace(*left_);
        }
        const auto fits_after = [&](std::size_t count) {
            *left_ = *before_;
            for (std::size_t i = 0; i < count; ++i) {
                visit(ends_[i].what,
                      [&](const demand_view& given, const slot& where) { (void)left_->try_remove(given, where); });
            }
            return fits(w);
        };
        std::size_t few = 0;
        std::size_t enough = ends_.size();
        if (!fits_after(enough)) return std::nullopt;
        while (enough - few > 1) {
            const std::size_t middle = few + (enough - few) / 2;
            (fits_after(middle) ? enough : few) = middle;
        }
        return fits_after(enough) ? std::optional{ends_[enough - 1].at} : std::nullopt;
    }

    /// At most so many copies on a node.
    [[nodiscard]] std::uint32_t copies_on(const demand_view& demand, node_index n, std::size_t most) const {
        if (!left_->fits(demand, n)) return 0;
        if (most == 1) return 1;
        const node_view at = left_->node(n);
        auto bound = static_cast<amount>(most);
        for (std::size_t r = 0; r < demand.node.size(); ++r) {
            if (demand.node[r] > 0) bound = std::min(bound, at.free_node[r] / demand.node[r]);
        }
        if (demand.gpus == 0) return static_cast<std::uint32_t>(bound);
        amount on_gpus = 0;
        for (gpu_mask rest = left_->fitting_gpus(demand, n); rest != 0; rest &= rest - 1) {
            amount here = bound;
            for (std::size_t r = 0; r < at.gpu_counters; ++r) {
                const amount free = at.free_gpus[lowest_gpu(rest) * at.gpu_counters + r];
                if (demand.gpu[r] > 0) here = std::min(here, free / demand.gpu[r]);
            }
            on_gpus += here;
        }
        return static_cast<std::uint32_t>(std::min(bound, on_gpus / static_cast<amount>(demand.gpus)));
    }
    /// All tasks at once, in what is left; into `slots`.
    [[nodiscard]] bool fits(const wished_room& w) {
        if (!w.same_model) return fits(w, ~std::uint64_t{0});
        for (std::size_t m = 0; m < cluster_->fleet().model_count(); ++m) {
            if (fits(w, std::uint64_t{1} << m)) return true;
        }
        return false;
    }
    [[nodiscard]] bool fits(const wished_room& w, std::uint64_t models) {
        if (w.rules == nullptr || w.rules->within == no_level) return fits_on(w, w.nodes, models);
        std::vector<std::pair<std::size_t, node_index>> by_domain;
        for (const node_index n : w.nodes) {
            const std::size_t d = domain_at(cluster_->fleet(), n, w.rules->within);
            if (d != no_domain) by_domain.emplace_back(d, n);
        }
        std::sort(by_domain.begin(), by_domain.end());
        flat<node_index> group;
        for (std::size_t i = 0; i < by_domain.size(); ++i) {
            group.push_back(by_domain[i].second);
            if (i + 1 < by_domain.size() && by_domain[i + 1].first == by_domain[i].first) continue;
            if (fits_on(w, group.view(), models)) return true;
            group.clear();
        }
        return false;
    }
    [[nodiscard]] bool fits_on(const wished_room& w, std::span<const node_index> nodes, std::uint64_t models) {
        const domain_level apart = w.rules == nullptr ? no_level : w.rules->apart;
        taken_.clear();
        found_->slots.clear();
        found_->shapes.clear();
        left_->checkpoint();
        std::size_t first = 0;
        for (std::size_t i = 0; i < w.tasks.size(); ++i) {
            const task_index t = w.tasks[i];
            const bool as_before = i > 0 && cluster_->alternatives(t).empty() &&
                                   cluster_->workload().shape(t) == cluster_->workload().shape(w.tasks[i - 1]);
            if (!as_before) first = 0;
            for (; first < nodes.size(); ++first) {
                if (put(t, nodes[first], models, apart)) break;
            }
            if (first == nodes.size()) break;
        }
        left_->rollback();
        return found_->slots.size() == w.tasks.size();
    }
    [[nodiscard]] bool put(task_index t, node_index n, std::uint64_t models, domain_level apart) {
        std::size_t domain = no_domain;
        if (apart != no_level) {
            domain = domain_at(cluster_->fleet(), n, apart);
            if (domain == no_domain || std::find(taken_.begin(), taken_.end(), domain) != taken_.end()) return false;
        }
        const std::span<const task_alternative> others = cluster_->alternatives(t);
        for (std::size_t k = 0; k < std::max<std::size_t>(others.size(), 1); ++k) {
            const shape_index shape = others.empty() ? cluster_->workload().shape(t) : others[k].shape;
            demand_view demand = cluster_->workload().demand(shape);
            if (demand.gpus > 0) demand.accepted_models &= models;
            if (!left_->fits(demand, n)) continue;
            const gpu_mask fitting = demand.gpus == 0 ? 0 : left_->fitting_gpus(demand, n);
            const slot where{n, demand.gpus == 0 ? 0 : tightest_gpu{}(left_->node(n), demand, fitting)};
            left_->place(demand, where);
            if (apart != no_level) taken_.push_back(domain);
            found_->slots.push_back(where);
            found_->shapes.push_back(shape);
            return true;
        }
        return false;
    }

    const cluster* cluster_ = nullptr;
    reserved_job* found_ = nullptr;
    std::optional<ledger> left_;
    std::optional<ledger> before_;
    flat<known_end> ends_;
    flat<std::uint32_t> copies_;   // of each node
    flat<std::uint8_t> eligible_;  // of each node
    flat<node_index> touched_;
    flat<std::size_t> taken_;  // domains
};

}  // namespace berth::inline v0::detail
