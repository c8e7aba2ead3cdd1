// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/change_list.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/node_tasks.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0::detail {

/// The slot of every task, what is left of every counter, and the nodes that changed, for a search on a problem; one on
/// a cluster borrows all three (`borrowed_fleet`). A task in flight holds both ends and is on no list of tasks that may
/// be moved. Changes that do not fit the present state are refused with false, and change nothing.
class occupied_fleet {
public:
    static constexpr bool lives = false;  ///< nodes, tasks and demands neither come nor go

    explicit occupied_fleet(const problem& p)
        : problem_{p},
          ledger_{p.fleet()},
          where_(p.workload().task_count(), unplaced),
          going_to_(p.workload().task_count(), unplaced),
          tasks_{p.fleet().node_count(), where_.view()},
          changes_(p.fleet().node_count()) {
        for (std::size_t d = 0; d < p.fleet().domain_count(); ++d) {
            for (std::size_t r = 0; r < p.fleet().schema().domain.size(); ++r)
                domains_count_ = domains_count_ || !p.fleet().unlimited(domain_index{d}, r);
        }
    }

    [[nodiscard]] const berth::problem& problem() const noexcept { return problem_; }
    [[nodiscard]] const fleet& machines() const noexcept { return problem_.fleet(); }
    [[nodiscard]] const workload& work() const noexcept { return problem_.workload(); }
    /// What is left; a search changes it and restores it.
    [[nodiscard]] berth::ledger& ledger() noexcept { return ledger_; }
    [[nodiscard]] const berth::ledger& ledger() const noexcept { return ledger_; }
    [[nodiscard]] const slot& where(task_index t) const noexcept { return where_[t.value()]; }
    [[nodiscard]] std::span<const slot> slots() const noexcept { return where_.view(); }
    [[nodiscard]] bool in_flight(task_index t) const noexcept { return going_to_[t.value()].placed(); }
    [[nodiscard]] const slot& going_to(task_index t) const noexcept { return going_to_[t.value()]; }
    /// The tasks placed there and not in flight.
    [[nodiscard]] std::span<const task_index> tasks_on(node_index n) const noexcept { return tasks_.on(n); }
    [[nodiscard]] const change_list& changes() const noexcept { return changes_; }
    [[nodiscard]] bool domains_count() const noexcept { return domains_count_; }

    [[nodiscard]] bool known(task_index t) const noexcept { return t.valid() && t.value() < where_.size(); }
    [[nodiscard]] bool add(task_index t, const slot& to) {
        if (!known(t) || where(t).placed() || in_flight(t)) return false;
        const demand_view demand = work().demand(t);
        if (!ledger_.has_room(demand, to)) return false;
        ledger_.place(demand, to);
        where_[t.value()] = to;
        tasks_.add(t, to.node);
        note(to.node, demand);
        return true;
    }
    bool remove(task_index t) {
        if (!known(t) || !where(t).placed() || in_flight(t)) return false;
        const slot from = where(t);
        const demand_view demand = work().demand(t);
        ledger_.remove(demand, from);
        where_[t.value()] = unplaced;
        tasks_.remove(t, from.node);
        note(from.node, demand);
        return true;
    }
    [[nodiscard]] bool begin(const task_move& r) {
        if (!known(r.task) || where(r.task) != r.from || in_flight(r.task)) return false;
        const demand_view demand = work().demand(r.task);
        if (!ledger_.has_room(demand, r.to)) return false;
        ledger_.place(demand, r.to);
        going_to_[r.task.value()] = r.to;
        if (r.from.placed()) tasks_.remove(r.task, r.from.node);
        note(r.to.node, demand);
        if (r.from.placed()) note(r.from.node, demand);
        return true;
    }
    /// Ends a move at its target, or at its source.
    bool finish(task_index t, bool arrived) {
        if (!known(t) || !in_flight(t)) return false;
        const slot stays = arrived ? going_to(t) : where(t);
        const slot leaves = arrived ? where(t) : going_to(t);
        const demand_view demand = work().demand(t);
        if (leaves.placed()) ledger_.remove(demand, leaves);
        where_[t.value()] = stays;
        going_to_[t.value()] = unplaced;
        if (stays.placed()) tasks_.add(t, stays.node);
        if (leaves.placed()) note(leaves.node, demand);
        if (stays.placed()) note(stays.node, demand);
        return true;
    }

private:
    void note(node_index n, const demand_view& demand) {
        if (domains_count_ &&
            std::any_of(demand.domain.begin(), demand.domain.end(), [](amount a) { return a != 0; })) {
            for (const domain_index d : machines().domains(n)) {
                for (const node_index other : machines().nodes_in(d)) changes_.note(other.value());
            }
        }
        changes_.note(n.value());
    }

    berth::problem problem_;
    berth::ledger ledger_;
    flat<slot> where_;
    flat<slot> going_to_;  // placed: in flight
    node_tasks tasks_;
    change_list changes_;
    bool domains_count_ = false;
};

}  // namespace berth::inline v0::detail
