// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/detail/node_task_lists.hpp"
#include "berth/balance/detail/observation_check.hpp"
#include "berth/balance/detail/observation_copy.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

// Length: half are accessors of one to three lines, with their comments.

namespace berth::inline v0 {

/// The fleet as it will be once every move in flight has arrived and every chosen move is carried out: a copy of the
/// last observation, corrected by the moves that it does not show yet. Triggers and budgets read it.
///
/// A move in flight loads its target already, and holds the counters of both ends. A chosen move takes its target
/// before it gives its source back, so moves entered one after the other can be carried out in that order, whatever
/// else is in flight.
///
/// The problem's fleet and workload must outlive it; the arrays of an observation need not outlive `update`. Copyable.
/// Memory O(tasks + GPUs + nodes).
class projected_state {
public:
    /// Every task unplaced, nothing measured. O(tasks + GPUs + nodes).
    explicit projected_state(const berth::problem& p)
        : problem_{p},
          ledger_{p.fleet()},
          load_(p.fleet().gpu_count(), 0.0),
          load_change_(p.fleet().gpu_count(), 0.0),
          node_load_change_(p.fleet().node_count(), 0.0),
          where_(p.workload().task_count(), unplaced),
          moving_(p.workload().task_count(), 0),
          marks_(p.workload().task_count(), 0),
          tasks_{p.fleet().node_count(), p.workload().task_count()} {
        seen_.assign({.placement = where_.view()});
    }

    /// Replaces the state by a new observation.
    ///
    /// @return  an error that names the item, with the state as it was, if the observation does not belong to the
    ///          problem (wrong sizes, unknown nodes, GPUs or tasks, a task in flight twice, numbers out of range) or
    ///          exceeds a counter
    ///
    /// O(tasks + GPUs). Allocates only where the observation is longer than every one before.
    [[nodiscard]] result<void> update(const fleet_observation& seen);

    /// The problem that the state belongs to.
    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }
    /// The problem's fleet.
    [[nodiscard]] const fleet& machines() const noexcept { return problem_.fleet(); }
    /// The last observation, as spans over this state's own copy: valid until the next `update`, or until the state is
    /// destroyed.
    [[nodiscard]] fleet_observation observation() const noexcept { return seen_.view(); }
    /// The time of the last observation.
    [[nodiscard]] double time() const noexcept { return seen_.time(); }
    /// What is left of every counter; moves in flight hold both ends.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }

    /// The slot that the task will have, with chosen moves carried out. A task in flight counts at its source.
    [[nodiscard]] const slot& where(task_index t) const noexcept { return where_[t.value()]; }
    /// The slot that the task had in the last observation.
    [[nodiscard]] const slot& observed(task_index t) const noexcept { return seen_.placement()[t.value()]; }
    /// True if the last observation lists a move of the task in flight.
    [[nodiscard]] bool in_flight(task_index t) const noexcept { return moving_[t.value()] != 0; }
    /// The moves in flight of the last observation.
    [[nodiscard]] task_moves moves_in_flight() const noexcept { return seen_.in_flight(); }
    /// The waiting tasks of the last observation.
    [[nodiscard]] std::span<const task_index> waiting() const noexcept { return seen_.waiting(); }
    /// Calls `f(task)` for every task whose slot (see `where`) is on the node, in no particular order.
    template <class F>
    void each_task(node_index n, const F& f) const {
        tasks_.each(n, f);
    }

    /// True if GPU loads were measured.
    [[nodiscard]] bool has_loads() const noexcept { return !seen_.gpu_load().empty(); }
    /// The load that the GPU will have; 0 if loads were not measured.
    [[nodiscard]] double load(gpu_index g) const noexcept { return load_[g.value()]; }
    /// Load that comes to the GPU with moves that the measured load does not show yet; below 0 if it loses load.
    [[nodiscard]] double load_change(gpu_index g) const noexcept { return load_change_[g.value()]; }
    /// The same, summed over the GPUs of a node.
    [[nodiscard]] double load_change(node_index n) const noexcept { return node_load_change_[n.value()]; }
    /// The load of all GPUs divided by the number of healthy ones; 0 if none is healthy. Moves between GPUs of equal
    /// speed do not change it.
    [[nodiscard]] double mean_load() const noexcept { return mean_; }
    /// True if every GPU has speed 1.
    [[nodiscard]] bool equal_speeds() const noexcept { return seen_.gpu_speed().empty(); }
    /// Load that the task adds to the GPU, if that is one of its GPUs; 0 if task loads were not measured.
    [[nodiscard]] double added_load(task_index t, gpu_index g) const noexcept {
        if (seen_.task_load().empty()) return 0.0;
        const double load = seen_.task_load()[t.value()];
        return equal_speeds() ? load : load / seen_.gpu_speed()[g.value()];
    }
    /// True if GPU temperatures were measured.
    [[nodiscard]] bool has_temperatures() const noexcept { return !seen_.gpu_temperature().empty(); }
    /// The measured temperature, °C. Requires `has_temperatures()`.
    [[nodiscard]] double temperature(gpu_index g) const noexcept { return seen_.gpu_temperature()[g.value()]; }
    /// True if the power of nodes was measured.
    [[nodiscard]] bool has_power() const noexcept { return !seen_.node_power().empty(); }
    /// The measured power, W. Requires `has_power()`.
    [[nodiscard]] double power(node_index n) const noexcept { return seen_.node_power()[n.value()]; }
    /// GPUs of a node that are healthy, in the fleet and in the last observation.
    [[nodiscard]] gpu_mask healthy(node_index n) const noexcept {
        const gpu_mask in_fleet = machines().healthy_gpus(n);
        return seen_.healthy().empty() ? in_fleet : in_fleet & seen_.healthy()[n.value()];
    }
    /// Seconds until the task ends; infinity if unknown.
    [[nodiscard]] double remaining(task_index t) const noexcept {
        return seen_.remaining().empty() ? std::numeric_limits<double>::infinity() : seen_.remaining()[t.value()];
    }
    /// True if the slot takes the demand: healthy node and GPUs, accepted models, room in every counter. O(GPUs of the
    /// slot).
    [[nodiscard]] bool fits(const demand_view& demand, const slot& where) const noexcept {
        if ((where.gpus & ~healthy(where.node)) != 0 || !machines().healthy(where.node)) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
            if ((demand.accepted_models >> machines().model(g).value() & 1U) == 0) return false;
        }
        if (demand.same_model && !machines().one_model(where)) return false;
        return ledger_.has_room(demand, where);
    }

    /// Enters a move of a placed task that is not in flight, to a slot that it fits. O(GPUs of the slots).
    void move_task(const task_move& r);
    /// Undoes the latest move that is not undone yet. O(GPUs of the slots).
    void undo_move(const task_move& r) { move_task({r.task, r.to, r.from}); }
    /// Takes room for a waiting task until the next `update`.
    void reserve(task_index t, const slot& where) {
        ledger_.place(problem_.workload().demand(t), where);
        held_.push_back({t, where});
    }

private:
    struct held {
        task_index task;
        slot where;
    };

    /// Brings the ledger from the placement that it has to another one, with the targets of moves in flight on top. If
    /// a slot does not exist or a counter has no room, the ledger is as it was.
    [[nodiscard]] result<void> update_ledger(const fleet_observation& seen);
    void change_load(task_index t, const slot& where, double sign);

    berth::problem problem_;
    detail::observation_copy seen_;
    berth::ledger ledger_;
    detail::flat<double> load_;
    detail::flat<double> load_change_;
    detail::flat<double> node_load_change_;
    double mean_ = 0.0;
    detail::flat<slot> where_;
    detail::flat<std::uint8_t> moving_;
    detail::flat<std::uint8_t> marks_;  // of `check_observation`
    detail::flat<held> held_;           // in the ledger besides `where_`: targets in flight, room for waiting tasks
    detail::node_task_lists tasks_;
};

inline result<void> projected_state::update_ledger(const fleet_observation& seen) {
    const workload& work = problem_.workload();
    const auto demand = [&work](std::size_t t) { return work.demand(task_index{t}); };
    const auto changes = [&](std::size_t t) { return !(where_[t] == seen.placement[t]); };
    for (const held& h : held_) ledger_.remove(work.demand(h.task), h.where);
    for (std::size_t t = 0; t < where_.size(); ++t) {
        if (changes(t) && where_[t].placed()) ledger_.remove(demand(t), where_[t]);
    }
    std::size_t placed = 0;
    for (; placed < where_.size(); ++placed) {
        const slot& to = seen.placement[placed];
        if (!changes(placed) || to == unplaced) continue;
        if (!ledger_.has_room(demand(placed), to)) break;
        ledger_.place(demand(placed), to);
    }
    std::size_t flown = 0;
    for (; placed == where_.size() && flown < seen.in_flight.size(); ++flown) {
        const task_move& r = seen.in_flight[flown];
        if (!r.to.placed()) continue;
        if (!ledger_.has_room(work.demand(r.task), r.to)) break;
        ledger_.place(work.demand(r.task), r.to);
    }
    if (placed == where_.size() && flown == seen.in_flight.size()) {
        held_.clear();
        for (const task_move& r : seen.in_flight) {
            if (r.to.placed()) held_.push_back({r.task, r.to});
        }
        return {};
    }
    for (std::size_t i = 0; i < flown; ++i) {
        const task_move& r = seen.in_flight[i];
        if (r.to.placed()) ledger_.remove(work.demand(r.task), r.to);
    }
    for (std::size_t t = 0; t < placed; ++t) {
        if (changes(t) && seen.placement[t].placed()) ledger_.remove(demand(t), seen.placement[t]);
    }
    for (std::size_t t = 0; t < where_.size(); ++t) {
        if (changes(t) && where_[t].placed()) ledger_.place(demand(t), where_[t]);
    }
    for (const held& h : held_) ledger_.place(work.demand(h.task), h.where);
    if (placed < where_.size()) return make_ledger(problem_, seen.placement).error();
    const task_index t = seen.in_flight[flown].task;
    return detail::refuse(error_code::inconsistent, {detail::phrase::item("task", t.value(), work.name(t)),
                                                     ": is in flight to a slot that has no room for it"});
}

inline result<void> projected_state::update(const fleet_observation& seen) {
    if (auto ok = detail::check_observation(problem_, seen, marks_); !ok) return ok;
    if (auto ok = update_ledger(seen); !ok) return ok;
    seen_.assign(seen);
    tasks_.clear();
    for (double& change : node_load_change_) change = 0.0;
    for (std::size_t g = 0; g < load_.size(); ++g) {
        load_[g] = seen.gpu_load.empty() ? 0.0 : seen.gpu_load[g];
        load_change_[g] = 0.0;
    }
    for (std::size_t t = where_.size(); t-- > 0;) {
        where_[t] = seen.placement[t];
        moving_[t] = 0;
        if (where_[t].placed()) tasks_.add(task_index{t}, where_[t].node);
    }
    for (const task_move& r : seen.in_flight) moving_[r.task.value()] = 1;
    for (const auto& unseen : {seen.in_flight, seen.settled}) {
        for (const task_move& r : unseen) {
            change_load(r.task, r.from, -1.0);
            change_load(r.task, r.to, +1.0);
        }
    }
    double sum = 0.0;
    for (const double load : load_) sum += load;
    std::size_t count = 0;
    for (std::size_t n = 0; n < node_load_change_.size(); ++n) count += gpu_count(healthy(node_index{n}));
    mean_ = count == 0 ? 0.0 : sum / static_cast<double>(count);
    return {};
}

inline void projected_state::move_task(const task_move& r) {
    BERTH_ASSERT(where_[r.task.value()] == r.from && moving_[r.task.value()] == 0,
                 "berth: a move starts at the task's slot, and the task is not in flight");
    const demand_view demand = problem_.workload().demand(r.task);
    ledger_.place(demand, r.to);
    ledger_.remove(demand, r.from);
    change_load(r.task, r.from, -1.0);
    change_load(r.task, r.to, +1.0);
    tasks_.remove(r.task, r.from.node);
    tasks_.add(r.task, r.to.node);
    where_[r.task.value()] = r.to;
}

inline void projected_state::change_load(task_index t, const slot& where, double sign) {
    if (!where.placed()) return;
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
        const double change = sign * added_load(t, g);
        load_change_[g.value()] += change;
        node_load_change_[where.node.value()] += change;
        if (has_loads()) load_[g.value()] += change;
    }
}

}  // namespace berth::inline v0
