// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/balance/defragment/defragment_options.hpp"
#include "berth/balance/defragment/detail/candidate_plan.hpp"
#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/balance/defragment/detail/eviction_table.hpp"
#include "berth/balance/defragment/detail/eviction_waves.hpp"
#include "berth/balance/defragment/detail/occupied_fleet.hpp"
#include "berth/balance/defragment/eviction_plan.hpp"
#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

// Length: the questions about moves that both searches ask, over one state.

namespace berth::inline v0::detail {

/// What both searches of `defragment` share: the occupied fleet, the table of evictions, the policies, and the best
/// candidate plan so far. Between calls of `consider` the ledger stands at the occupied slots.
///
/// @tparam Fleet  who is where, and what is free: `occupied_fleet` or `borrowed_fleet`
template <class FragmentationCost, class Movable, class Cost, class Fleet = occupied_fleet>
class eviction_context {
public:
    using fleet_type = Fleet;
    using movability_type = Movable;

    /// @param source  a problem or a cluster: of what the fleet is made
    template <class Source>
    eviction_context(const Source& source, FragmentationCost fragmentation, Movable movable, Cost cost, bool alike)
        : fleet{source},
          table{fleet.work().shape_count(), fleet.machines().node_count(), alike},
          fragmentation_{std::move(fragmentation)},
          movable_{std::move(movable)},
          cost_{std::move(cost)} {}

    Fleet fleet;
    eviction_table table;
    stop_poll poll;  // of the present question

    /// Replaces the fragmentation cost, for another mix or fleet.
    void set_fragmentation(FragmentationCost fragmentation) { fragmentation_.emplace(std::move(fragmentation)); }

    /// Begins a question: room for the task `root`, which is not valid if the question is about a demand alone.
    ///
    /// @param shape  its demand
    void begin(task_index root, shape_index shape, std::size_t max_steps, const defragment_options& options) {
        root_ = root;
        root_shape_ = shape;
        max_steps_ = max_steps;
        park_ = options.park;
        step_cost_ = options.step_cost;
        found_ = false;
        best_ = {};
    }
    /// The same for a task with its own demand.
    void begin(task_index root, std::size_t max_steps, const defragment_options& options) {
        begin(root, fleet.work().shape(root), max_steps, options);
    }
    [[nodiscard]] task_index root() const noexcept { return root_; }
    [[nodiscard]] shape_index shape(task_index t) const noexcept {
        return t == root_ ? root_shape_ : fleet.work().shape(t);
    }
    [[nodiscard]] demand_view demand(task_index t) const noexcept { return fleet.work().demand(shape(t)); }
    [[nodiscard]] const eviction_table::entry& evictions(task_index t) { return table.of(shape(t), fleet, poll); }
    [[nodiscard]] std::size_t max_steps() const noexcept { return max_steps_; }
    [[nodiscard]] bool may_park() const noexcept { return park_; }
    [[nodiscard]] bool found() const noexcept { return found_; }
    [[nodiscard]] const candidate_plan& best() const noexcept { return best_; }
    [[nodiscard]] bool steps_cost() const noexcept { return step_cost_ > 0.0; }
    /// A plan was found, and none with more steps can be better.
    [[nodiscard]] bool found_shortest() const noexcept { return found_ && !steps_cost(); }
    /// The best plan saves the cost of its steps. Tasks without GPU are exempt.
    [[nodiscard]] bool worth() const noexcept {
        return !steps_cost() || demand(root_).gpus == 0 || best_.total(step_cost_) <= noise;
    }
    [[nodiscard]] double fragmentation_of(node_index n) const {
        return static_cast<double>((*fragmentation_)(fleet.ledger().node(n)));
    }
    [[nodiscard]] bool may_move(task_index t, const slot& to) const {
        return t == root_ || (to != fleet.where(t) && keeps_model(t, to) && movable_(task_move{t, fleet.where(t), to}));
    }
    [[nodiscard]] bool fits_on(node_index n) const { return fleet.ledger().fits(demand(root_), n); }

    /// Calls `visit(slot)` for the slots that a task may take on a node that has room, until it returns true. All slots
    /// of a task on one GPU or none; up to `max_masks` of a task on several.
    template <class Visit>
    bool any_slot(task_index t, node_index n, Visit visit) const {
        constexpr std::size_t max_masks = 64;
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
        for (std::size_t tried = 0; tried < max_masks; ++tried) {
            gpu_mask gpus = 0;
            std::size_t position = 0;
            for (gpu_mask rest = fitting; rest != 0; rest &= rest - 1, ++position) {
                if ((packed >> position & 1U) != 0) gpus |= rest & (~rest + 1);
            }
            const slot here{n, gpus};
            const bool alike = !wanted.same_model || fleet.machines().one_model(here);
            if (alike && may_move(t, here) && visit(here)) return true;
            const gpu_mask lowest = packed & (~packed + 1);
            const gpu_mask next = packed + lowest;
            if (next == 0) return false;
            packed = ((next ^ packed) >> 2U) / lowest | next;
            if (count < 64 && (packed >> count) != 0) return false;
        }
        return false;
    }
    struct offer {
        slot where{};
        double fragmentation = std::numeric_limits<double>::infinity();
    };
    /// The slot on a node that has room with the least growth of fragmentation; `unplaced` if the task may not move
    /// there.
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
        const node_view node = fleet.ledger().node(n);
        if (wanted.gpus > 1) {
            const slot tightest{n, tightest_gpu{}(node, wanted, fleet.ledger().fitting_gpus(wanted, n))};
            if (may_move(t, tightest)) {
                try_slot(tightest);
            } else {
                (void)any_slot(t, n, [&](const slot& here) { return try_slot(here), true; });
            }
            return best;
        }
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

    /// Evaluates moves of distinct tasks from their slots, after which the new task goes to node n. True if they can be
    /// ordered within the steps allowed and make room.
    bool consider(task_moves all, node_index n) {
        constexpr std::uint32_t work = 32;
        poll.count(work);
        ledger& ledger = fleet.ledger();
        const std::size_t spare = max_steps_ - all.size();
        if (!order_.find(ledger, fleet.work(), all, park_ ? spare : 0, poll)) return false;
        candidate_plan c{.steps = all.size() + order_.parked()};
        touched_.clear();
        touch(n);
        for (const task_move& r : all) {
            touch(r.from.node);
            touch(r.to.node);
            const migration_estimate e = cost_(fleet.problem(), r);
            c.downtime += e.downtime;
            c.bytes += e.bytes;
        }
        for (const node_index m : touched_) c.fragmentation -= fragmentation_of(m);
        for (const task_move& r : all) ledger.remove(demand(r.task), r.from);
        for (const task_move& r : all) ledger.place(demand(r.task), r.to);
        const bool fits = fits_on(n);
        if (fits) {
            c.root = best_slot(root_, n).where;
            ledger.place(demand(root_), c.root);
            for (const node_index m : touched_) c.fragmentation += fragmentation_of(m);
            ledger.remove(demand(root_), c.root);
        }
        for (const task_move& r : all) ledger.remove(demand(r.task), r.to);
        for (const task_move& r : all) put_back(ledger, demand(r.task), r.from);
        if (!fits) return false;
        if (!found_ || c.better_than(best_, step_cost_)) {
            found_ = true;
            best_ = c;
            best_moves_.clear();
            best_moves_.append(all);
        }
        return true;
    }

    /// Writes the best candidate plan, in waves. Requires `found()`.
    void report(eviction_plan& answer) {
        stop_poll to_the_end;
        (void)order_.find(fleet.ledger(), fleet.work(), best_moves_.view(), park_ ? max_steps_ - best_moves_.size() : 0,
                          to_the_end);
        answer.outcome = eviction_outcome::evicted;
        answer.where = best_.root;
        answer.fragmentation = best_.fragmentation;
        write_waves(fleet.problem(), fleet.ledger(), best_moves_.view(), order_.steps(), cost_, answer.plan);
    }

private:
    static constexpr double noise = candidate_plan::noise;

    /// A task of a gang that wants GPUs of one model stays on its model, so that the gang does, whoever else moves.
    [[nodiscard]] bool keeps_model(task_index t, const slot& to) const {
        const group_index gang = fleet.work().group(t);
        if (!gang.valid() || to.gpus == 0 || !fleet.work().same_model(gang)) return true;
        const auto model = [&](const slot& s) {
            return fleet.machines().model(fleet.machines().gpu(s.node, lowest_gpu(s.gpus)));
        };
        return fleet.machines().one_model(to) && model(to) == model(fleet.where(t));
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

    std::optional<FragmentationCost> fragmentation_;
    Movable movable_;
    Cost cost_;
    eviction_order order_;
    task_index root_{};
    shape_index root_shape_{};
    std::size_t max_steps_ = 0;
    bool park_ = false;
    double step_cost_ = 0.0;
    bool found_ = false;
    candidate_plan best_;
    flat<task_move> best_moves_;
    flat<node_index> touched_;
};

}  // namespace berth::inline v0::detail
