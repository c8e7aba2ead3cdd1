// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/detail/node_task_lists.hpp"
#include "berth/balance/detail/observation_check.hpp"
#include "berth/balance/detail/observation_copy.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/result.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cmath>
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
/// else is in flight. Reality wins: what runs already, and what is in flight, may exceed a capacity; free amounts are
/// below zero then, and nothing fits there.
///
/// What was not measured is NaN, which is neither above nor below any limit. So is the load that a task of unknown load
/// adds; GPUs that such a task comes to or leaves have `unknown_changes`.
///
/// The problem's fleet and workload must outlive it; the arrays of an observation need not outlive `update`. Copyable.
/// Memory O(tasks + GPUs + nodes).
class projected_state {
public:
    /// Every task unplaced, nothing measured. O(tasks + GPUs + nodes).
    explicit projected_state(const berth::problem& p, const observation_limits& limits = {})
        : problem_{p},
          max_age_{limits.max_age},
          ledger_{p.fleet()},
          tasks_{p.fleet().node_count(), p.workload().task_count()} {
        fit_to_problem();
        seen_.assign({.placement = where_.view()}, {}, max_age_);
    }

    /// Replaces the state by a new observation. Readings older than the limit count as not measured.
    ///
    /// @param seen     where tasks are and what is healthy
    /// @param read     what was measured
    /// @param elapsed  seconds on a clock that only runs forward, for cooldowns and peaks
    /// @return         an error that names the item, with the state as it was, if the observation does not belong to
    ///                 the problem: wrong sizes, unknown nodes, GPUs or tasks, a task in flight twice, numbers out of
    ///                 range
    ///
    /// O(tasks + GPUs). Allocates only where the observation is longer than every one before.
    [[nodiscard]] result<void> update(const fleet_status& seen, const fleet_readings& read, double elapsed) {
        return update(seen, read, elapsed, nullptr, 0);
    }
    /// The same on a cluster, whose ledger is copied instead of computed.
    ///
    /// @param ledger     holds all of `seen`, and reservations besides
    /// @param structure  changes with the nodes and GPUs of the fleet
    [[nodiscard]] result<void> update(const fleet_status& seen, const fleet_readings& read, double elapsed,
                                      const berth::ledger* ledger, std::uint64_t structure);
    /// The same for both in one struct, with its time as the clock.
    [[nodiscard]] result<void> update(const fleet_observation& seen) {
        return update(seen.status(), seen.readings(), seen.time);
    }

    /// The problem that the state belongs to.
    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }
    /// The problem's fleet.
    [[nodiscard]] const fleet& machines() const noexcept { return problem_.fleet(); }
    /// The last observation, as spans over this state's own copy: valid until the next `update`, or until the state is
    /// destroyed.
    [[nodiscard]] fleet_observation observation() const noexcept { return seen_.view(); }
    /// The time of the last observation, on the caller's clock.
    [[nodiscard]] double time() const noexcept { return seen_.time(); }
    /// The same on a clock that only runs forward, even where the caller's jumps: for whatever lasts some seconds.
    [[nodiscard]] double elapsed() const noexcept { return elapsed_; }
    /// A number that changes with the nodes and GPUs of the fleet; 0 unless it is a cluster's.
    [[nodiscard]] std::uint64_t structure() const noexcept { return structure_; }
    /// What is left of every counter; moves in flight hold both ends. Below zero where the observation exceeds a
    /// capacity.
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
    /// True if the slot (see `where`) of some task is on the node.
    [[nodiscard]] bool has_tasks(node_index n) const noexcept { return tasks_.any(n); }

    /// True if GPU loads were measured, of some GPUs at least.
    [[nodiscard]] bool has_loads() const noexcept { return !seen_.gpu_load().empty(); }
    /// The load that the GPU will have, apart from `unknown_changes`; NaN if it was not measured.
    [[nodiscard]] double load(gpu_index g) const noexcept { return load_[g.value()]; }
    /// Load that comes to the GPU with moves that the measured load does not show yet, apart from `unknown_changes`;
    /// below 0 if it loses load.
    [[nodiscard]] double load_change(gpu_index g) const noexcept { return load_change_[g.value()]; }
    /// The same, summed over the GPUs of a node.
    [[nodiscard]] double load_change(node_index n) const noexcept { return node_load_change_[n.value()]; }
    /// The number of moves of tasks of unknown load, from or to the GPU, that the measured load does not show yet.
    /// Above 0 nobody knows the load that the GPU will have.
    [[nodiscard]] std::size_t unknown_changes(gpu_index g) const noexcept {
        return any_unknown_ == 0 ? 0 : unknown_[g.value()];
    }
    /// The same, summed over the GPUs of a node.
    [[nodiscard]] std::size_t unknown_changes(node_index n) const noexcept {
        return any_unknown_ == 0 ? 0 : node_unknown_[n.value()];
    }
    /// True if some GPU has unknown changes.
    [[nodiscard]] bool has_unknown_changes() const noexcept { return any_unknown_ > 0; }
    /// The measured load of all GPUs divided by the number of open GPUs whose load was measured; 0 if there is none.
    /// Moves between GPUs of equal speed do not change it.
    [[nodiscard]] double mean_load() const noexcept { return mean_; }
    /// True if every GPU has speed 1.
    [[nodiscard]] bool equal_speeds() const noexcept { return seen_.gpu_speed().empty(); }
    /// True if the task's own load was measured.
    [[nodiscard]] bool has_load(task_index t) const noexcept {
        return !seen_.task_load().empty() && !std::isnan(seen_.task_load()[t.value()]);
    }
    /// Load that the task adds to the GPU, if that is one of its GPUs; NaN if the task's load or the GPU's speed was
    /// not measured.
    [[nodiscard]] double added_load(task_index t, gpu_index g) const noexcept {
        if (seen_.task_load().empty()) return std::numeric_limits<double>::quiet_NaN();
        const double load = seen_.task_load()[t.value()];
        return equal_speeds() ? load : load / seen_.gpu_speed()[g.value()];
    }
    /// True if GPU temperatures were measured, of some GPUs at least.
    [[nodiscard]] bool has_temperatures() const noexcept { return !seen_.gpu_temperature().empty(); }
    /// The measured temperature, °C; NaN if this GPU's was not measured. Requires `has_temperatures()`.
    [[nodiscard]] double temperature(gpu_index g) const noexcept { return seen_.gpu_temperature()[g.value()]; }
    /// True if the power of nodes was measured, of some nodes at least.
    [[nodiscard]] bool has_power() const noexcept { return !seen_.node_power().empty(); }
    /// The measured power, W; NaN if this node's was not measured. Requires `has_power()`.
    [[nodiscard]] double power(node_index n) const noexcept { return seen_.node_power()[n.value()]; }
    /// True if the node as a whole is healthy: in the last observation, or in the fleet if that does not say.
    [[nodiscard]] bool node_healthy(node_index n) const noexcept {
        return seen_.node_healthy().empty() ? machines().healthy(n) : seen_.node_healthy()[n.value()] != 0;
    }
    /// True if the node may take tasks: it is healthy, and the fleet takes tasks there.
    [[nodiscard]] bool node_open(node_index n) const noexcept { return node_healthy(n) && machines().healthy(n); }
    /// GPUs of a node that are healthy, in the fleet and in the last observation; none if the node is not.
    [[nodiscard]] gpu_mask healthy(node_index n) const noexcept { return healthy_[n.value()]; }
    /// Those of them that may take tasks; none if the node may not.
    [[nodiscard]] gpu_mask open_gpus(node_index n) const noexcept { return open_[n.value()]; }
    /// Seconds until the task ends; infinity if unknown.
    [[nodiscard]] double remaining(task_index t) const noexcept {
        constexpr double unknown = std::numeric_limits<double>::infinity();
        if (seen_.remaining().empty() || std::isnan(seen_.remaining()[t.value()])) return unknown;
        return seen_.remaining()[t.value()];
    }
    /// True if the slot takes the demand: open node and GPUs, accepted models (of one, with `same_model`), room in
    /// every counter. O(GPUs of the slot).
    [[nodiscard]] bool fits(const demand_view& demand, const slot& where) const noexcept {
        if ((where.gpus & ~open_gpus(where.node)) != 0 || !node_open(where.node)) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
            if ((demand.accepted_models >> machines().model(g).value() & 1U) == 0) return false;
        }
        if (demand.same_model && !machines().one_model(where)) return false;
        return ledger_.has_room(demand, where);
    }

    /// Enters a move of a placed task that is not in flight, to a slot that it fits. O(GPUs of the slots).
    void move_task(const task_move& r) { carry(r, +1); }
    /// Undoes the latest move that is not undone yet. O(GPUs of the slots).
    void undo_move(const task_move& r) { carry({r.task, r.to, r.from}, -1); }
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

    /// True if nodes, GPUs and tasks are as many as they were.
    [[nodiscard]] bool fits_problem() const noexcept {
        return load_.size() == machines().gpu_count() && node_load_change_.size() == machines().node_count() &&
               where_.size() == problem_.workload().task_count();
    }
    /// A problem that has grown starts anew: no task is placed.
    void fit_to_problem();
    void update_health();
    /// Brings the ledger from the placement that it has to another one, with the targets of moves in flight on top.
    void update_ledger(const fleet_status& seen);
    /// @param change  of the number of unknown changes: +1 for a move, -1 for one that is undone
    void carry(const task_move& r, int change);
    void change_load(task_index t, const slot& where, double sign, int change);

    berth::problem problem_;
    double max_age_;
    double elapsed_ = 0.0;
    std::uint64_t structure_ = 0;
    detail::observation_copy seen_;
    berth::ledger ledger_;
    detail::flat<gpu_mask> healthy_;
    detail::flat<gpu_mask> open_;
    detail::flat<double> load_;
    detail::flat<double> load_change_;
    detail::flat<double> node_load_change_;
    detail::flat<std::uint32_t> unknown_;
    detail::flat<std::uint32_t> node_unknown_;
    std::uint32_t any_unknown_ = 0;  // their sum, which spares the usual case a read of memory
    double mean_ = 0.0;
    detail::flat<slot> where_;
    detail::flat<std::uint8_t> moving_;
    detail::flat<std::uint8_t> marks_;  // of `check_status`
    detail::flat<held> held_;           // in the ledger besides `where_`: targets in flight, room for waiting tasks
    detail::node_task_lists tasks_;
};

inline void projected_state::fit_to_problem() {
    const std::size_t gpus = machines().gpu_count();
    const std::size_t nodes = machines().node_count();
    const std::size_t tasks = problem_.workload().task_count();
    healthy_.assign(nodes, 0);
    open_.assign(nodes, 0);
    for (std::size_t n = 0; n < nodes; ++n) healthy_[n] = open_[n] = machines().healthy_gpus(node_index{n});
    load_.assign(gpus, std::numeric_limits<double>::quiet_NaN());
    load_change_.assign(gpus, 0.0);
    node_load_change_.assign(nodes, 0.0);
    unknown_.assign(gpus, 0);
    node_unknown_.assign(nodes, 0);
    any_unknown_ = 0;
    where_.assign(tasks, unplaced);
    moving_.assign(tasks, 0);
    marks_.assign(tasks, 0);
    held_.clear();
    tasks_.resize(nodes, tasks);
    ledger_ = berth::ledger{machines()};
}

inline void projected_state::update_health() {
    const bool whole = !seen_.healthy().empty() && !seen_.node_healthy().empty();
    for (std::size_t i = 0; i < healthy_.size(); ++i) {
        const node_index n{i};
        gpu_mask well = whole ? first_gpus(machines().gpu_count(n)) : machines().healthy_gpus(n);
        if (!seen_.healthy().empty()) well &= seen_.healthy()[i];
        healthy_[i] = node_healthy(n) ? well : 0;
        open_[i] = healthy_[i] & machines().healthy_gpus(n);
    }
}

inline void projected_state::update_ledger(const fleet_status& seen) {
    const workload& work = problem_.workload();
    for (const held& h : held_) ledger_.remove(work.demand(h.task), h.where);
    held_.clear();
    for (std::size_t t = 0; t < where_.size(); ++t) {
        const slot& to = seen.placement[t];
        if (where_[t] == to) continue;
        const demand_view demand = work.demand(task_index{t});
        if (where_[t].placed()) ledger_.remove(demand, where_[t]);
        if (to.placed()) (void)ledger_.occupy(demand, to);
    }
    for (const task_move& r : seen.in_flight) {
        if (!r.to.placed()) continue;
        (void)ledger_.occupy(work.demand(r.task), r.to);
        held_.push_back({r.task, r.to});
    }
}

inline result<void> projected_state::update(const fleet_status& seen, const fleet_readings& read, double elapsed,
                                            const berth::ledger* ledger, std::uint64_t structure) {
    const bool grown = !fits_problem();
    if (grown && marks_.size() < problem_.workload().task_count()) marks_.resize(problem_.workload().task_count(), 0);
    if (auto ok = detail::check_status(problem_, seen, marks_); !ok) return ok;
    if (auto ok = detail::check_readings(problem_, seen.placement, read, marks_); !ok) return ok;
    for (std::size_t t = 0; t < seen.placement.size(); ++t) {
        if (!grown && structure == structure_ && where_[t] == seen.placement[t]) continue;  // checked before
        if (auto ok = detail::check_slot(problem_, t, seen.placement[t]); !ok) return ok;
    }
    if (grown) fit_to_problem();
    structure_ = structure;
    if (ledger != nullptr) {
        ledger_ = *ledger;
        held_.clear();
    } else {
        update_ledger(seen);
    }
    seen_.assign(seen, read, max_age_);
    elapsed_ = elapsed;
    update_health();
    tasks_.clear();
    for (double& change : node_load_change_) change = 0.0;
    if (any_unknown_ > 0) {
        unknown_.assign(unknown_.size(), 0);
        node_unknown_.assign(node_unknown_.size(), 0);
        any_unknown_ = 0;
    }
    for (std::size_t g = 0; g < load_.size(); ++g) {
        load_[g] = has_loads() ? seen_.gpu_load()[g] : std::numeric_limits<double>::quiet_NaN();
        load_change_[g] = 0.0;
    }
    for (std::size_t t = where_.size(); t-- > 0;) {
        where_[t] = seen_.placement()[t];
        moving_[t] = 0;
        if (where_[t].placed()) tasks_.add(task_index{t}, where_[t].node);
    }
    for (const task_move& r : seen_.in_flight()) moving_[r.task.value()] = 1;
    for (const auto* unseen : {&seen_.in_flight(), &seen_.settled()}) {
        for (const task_move& r : *unseen) {
            change_load(r.task, r.from, -1.0, +1);
            change_load(r.task, r.to, +1.0, +1);
        }
    }
    double sum = 0.0;
    std::size_t count = 0;
    for (std::size_t i = 0; has_loads() && i < node_load_change_.size(); ++i) {
        const node_index n{i};
        const gpu_mask well = open_gpus(n);
        for (std::size_t g = 0; g < machines().gpu_count(n); ++g) {
            const double load = load_[machines().gpu(n, g).value()];
            if (std::isnan(load)) continue;
            sum += load;
            count += well >> g & 1U;
        }
    }
    mean_ = count == 0 ? 0.0 : sum / static_cast<double>(count);
    return {};
}

inline void projected_state::carry(const task_move& r, int change) {
    BERTH_ASSERT(where_[r.task.value()] == r.from && moving_[r.task.value()] == 0,
                 "berth: a move starts at the task's slot, and the task is not in flight");
    const demand_view demand = problem_.workload().demand(r.task);
    const bool exists = ledger_.occupy(demand, r.to);  // an undone move may go back to where there is no room
    BERTH_ASSERT(exists, "berth: a move ends in a slot of the fleet");
    (void)exists;
    ledger_.remove(demand, r.from);
    change_load(r.task, r.from, -1.0, change);
    change_load(r.task, r.to, +1.0, change);
    tasks_.remove(r.task, r.from.node);
    tasks_.add(r.task, r.to.node);
    where_[r.task.value()] = r.to;
}

inline void projected_state::change_load(task_index t, const slot& where, double sign, int change) {
    if (!where.placed()) return;
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
        const double added = sign * added_load(t, g);
        if (std::isnan(added)) {
            unknown_[g.value()] += static_cast<std::uint32_t>(change);
            node_unknown_[where.node.value()] += static_cast<std::uint32_t>(change);
            any_unknown_ += static_cast<std::uint32_t>(change);
            continue;
        }
        load_change_[g.value()] += added;
        node_load_change_[where.node.value()] += added;
        load_[g.value()] += added;
    }
}

}  // namespace berth::inline v0
