// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/balance/detail/observation_check.hpp"
#include "berth/balance/fleet_observation.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// What a fleet will look like once everything on its way has arrived and every move chosen so far is carried out: an
/// observation, plus the shadow of what it does not show yet. What triggers and choices look at.
///
/// Moves in flight count their load at the target already, and hold the counters of both ends. A chosen move is
/// entered by `move`: the target takes its demand before the source gives it back, so that moves entered one after
/// the other can be carried out one after the other, whatever else is in flight. O(GPUs of the slots) each.
class projected_state {
public:
    explicit projected_state(const berth::problem& p)
        : problem_{p},
          ledger_{p.fleet()},
          load_(p.fleet().gpu_count(), 0.0),
          shift_(p.fleet().gpu_count(), 0.0),
          node_shift_(p.fleet().node_count(), 0.0),
          where_(p.workload().task_count(), unplaced),
          moving_(p.workload().task_count(), 0),
          marks_(p.workload().task_count(), 0),
          first_(p.fleet().node_count(), none),
          next_(p.workload().task_count(), none),
          previous_(p.workload().task_count(), none) {}

    /// Takes in an observation. Fails, naming the item, if it does not belong to the problem or breaks a counter; the projected is then
    /// what it was. The spans are kept until the next one. O(tasks + GPUs); allocates only when more is in flight than ever before.
    [[nodiscard]] result<void> see(const fleet_observation& seen);

    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }
    [[nodiscard]] const fleet& machines() const noexcept { return problem_.fleet(); }
    [[nodiscard]] const fleet_observation& seen() const noexcept { return seen_; }
    [[nodiscard]] double time() const noexcept { return seen_.time; }
    /// What is left of every counter, both ends of moves in flight taken.
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }

    /// Where the task will be. Not that of a task in flight: that one is where it came from until it arrives.
    [[nodiscard]] const slot& where(task_index t) const noexcept { return where_[t.value()]; }
    [[nodiscard]] bool in_flight(task_index t) const noexcept { return moving_[t.value()] != 0; }
    /// Calls `f(task)` for every task that has the node as its place, in no particular order.
    template <class F>
    void each_task(node_index n, const F& f) const {
        for (std::size_t t = first_[n.value()]; t != none; t = next_[t]) f(task_index{t});
    }

    [[nodiscard]] bool has_loads() const noexcept { return !seen_.gpu_load.empty(); }
    /// The load the GPU will have; 0 if loads were not measured.
    [[nodiscard]] double load(gpu_index g) const noexcept { return load_[g.value()]; }
    /// How much of it the observation does not show, below 0 for a GPU that loses load.
    [[nodiscard]] double shift(gpu_index g) const noexcept { return shift_[g.value()]; }
    /// The same, over all GPUs of a node.
    [[nodiscard]] double shift(node_index n) const noexcept { return node_shift_[n.value()]; }
    /// The load of all GPUs, over those that may take tasks: what each of them would carry if all carried the same. Stays what it is
    /// while tasks move between GPUs of equal speed; 0 if no GPU is well.
    [[nodiscard]] double mean_load() const noexcept { return mean_; }
    /// What a task adds to the load of one of its GPUs.
    [[nodiscard]] double added_load(task_index t, gpu_index g) const noexcept {
        if (seen_.task_load.empty()) return 0.0;
        const double load = seen_.task_load[t.value()];
        return seen_.gpu_speed.empty() ? load : load / seen_.gpu_speed[g.value()];
    }
    /// GPUs of a node that may take tasks.
    [[nodiscard]] gpu_mask healthy(node_index n) const noexcept {
        const gpu_mask fleet_says = machines().healthy_gpus(n);
        return seen_.healthy.empty() ? fleet_says : fleet_says & seen_.healthy[n.value()];
    }
    [[nodiscard]] double remaining(task_index t) const noexcept {
        return seen_.remaining.empty() ? std::numeric_limits<double>::infinity() : seen_.remaining[t.value()];
    }
    /// True if the demand fits exactly there now.
    [[nodiscard]] bool fits(const demand_view& demand, const slot& where) const noexcept {
        if ((where.gpus & ~healthy(where.node)) != 0 || !machines().healthy(where.node)) return false;
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
            if ((demand.accepted_models >> machines().model(g).value() & 1U) == 0) return false;
        }
        return ledger_.has_room(demand, where);
    }

    /// Enters a move of a placed task to another place that it fits. Tasks in flight stay what they are.
    void move_task(const task_move& r);
    /// Takes the last moves back, the latest first.
    void take_back(const task_move& r) { move_task({r.task, r.to, r.from}); }
    /// Takes room for a task that waits, so that nothing else is sent there.
    void reserve(task_index t, const slot& where) {
        ledger_.place(problem_.workload().demand(t), where);
        held_.push_back({t, where});
    }

private:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    struct held {
        task_index task;
        slot where;
    };

    /// Brings the ledger from the placement that they know to another one, with the targets of what is in flight on top. If a slot
    /// does not exist or a counter has no room they are what they were.
    [[nodiscard]] result<void> keep_ledger(const fleet_observation& seen);
    void shift_load(task_index t, const slot& where, double sign);
    void link(std::size_t task, node_index n);
    void unlink(std::size_t task, node_index n);

    berth::problem problem_;
    fleet_observation seen_;
    berth::ledger ledger_;
    detail::flat<double> load_;
    detail::flat<double> shift_;
    detail::flat<double> node_shift_;
    double mean_ = 0.0;
    detail::flat<slot> where_;
    detail::flat<std::uint8_t> moving_;
    detail::flat<std::uint8_t> marks_;  // of `check_observation`
    detail::flat<held> held_;           // in the ledger besides `where_`: targets in flight, room for tasks that wait
    detail::flat<std::size_t> first_;   // of each node the head of a list of tasks
    detail::flat<std::size_t> next_;
    detail::flat<std::size_t> previous_;
};

inline result<void> projected_state::keep_ledger(const fleet_observation& seen) {
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

inline result<void> projected_state::see(const fleet_observation& seen) {
    if (auto ok = detail::check_observation(problem_, seen, marks_); !ok) return ok;
    if (auto ok = keep_ledger(seen); !ok) return ok;
    seen_ = seen;
    for (std::size_t n = 0; n < first_.size(); ++n) {
        first_[n] = none;
        node_shift_[n] = 0.0;
    }
    for (std::size_t g = 0; g < load_.size(); ++g) {
        load_[g] = seen.gpu_load.empty() ? 0.0 : seen.gpu_load[g];
        shift_[g] = 0.0;
    }
    for (std::size_t t = where_.size(); t-- > 0;) {
        where_[t] = seen.placement[t];
        moving_[t] = 0;
        if (where_[t].placed()) link(t, where_[t].node);
    }
    for (const task_move& r : seen.in_flight) moving_[r.task.value()] = 1;
    for (const auto& shadows : {seen.in_flight, seen.settled}) {
        for (const task_move& r : shadows) {
            shift_load(r.task, r.from, -1.0);
            shift_load(r.task, r.to, +1.0);
        }
    }
    double sum = 0.0;
    for (const double load : load_) sum += load;
    std::size_t well = 0;
    for (std::size_t n = 0; n < first_.size(); ++n) well += gpu_count(healthy(node_index{n}));
    mean_ = well == 0 ? 0.0 : sum / static_cast<double>(well);
    return {};
}

inline void projected_state::move_task(const task_move& r) {
    BERTH_ASSERT(where_[r.task.value()] == r.from && moving_[r.task.value()] == 0,
                 "berth: a move starts where the task is, and not while it is in flight");
    const demand_view demand = problem_.workload().demand(r.task);
    ledger_.place(demand, r.to);
    ledger_.remove(demand, r.from);
    shift_load(r.task, r.from, -1.0);
    shift_load(r.task, r.to, +1.0);
    unlink(r.task.value(), r.from.node);
    link(r.task.value(), r.to.node);
    where_[r.task.value()] = r.to;
}

inline void projected_state::shift_load(task_index t, const slot& where, double sign) {
    if (!where.placed()) return;
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
        const double change = sign * added_load(t, g);
        shift_[g.value()] += change;
        node_shift_[where.node.value()] += change;
        if (has_loads()) load_[g.value()] += change;
    }
}

inline void projected_state::link(std::size_t task, node_index n) {
    std::size_t& head = first_[n.value()];
    previous_[task] = none;
    next_[task] = head;
    if (head != none) previous_[head] = task;
    head = task;
}

inline void projected_state::unlink(std::size_t task, node_index n) {
    if (previous_[task] != none) {
        next_[previous_[task]] = next_[task];
    } else {
        first_[n.value()] = next_[task];
    }
    if (next_[task] != none) previous_[next_[task]] = previous_[task];
}

}  // namespace berth::inline v0
