// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/move_list.hpp"
#include "berth/allocate/search/slot_candidates.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/model/node_tasks.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

// Length: one class, the view that all neighbourhoods share.

namespace berth::inline v0 {

/// The tasks and nodes of a confined search: these tasks move only between these nodes. Views.
struct search_region {
    std::span<const task_index> tasks;            ///< that may move
    std::span<const node_index> nodes;            ///< that tasks may move from and to
    std::span<const std::uint32_t> part_of_node;  ///< for each node of the fleet; `nodes` are those of part `part`
    std::uint32_t part = 0;                       ///< the part of these nodes
};

/// An assignment under an objective, as neighbourhoods see it: the slots of tasks, candidate slots, the delta of a
/// change. Every slot that it draws is on a healthy node, with as many GPUs as the task needs, all healthy and of an
/// accepted model; the objective's terms check room.
template <class ObjectiveState, gpu_lists Lists>
class search_space {
public:
    using values = typename ObjectiveState::values;  ///< of the objective's tiers

    /// @param state  of the objective, at the assignment to begin with
    /// @param lists  see `slot_candidates`
    search_space(const berth::problem& p, ObjectiveState state, Lists lists)
        : problem_{p},
          state_{std::move(state)},
          lists_{std::move(lists)},
          on_nodes_{p.fleet().node_count(), state_.assignment()},
          inadmissible_(p.workload().shape_count()) {
        const fleet& machines = p.fleet();
        for (std::size_t n = 0; n < machines.node_count(); ++n) nodes_.push_back(node_index{n});
        for (std::size_t t = 0; t < p.workload().task_count(); ++t) tasks_.push_back(task_index{t});
        for (std::size_t g = 0; g < machines.gpu_count(); ++g) room_.append(machines.capacity(gpu_index{g}));
        for (amount& room : room_) room = detail::summable(room);
        for (const task_index t : tasks_) take_room(t, where(t), -1);
        std::size_t longest = 64;
        for (std::size_t g = 0; g < p.workload().group_count(); ++g) {
            const std::size_t members = p.workload().members(group_index{g}).size();
            longest = longest < members ? members : longest;
        }
        longest_ = longest;
        trail_.reserve(longest);
    }

    /// The problem of the search.
    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }
    /// The objective at the present assignment.
    [[nodiscard]] const ObjectiveState& state() const noexcept { return state_; }
    /// The present slot of a task.
    [[nodiscard]] const slot& where(task_index t) const noexcept { return state_.where(t); }
    /// The move of a task from its present slot to another.
    [[nodiscard]] task_move to(task_index t, const slot& target) const noexcept { return state_.to(t, target); }
    /// The tasks on a node, in no particular order.
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const noexcept { return on_nodes_.on(n); }
    /// The tasks that may be moved.
    [[nodiscard]] std::span<const task_index> tasks() const noexcept { return tasks_.view(); }
    /// Largest number of moves of a proposal that does not allocate: at least the size of the largest group.
    [[nodiscard]] std::size_t longest_proposal() const noexcept { return longest_; }
    /// Deltas computed so far.
    [[nodiscard]] std::uint64_t evaluations() const noexcept { return evaluations_; }

    /// Change of the objective by these moves. Counts as an evaluation.
    [[nodiscard]] values delta(task_moves r) {
        ++evaluations_;
        return state_.delta(r);
    }
    /// The same for a single move.
    [[nodiscard]] values delta(const task_move& r) { return delta(task_moves{&r, 1}); }

    /// True if one change is better than another: in the eyes of an acceptance rule with a penalty, else tier by tier.
    [[nodiscard]] bool prefers(const values& one, const values& other) const noexcept {
        values difference = one - other;
        if constexpr (values::tier_count > 1) {
            if (penalty_ > 0.0) {
                difference.values[1] += penalty_ * difference.values[0];
                difference.values[0] = 0.0;
            }
        }
        return improves(difference);
    }
    /// Sets what a unit of tier 0 counts in units of tier 1 for `prefers`; 0: tier by tier.
    void weigh(double penalty) noexcept { penalty_ = penalty; }

    /// Carries out a move until `back`, to evaluate moves that follow it.
    void go(const task_move& r) {
        carry_out(task_moves{&r, 1});
        trail_.push(r);
    }
    /// Undoes all moves since the last `back`.
    void back() {
        for (std::size_t i = trail_.size(); i-- > 0;) {
            const task_move reverse{trail_[i].task, trail_[i].to, trail_[i].from};
            carry_out(task_moves{&reverse, 1});
        }
        trail_.clear();
    }
    /// Carries out moves. O(moves) plus the terms' updates.
    void carry_out(task_moves all) {
        state_.apply(all);
        for (const task_move& r : all) {
            if (r.from.node != r.to.node) {
                if (r.from.placed()) on_nodes_.remove(r.task, r.from.node);
                if (r.to.placed()) on_nodes_.add(r.task, r.to.node);
            }
            take_room(r.task, r.from, +1);
            take_room(r.task, r.to, -1);
        }
    }

    /// A uniformly drawn task that may move; there is at least one.
    [[nodiscard]] task_index any_task(xoshiro256& random) const {
        return tasks_[bounded(random, static_cast<std::uint32_t>(tasks_.size()))];
    }
    /// A uniformly drawn task on a node, invalid if there is none.
    [[nodiscard]] task_index any_task_on(node_index n, xoshiro256& random) const {
        const auto here = on_nodes_.on(n);
        if (here.empty()) return task_index{};
        return here[bounded(random, static_cast<std::uint32_t>(here.size()))];
    }
    /// A drawn candidate slot, `unplaced` if none was found. O(1) in general; O(nodes) at most once per shape without
    /// any.
    [[nodiscard]] slot any_slot(task_index t, xoshiro256& random) {
        const demand_view demand = problem_.workload().demand(t);
        const fleet& machines = problem_.fleet();
        if (demand.gpus > 0) {
            const std::span<const gpu_index> list = lists_.of(t);
            if (!list.empty()) {
                const gpu_index g = list[bounded(random, static_cast<std::uint32_t>(list.size()))];
                const node_index n = machines.node_of(g);
                if (!open(n)) return unplaced;
                return slot_on(t, n, random, gpu_mask{1} << (g.value() - machines.gpu(n, 0).value()));
            }
        }
        if (nodes_.empty()) return unplaced;
        const auto nodes = static_cast<std::uint32_t>(nodes_.size());
        for (int attempt = 0; attempt < 8; ++attempt) {
            const slot found = slot_on(t, nodes_[bounded(random, nodes)], random);
            if (found.placed()) return found;
        }
        std::uint8_t& inadmissible = inadmissible_[problem_.workload().shape(t).value()];
        if (inadmissible != 0) return unplaced;
        const std::size_t first = bounded(random, nodes);
        for (std::size_t i = 0; i < nodes; ++i) {
            const slot found = slot_on(t, nodes_[(first + i) % nodes], random);
            if (found.placed()) return found;
        }
        inadmissible = 1;
        return unplaced;
    }
    /// A slot of a task on a node, with the GPUs of `required` among its own; the others are the tightest with room, or
    /// any, each half of the time. `unplaced` if the node does not admit the task. Room is not checked.
    [[nodiscard]] slot slot_on(task_index t, node_index n, xoshiro256& random, gpu_mask required = 0) const {
        const demand_view demand = problem_.workload().demand(t);
        if (!problem_.fleet().healthy(n)) return unplaced;
        if (demand.gpus == 0) return {n, 0};
        gpu_mask open = admitted_gpus(demand, n);
        if ((required & ~open) != 0 || !has_gpus(open, demand.gpus)) return unplaced;
        if (gpu_count(open) == demand.gpus) return kept_alike(demand, {n, open});
        gpu_mask picked = required;
        open &= ~required;
        const bool by_room = gpu_count(required) < demand.gpus && (random() >> 63U) != 0;
        while (gpu_count(picked) < demand.gpus) {
            const gpu_mask one = by_room ? tightest(t, demand, n, open) : any_of(open, random);
            picked |= one;
            open &= ~one;
            if (!demand.same_model || picked != one) continue;
            open = like(n, open, one);
            if (!has_gpus(open, demand.gpus - 1)) return unplaced;
        }
        return kept_alike(demand, {n, picked});
    }
    /// True if the task may move to the slot: within the region, healthy, accepted models (one, with `same_model`), its
    /// number of GPUs. Room is not checked.
    [[nodiscard]] bool admits(task_index t, const slot& target) const noexcept {
        const demand_view demand = problem_.workload().demand(t);
        if (!target.placed() || !open(target.node) || !problem_.fleet().healthy(target.node)) return false;
        return gpu_count(target.gpus) == demand.gpus && kept_alike(demand, target).placed() &&
               (demand.gpus == 0 || (target.gpus & ~admitted_gpus(demand, target.node)) == 0);
    }
    /// True if a task is within the region, or unplaced.
    [[nodiscard]] bool may_leave(task_index t) const noexcept { return !where(t).placed() || open(where(t).node); }
    /// The gang of a task, which is placed or left out as one; empty for other tasks.
    [[nodiscard]] std::span<const task_index> gang_of(task_index t) const noexcept {
        const group_index g = problem_.workload().group(t);
        if (!g.valid() || !problem_.workload().is_gang(g)) return {};
        return problem_.workload().members(g);
    }

    /// Confines moves to these tasks and nodes. To call between proposals.
    void confine(const search_region& region) {
        BERTH_ASSERT(trail_.empty(), "berth: a region changes between proposals");
        part_of_node_ = region.part_of_node;
        part_ = region.part;
        tasks_.clear();
        tasks_.append(region.tasks);
        nodes_.clear();
        nodes_.append(region.nodes);
        for (std::uint8_t& inadmissible : inadmissible_) inadmissible = 0;
    }

private:
    [[nodiscard]] bool open(node_index n) const noexcept {
        return part_of_node_.empty() || part_of_node_[n.value()] == part_;
    }
    [[nodiscard]] gpu_mask admitted_gpus(const demand_view& demand, node_index n) const noexcept {
        const fleet& machines = problem_.fleet();
        const std::uint64_t models = machines.models_on(n);
        if ((models & demand.accepted_models) == 0) return 0;
        gpu_mask admitted = machines.healthy_gpus(n);
        if ((models & ~demand.accepted_models) == 0) return admitted;
        for (gpu_mask rest = admitted; rest != 0; rest &= rest - 1) {
            const std::size_t model = machines.model(machines.gpu(n, lowest_gpu(rest))).value();
            if ((demand.accepted_models >> model & 1U) == 0) admitted &= ~(rest & (~rest + 1));
        }
        return admitted;
    }
    /// The slot, or `unplaced` if the demand wants `same_model` and its GPUs are of several.
    [[nodiscard]] slot kept_alike(const demand_view& demand, const slot& where) const noexcept {
        return demand.same_model && !problem_.fleet().one_model(where) ? unplaced : where;
    }
    /// Those of these GPUs that are of the same model as one of the node.
    [[nodiscard]] gpu_mask like(node_index n, gpu_mask gpus, gpu_mask one) const noexcept {
        gpu_mask alike = 0;
        for (gpu_mask rest = gpus; rest != 0; rest &= rest - 1) {
            const gpu_mask other = rest & (~rest + 1);
            if (problem_.fleet().one_model({n, one | other})) alike |= other;
        }
        return alike;
    }
    [[nodiscard]] static gpu_mask any_of(gpu_mask gpus, xoshiro256& random) {
        for (auto skip = bounded(random, static_cast<std::uint32_t>(gpu_count(gpus))); skip > 0; --skip) {
            gpus &= gpus - 1;
        }
        return gpus & (~gpus + 1);
    }
    /// The GPU with the least share left of those with room, else the one with the most left; ties to the lowest. The
    /// task's own demand counts as free.
    [[nodiscard]] gpu_mask tightest(task_index t, const demand_view& demand, node_index n, gpu_mask gpus) const {
        const slot& now = where(t);
        gpu_mask best = 0;
        amount best_left = 0;
        bool best_fits = false;
        for (; gpus != 0; gpus &= gpus - 1) {
            const std::size_t i = lowest_gpu(gpus);
            const bool own = now.node == n && (now.gpus >> i & 1U) != 0;
            const amount* room = room_.data() + problem_.fleet().gpu(n, i).value() * demand.gpu.size();
            const amount left = room[0] + (own ? demand.gpu[0] : 0);
            bool fits = true;
            for (std::size_t c = 0; c < demand.gpu.size(); ++c) fits = fits && (own || room[c] >= demand.gpu[c]);
            const bool wins = fits != best_fits ? fits : fits ? left < best_left : left > best_left;
            if (best != 0 && !wins) continue;
            best = gpus & (~gpus + 1);
            best_left = left;
            best_fits = fits;
        }
        return best;
    }
    void take_room(task_index t, const slot& taken, amount sign) {
        if (taken.gpus == 0) return;
        const demand_view demand = problem_.workload().demand(t);
        for (gpu_mask rest = taken.gpus; rest != 0; rest &= rest - 1) {
            amount* room =
                room_.data() + problem_.fleet().gpu(taken.node, lowest_gpu(rest)).value() * demand.gpu.size();
            for (std::size_t c = 0; c < demand.gpu.size(); ++c) room[c] += sign * demand.gpu[c];
        }
    }

    berth::problem problem_;
    ObjectiveState state_;
    Lists lists_;
    detail::node_tasks on_nodes_;
    detail::flat<amount> room_;                // GPU-major; negative where exceeded
    detail::flat<std::uint8_t> inadmissible_;  // shapes that no open node admits
    detail::flat<task_index> tasks_;
    detail::flat<node_index> nodes_;
    std::span<const std::uint32_t> part_of_node_;
    std::uint32_t part_ = 0;
    move_list trail_;
    std::size_t longest_ = 0;
    std::uint64_t evaluations_ = 0;
    double penalty_ = 0.0;
};

}  // namespace berth::inline v0
