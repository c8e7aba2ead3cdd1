// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/core/flat.hpp"
#include "berth/balance/defragment/detail/eviction_table.hpp"
#include "berth/balance/defragment/detail/occupied_fleet.hpp"
#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace berth::inline v0::detail {

/// What both searches of `defragment` share: policies, the best way found so far, and what-if placements on the ledger, which
/// stands at the observed placement between calls of `consider`.
template <class FragmentationCost, class Movable, class Cost>
class candidate_plan {
public:
    candidate_plan(const problem& p, FragmentationCost fragmentation, Movable movable, Cost cost, bool alike)
        : fleet{p},
          table{p.workload().shape_count(), p.fleet().node_count(), alike},
          fragmentation_{std::move(fragmentation)},
          movable_{std::move(movable)},
          cost_{std::move(cost)} {}

    occupied_fleet fleet;
    eviction_table table;
    std::uint64_t evaluations = 0;

    /// @param step_price  fragmentation that each step has to save; 0: fewest steps first
    void ask(task_index root, std::size_t most_steps, bool park, double step_price) {
        root_ = root;
        most_steps_ = most_steps;
        park_ = park;
        step_price_ = step_price;
        found_ = false;
        best_ = {};
        evaluations = 0;
    }
    [[nodiscard]] task_index root() const noexcept { return root_; }
    [[nodiscard]] demand_view demand(task_index t) const noexcept { return fleet.work().demand(t); }
    [[nodiscard]] shape_index shape(task_index t) const noexcept { return fleet.work().shape(t); }
    [[nodiscard]] std::size_t most_steps() const noexcept { return most_steps_; }
    [[nodiscard]] bool may_park() const noexcept { return park_; }
    [[nodiscard]] bool found() const noexcept { return found_; }
    [[nodiscard]] std::size_t best_steps() const noexcept { return best_.steps; }
    [[nodiscard]] bool priced() const noexcept { return step_price_ > 0.0; }
    /// A way was found, and none that takes more steps can be better.
    [[nodiscard]] bool found_shortest() const noexcept { return found_ && !priced(); }
    /// What the best way saves is worth its steps. Of a task without GPU no saving is expected.
    [[nodiscard]] bool worth() const noexcept { return !priced() || demand(root_).gpus == 0 || price(best_) <= noise; }
    [[nodiscard]] double fragmentation_of(node_index n) const { return static_cast<double>(fragmentation_(fleet.ledger().node(n))); }
    [[nodiscard]] bool may_move(task_index t, const slot& to) const {
        return t == root_ || (to != fleet.where(t) && movable_(task_move{t, fleet.where(t), to}));
    }

    /// Calls `visit(slot)` for the ways to put a task on a node that has room, until it says true. All of them for a task on one
    /// GPU or none; up to `most_masks` for a task on several.
    template <class Visit>
    bool any_slot(task_index t, node_index n, Visit visit) const {
        constexpr std::size_t most_masks = 64;
        const demand_view wanted = demand(t);
        if (wanted.gpus == 0) return may_move(t, {n, 0}) && visit(slot{n, 0});
        const gpu_mask fitting = fleet.ledger().fitting_gpus(wanted, n);
        if (wanted.gpus == 1) {
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1) {
                const slot here{n, rest & (~rest + 1)};
                if (may_move(t, here) && visit(here)) return true;
            }
            return false;
        }
        gpu_mask packed = first_gpus(wanted.gpus);  // over the positions of GPUs that fit
        const std::size_t count = gpu_count(fitting);
        for (std::size_t tried = 0; tried < most_masks; ++tried) {
            gpu_mask gpus = 0;
            std::size_t position = 0;
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1, ++position) {
                if ((packed >> position & 1U) != 0) gpus |= rest & (~rest + 1);
            }
            const slot here{n, gpus};
            if (may_move(t, here) && visit(here)) return true;
            const gpu_mask lowest = packed & (~packed + 1);
            const gpu_mask next = packed + lowest;
            if (next == 0) return false;
            packed = ((next ^ packed) >> 2U) / lowest | next;
            if (count < 64 && (packed >> count) != 0) return false;
        }
        return false;
    }
    /// The slot on a node that has room where least is lost, and how much; `unplaced` if the task may not go there.
    struct offer {
        slot where{};
        double fragmentation = std::numeric_limits<double>::infinity();
    };
    [[nodiscard]] offer best_slot(task_index t, node_index n) {
        const demand_view wanted = demand(t);
        const double before = fragmentation_of(n);
        offer best;
        const auto try_slot = [&](const slot& here) {
            fleet.ledger().place(wanted, here);
            const double lost = fragmentation_of(n) - before;
            fleet.ledger().remove(wanted, here);
            if (!best.where.placed() || lost < best.fragmentation - noise) best = {here, lost};
        };
        if (wanted.gpus > 1) {
            const node_view node = fleet.ledger().node(n);
            const slot tightest{n, tightest_gpu{}(node, wanted, fleet.ledger().fitting_gpus(wanted, n))};
            if (may_move(t, tightest)) {
                try_slot(tightest);
            } else {
                (void)any_slot(t, n, [&](const slot& here) { return try_slot(here), true; });
            }
            return best;
        }
        const node_view node = fleet.ledger().node(n);
        gpu_mask tried = 0;
        (void)any_slot(t, n, [&](const slot& here) {
            for (gpu_mask rest = tried; rest != 0; rest &= rest - 1) {
                if (same_gpu(node, lowest_gpu(rest), lowest_gpu(here.gpus))) return false;
            }
            tried |= here.gpus;
            try_slot(here);
            return false;
        });
        return best;
    }

    /// Judges a way: moves of distinct tasks from where they are, after which the new task goes to `n`. The ledger
    /// stands at the observed placement. True if it can be ordered within the steps allowed.
    bool consider(task_moves all, node_index n) {
        ++evaluations;
        ledger& ledger = fleet.ledger();
        const std::size_t spare = most_steps_ - all.size();
        if (!order_.find(ledger, fleet.work(), all, park_ ? spare : 0)) return false;
        way w{.steps = all.size() + order_.parked()};
        touched_.clear();
        touch(n);
        for (const task_move& r : all) {
            touch(r.from.node);
            touch(r.to.node);
            const migration_estimate e = cost_(fleet.problem(), r);
            w.downtime += e.downtime;
            w.bytes += e.bytes;
        }
        for (const node_index m : touched_) w.fragmentation -= fragmentation_of(m);
        for (const task_move& r : all) ledger.remove(demand(r.task), r.from);
        for (const task_move& r : all) ledger.place(demand(r.task), r.to);
        bool fits = ledger.fits(demand(root_), n);
        if (fits) {
            w.root = best_slot(root_, n).where;
            ledger.place(demand(root_), w.root);
            for (const node_index m : touched_) w.fragmentation += fragmentation_of(m);
            ledger.remove(demand(root_), w.root);
        }
        for (const task_move& r : all) ledger.remove(demand(r.task), r.to);
        for (const task_move& r : all) ledger.place(demand(r.task), r.from);
        if (!fits) return false;
        if (!found_ || better(w, best_)) {
            found_ = true;
            best_ = w;
            best_moves_.clear();
            best_moves_.append(all);
        }
        return true;
    }
    [[nodiscard]] bool fits_on(node_index n) const { return fleet.ledger().fits(demand(root_), n); }

    /// The best way found, in waves. The ledger is left as it was.
    void report(eviction_plan& answer) {
        ledger& ledger = fleet.ledger();
        (void)order_.find(ledger, fleet.work(), best_moves_.view(), park_ ? most_steps_ - best_moves_.size() : 0);
        answer.outcome = eviction_outcome::evicted;
        answer.where = best_.root;
        answer.fragmentation = best_.fragmentation;
        write_plan(answer.plan);
    }

private:
    struct way {
        std::size_t steps = 0;
        double downtime = 0.0;
        amount bytes = 0;
        double fragmentation = 0.0;
        slot root{};
    };
    static constexpr double noise = 1e-9;

    [[nodiscard]] double price(const way& w) const noexcept {
        return w.fragmentation + step_price_ * static_cast<double>(w.steps);
    }
    [[nodiscard]] bool better(const way& a, const way& b) const noexcept {
        if (priced()) {
            const double gain = price(b) - price(a);
            if (gain > noise || gain < -noise) return gain > 0.0;
        }
        if (a.steps != b.steps) return a.steps < b.steps;
        if (a.downtime != b.downtime) return a.downtime < b.downtime;
        if (a.bytes != b.bytes) return a.bytes < b.bytes;
        return a.fragmentation < b.fragmentation - noise;
    }
    [[nodiscard]] static bool same_gpu(const node_view& node, std::size_t a, std::size_t b) noexcept {
        if (node.model(a) != node.model(b)) return false;
        for (std::size_t r = 0; r < node.gpu_counters; ++r) {
            if (node.free_gpu(a)[r] != node.free_gpu(b)[r]) return false;
        }
        return true;
    }
    void touch(node_index n) {
        for (const node_index m : touched_) {
            if (m == n) return;
        }
        touched_.push_back(n);
    }

    /// Steps one after the other, in one wave as long as all targets have room with every source of the wave held.
    void write_plan(migration_plan& plan) {
        ledger& ledger = fleet.ledger();
        std::size_t released = 0;  // steps whose source is given back
        double longest = 0.0;
        const auto end_wave = [&] {
            for (; released < plan.steps.size(); ++released) {
                const migration_step& s = plan.steps[released];
                if (s.from.placed()) ledger.remove(demand(s.task), s.from);
            }
            plan.wave_ends.push_back(plan.steps.size());
            plan.duration += longest;
            longest = 0.0;
        };
        const auto in_wave = [&](task_index t) {
            for (std::size_t i = released; i < plan.steps.size(); ++i) {
                if (plan.steps[i].task == t) return true;
            }
            return false;
        };
        for (const auto& o : order_.steps()) {
            const task_move& r = best_moves_[o.which];
            const slot from = o.kind == step_kind::fetch ? unplaced : r.from;
            const slot to = o.kind == step_kind::park ? unplaced : r.to;
            if (in_wave(r.task) || (to.placed() && !ledger.has_room(demand(r.task), to))) end_wave();
            if (to.placed()) ledger.place(demand(r.task), to);
            const migration_estimate e = cost_(fleet.problem(), {r.task, from, to});
            plan.steps.push_back({r.task, from, to, o.kind, e.duration, e.downtime});
            plan.downtime += e.downtime;
            plan.extra_steps += o.kind == step_kind::park ? 1 : 0;
            if (e.duration > longest) longest = e.duration;
        }
        if (plan.steps.size() > released) end_wave();
        for (const task_move& r : best_moves_) ledger.remove(demand(r.task), r.to);
        for (const task_move& r : best_moves_) ledger.place(demand(r.task), r.from);
        add_waits(plan);
    }
    /// A parked task does not run until it is fetched: the waves between count.
    void add_waits(migration_plan& plan) const {
        for (std::size_t w = 0; w < plan.wave_count(); ++w) {
            for (const migration_step& parked : plan.wave(w)) {
                if (parked.kind != step_kind::park) continue;
                bool back = false;
                for (std::size_t v = w + 1; v < plan.wave_count() && !back; ++v) {
                    double longest = 0.0;
                    for (const migration_step& s : plan.wave(v)) {
                        back = back || s.task == parked.task;
                        if (s.duration > longest) longest = s.duration;
                    }
                    if (!back) plan.downtime += longest;
                }
            }
        }
    }

    FragmentationCost fragmentation_;
    Movable movable_;
    Cost cost_;
    eviction_order order_;
    task_index root_{};
    std::size_t most_steps_ = 0;
    bool park_ = false;
    double step_price_ = 0.0;
    bool found_ = false;
    way best_;
    flat<task_move> best_moves_;
    flat<node_index> touched_;
};

}  // namespace berth::inline v0::detail
