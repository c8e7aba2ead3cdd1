// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/fleet_observation.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/relocation.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace berth {

/// What a fleet will look like once everything on its way has arrived and every relocation chosen so far is carried out: an
/// observation, plus the shadow of what it does not show yet. What triggers and choices look at.
///
/// Relocations in flight count their load at the target already, and hold the counters of both ends. A chosen relocation is
/// entered by `relocate`: the target takes its demand before the source gives it back, so that relocations entered one after
/// the other can be carried out one after the other, whatever else is in flight. O(GPUs of the slots) each.
class fleet_outlook {
public:
    explicit fleet_outlook(const berth::problem& p)
        : problem_{p},
          books_{p.fleet()},
          load_(p.fleet().gpu_count(), 0.0),
          shift_(p.fleet().gpu_count(), 0.0),
          node_shift_(p.fleet().node_count(), 0.0),
          where_(p.workload().task_count(), unplaced),
          moving_(p.workload().task_count(), 0),
          first_(p.fleet().node_count(), none),
          next_(p.workload().task_count(), none),
          previous_(p.workload().task_count(), none) {}

    /// Takes in an observation. Fails, naming the item, if it does not belong to the problem or breaks a counter. The spans are
    /// kept until the next one. O(tasks + counters).
    [[nodiscard]] result<void> see(const fleet_observation& seen);

    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }
    [[nodiscard]] const fleet& machines() const noexcept { return problem_.fleet(); }
    [[nodiscard]] const fleet_observation& seen() const noexcept { return seen_; }
    [[nodiscard]] double time() const noexcept { return seen_.time; }
    /// What is left of every counter, both ends of relocations in flight taken.
    [[nodiscard]] const ledger& books() const noexcept { return books_; }

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
    /// The mean load of all GPUs. Stays what it is while tasks move between GPUs of equal speed.
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
        return books_.has_room(demand, where);
    }

    /// Enters a relocation of a placed task to another place that it fits. Tasks in flight stay what they are.
    void relocate(const relocation& r);
    /// Takes the last relocations back, the latest first.
    void take_back(const relocation& r) { relocate({r.task, r.to, r.from}); }
    /// Takes room for a task that waits, so that nothing else is sent there.
    void reserve(task_index t, const slot& where) { books_.place(problem_.workload().demand(t), where); }

private:
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    [[nodiscard]] result<void> check(const fleet_observation& seen) const;
    void shift_load(task_index t, const slot& where, double sign);
    void link(std::size_t task, node_index n);
    void unlink(std::size_t task, node_index n);

    berth::problem problem_;
    fleet_observation seen_;
    ledger books_;
    detail::flat<double> load_;
    detail::flat<double> shift_;
    detail::flat<double> node_shift_;
    double mean_ = 0.0;
    detail::flat<slot> where_;
    detail::flat<std::uint8_t> moving_;
    detail::flat<std::size_t> first_;  // of each node the head of a list of tasks
    detail::flat<std::size_t> next_;
    detail::flat<std::size_t> previous_;
};

inline result<void> fleet_outlook::check(const fleet_observation& seen) const {
    const std::size_t tasks = problem_.workload().task_count();
    const std::size_t gpus = machines().gpu_count();
    const std::size_t nodes = machines().node_count();
    const auto size = [](const char* field, std::size_t is, std::size_t expected) -> result<void> {
        if (is == 0 || is == expected) return {};
        return detail::refuse(error_code::inconsistent,
                              {"observation: ", field, " has ", is, " entries, expected ", expected});
    };
    const auto numbers = [](const char* field, std::span<const double> values) -> result<void> {
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (std::isfinite(values[i])) continue;
            return detail::refuse(error_code::invalid_value, {"observation: ", field, "[", i, "] is not finite"});
        }
        return {};
    };
    struct column {
        const char* field;
        std::span<const double> values;
        std::size_t expected;
    };
    const column columns[] = {{"gpu_load", seen.gpu_load, gpus},
                              {"task_load", seen.task_load, tasks},
                              {"gpu_speed", seen.gpu_speed, gpus},
                              {"gpu_temperature", seen.gpu_temperature, gpus},
                              {"node_power", seen.node_power, nodes}};
    for (const column& c : columns) {
        if (auto ok = size(c.field, c.values.size(), c.expected); !ok) return ok;
        if (auto ok = numbers(c.field, c.values); !ok) return ok;
    }
    if (auto ok = size("healthy", seen.healthy.size(), nodes); !ok) return ok;
    if (auto ok = size("remaining", seen.remaining.size(), tasks); !ok) return ok;
    for (std::size_t g = 0; g < seen.gpu_speed.size(); ++g) {
        if (seen.gpu_speed[g] > 0.0) continue;
        return detail::refuse(error_code::invalid_value, {"observation: gpu_speed[", g, "] is not above 0"});
    }
    for (std::size_t t = 0; t < seen.task_load.size(); ++t) {
        if (seen.task_load[t] >= 0.0) continue;
        return detail::refuse(error_code::invalid_value, {"observation: task_load[", t, "] is below 0"});
    }
    for (const task_index t : seen.waiting) {
        if (t.valid() && t.value() < tasks && t.value() < seen.placement.size() && !seen.placement[t.value()].placed())
            continue;
        return detail::refuse(error_code::inconsistent, {"observation: waiting names a task that has a place"});
    }
    return {};
}

inline result<void> fleet_outlook::see(const fleet_observation& seen) {
    if (auto ok = check(seen); !ok) return ok;
    auto books = make_ledger(problem_, seen.placement);
    if (!books) return books.error();
    books_ = *std::move(books);
    seen_ = seen;
    for (std::size_t n = 0; n < first_.size(); ++n) {
        first_[n] = none;
        node_shift_[n] = 0.0;
    }
    double sum = 0.0;
    for (std::size_t g = 0; g < load_.size(); ++g) {
        load_[g] = seen.gpu_load.empty() ? 0.0 : seen.gpu_load[g];
        shift_[g] = 0.0;
        sum += load_[g];
    }
    for (std::size_t t = where_.size(); t-- > 0;) {
        where_[t] = seen.placement[t];
        moving_[t] = 0;
        if (where_[t].placed()) link(t, where_[t].node);
    }
    const auto shadow = [&](const relocation& r, const slot& is_at, bool holds_both) -> result<void> {
        if (!r.task.valid() || r.task.value() >= where_.size() || !(where_[r.task.value()] == is_at)) {
            return detail::refuse(error_code::inconsistent,
                                  {"observation: a relocation ", holds_both ? "in flight" : "settled",
                                   " is not of a task that is placed at its ", holds_both ? "source" : "target"});
        }
        if (holds_both) {
            const demand_view demand = problem_.workload().demand(r.task);
            if (moving_[r.task.value()] != 0 || (r.to.placed() && !books_.has_room(demand, r.to))) {
                return detail::refuse(error_code::inconsistent,
                                      {detail::phrase::item("task", r.task.value(), problem_.workload().name(r.task)),
                                       ": is in flight to a slot that has no room for it, or twice"});
            }
            if (r.to.placed()) books_.place(demand, r.to);
            moving_[r.task.value()] = 1;
        }
        shift_load(r.task, r.from, -1.0);
        shift_load(r.task, r.to, +1.0);
        return {};
    };
    for (const relocation& r : seen.in_flight) {
        if (auto ok = shadow(r, r.from, true); !ok) return ok;
    }
    for (const relocation& r : seen.settled) {
        if (auto ok = shadow(r, r.to, false); !ok) return ok;
    }
    mean_ = load_.empty() ? 0.0 : sum / static_cast<double>(load_.size());
    return {};
}

inline void fleet_outlook::relocate(const relocation& r) {
    BERTH_ASSERT(where_[r.task.value()] == r.from && moving_[r.task.value()] == 0,
                 "berth: a relocation starts where the task is, and not while it is in flight");
    const demand_view demand = problem_.workload().demand(r.task);
    books_.place(demand, r.to);
    books_.remove(demand, r.from);
    shift_load(r.task, r.from, -1.0);
    shift_load(r.task, r.to, +1.0);
    unlink(r.task.value(), r.from.node);
    link(r.task.value(), r.to.node);
    where_[r.task.value()] = r.to;
}

inline void fleet_outlook::shift_load(task_index t, const slot& where, double sign) {
    if (!where.placed()) return;
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
        const gpu_index g = machines().gpu(where.node, lowest_gpu(rest));
        const double change = sign * added_load(t, g);
        shift_[g.value()] += change;
        node_shift_[where.node.value()] += change;
        if (has_loads()) load_[g.value()] += change;
    }
}

inline void fleet_outlook::link(std::size_t task, node_index n) {
    std::size_t& head = first_[n.value()];
    previous_[task] = none;
    next_[task] = head;
    if (head != none) previous_[head] = task;
    head = task;
}

inline void fleet_outlook::unlink(std::size_t task, node_index n) {
    if (previous_[task] != none) {
        next_[previous_[task]] = next_[task];
    } else {
        first_[n.value()] = next_[task];
    }
    if (next_[task] != none) previous_[next_[task]] = previous_[task];
}

}  // namespace berth
