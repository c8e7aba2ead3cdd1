// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace berth::inline v0 {

class overcommitted_state;

/// Nodes and GPUs whose tasks want more of some counter than there is: a node came back with less memory, or tasks were
/// entered that run already. The alarm begins at once and ends when no free amount of the node, its GPUs and its
/// domains is below zero, moves in flight counted as gone. Tasks leave whatever their cooldown and the cost of the
/// move, first those that bring the node nearest to its capacities, and no more than needed. List it first: memory that
/// is short does not wait.
///
/// `update` is O(moves in flight), `alarms` O(counters), `wants` and `gain` are O(counters of a node + moves in flight
/// from such nodes).
struct overcommitted {
    double weight = 100.0;  ///< cost per second of one counter of which twice the capacity is wanted, above 0

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "overcommitted"; }
    /// The state for one balancer. O(1).
    [[nodiscard]] overcommitted_state prepare(const problem& p) const;
};

/// The state of `overcommitted`: the moves in flight that will give counters below zero back.
class overcommitted_state {
public:
    static constexpr bool urgent = true;  ///< tasks leave whatever their cooldown and the cost

    /// Nothing is in flight. O(1).
    overcommitted_state(const overcommitted& trigger, const problem&) : trigger_{trigger} {}

    /// Notes which moves leave nodes with a counter below zero. O(moves in flight × counters of a node).
    void update(const projected_state& now) {
        leaving_.clear();
        for (const task_move& r : now.moves_in_flight()) {
            if (r.from.placed() && below_zero(now, r.from.node)) leaving_.push_back(r);
        }
    }
    /// Appends an alarm for every node with tasks and a counter below zero: for the GPUs concerned if it is theirs
    /// alone, else for the whole node. O(counters).
    void alarms(const projected_state& now, std::vector<alarm>& out) const {
        for (std::size_t i = 0; i < now.machines().node_count(); ++i) {
            const node_index n{i};
            if (!below_zero(now, n) || !now.has_tasks(n)) continue;
            const excess over = excess_of(now, n, nullptr);
            if (!(over.host + over.gpus > 0.0)) continue;
            out.push_back({.reason = overcommitted::name(),
                           .node = n,
                           .gpus = over.host > 0.0 ? 0 : over.mask,
                           .pressure = over.host + over.gpus});
        }
    }
    /// True while a counter is below zero.
    [[nodiscard]] bool wants(const projected_state& now, const alarm& a) const {
        return below_zero(now, a.node) && total(excess_of(now, a.node, nullptr), a) > 0.0;
    }
    /// The part of the excess that the move removes, as a share of the capacities.
    [[nodiscard]] double gain(const projected_state& now, const alarm& a, const task_move& r) const {
        if (r.from.node != a.node) return 0.0;
        const double less = total(excess_of(now, a.node, nullptr), a) - total(excess_of(now, a.node, &r), a);
        return less > 0.0 ? trigger_.weight * less : 0.0;
    }
    /// Always true: a task that fits makes no counter fall below zero.
    [[nodiscard]] bool admits(const projected_state&, const task_move&) const noexcept { return true; }

private:
    struct excess {
        double host = 0.0;  // of the node's own counters and its domains
        double gpus = 0.0;
        gpu_mask mask = 0;  // the GPUs concerned
    };

    [[nodiscard]] static double total(const excess& over, const alarm& a) noexcept {
        return a.gpus == 0 ? over.host + over.gpus : over.gpus;
    }
    [[nodiscard]] static bool any_below(std::span<const amount> free) noexcept {
        for (const amount left : free) {
            if (left < 0) return true;
        }
        return false;
    }
    [[nodiscard]] static bool below_zero(const projected_state& now, node_index n) noexcept {
        const node_view node = now.ledger().node(n);
        if (any_below(node.free_node) || any_below(node.free_gpus)) return true;
        for (const domain_index d : now.machines().domains(n)) {
            if (any_below(now.ledger().free(d))) return true;
        }
        return false;
    }
    /// What is wanted beyond a capacity, as a share of it; the amount itself if there is none at all.
    [[nodiscard]] static double beyond(amount free, amount capacity) noexcept {
        if (free >= 0) return 0.0;
        return static_cast<double>(-free) / static_cast<double>(capacity > 0 ? capacity : 1);
    }
    /// Adds up what is beyond the capacities of a node once the moves in flight, and the move `leaves`, have left it.
    [[nodiscard]] excess excess_of(const projected_state& now, node_index n, const task_move* leaves) const {
        const fleet& machines = now.machines();
        const workload& work = now.problem().workload();
        // A move in flight holds its target besides its source; one that is chosen takes its target as it leaves.
        const auto given_back = [&](const auto& of_demand, const auto& counts, bool target_counts) {
            amount sum = 0;
            for (const task_move& r : leaving_) {
                if (r.from.node == n && counts(r.from)) sum += of_demand(work.demand(r.task));
            }
            if (leaves != nullptr && counts(leaves->from) && !target_counts)
                sum += of_demand(work.demand(leaves->task));
            return sum;
        };
        const auto everywhere = [](const slot&) { return true; };
        excess over;
        const std::span<const amount> host = now.ledger().free(n);
        for (std::size_t r = 0; r < host.size(); ++r) {
            if (host[r] >= 0) continue;
            const amount back = given_back([r](const demand_view& d) { return d.node[r]; }, everywhere,
                                           leaves != nullptr && leaves->to.node == n);
            over.host += beyond(host[r] + back, machines.capacity(n)[r]);
        }
        for (const domain_index d : machines.domains(n)) {
            const std::span<const amount> free = now.ledger().free(d);
            for (std::size_t r = 0; r < free.size(); ++r) {
                if (free[r] >= 0) continue;
                const amount back = given_back([r](const demand_view& w) { return w.domain[r]; }, everywhere,
                                               leaves != nullptr && lies_in(machines, leaves->to.node, d));
                over.host += beyond(free[r] + back + from_elsewhere(now, d, r, n), machines.capacity(d)[r]);
            }
        }
        for (std::size_t i = 0; i < machines.gpu_count(n); ++i) {
            const gpu_index g = machines.gpu(n, i);
            const std::span<const amount> free = now.ledger().free(g);
            const auto uses = [i](const slot& where) { return (where.gpus >> i & 1U) != 0; };
            for (std::size_t r = 0; r < free.size(); ++r) {
                if (free[r] >= 0) continue;
                const amount back = given_back([r](const demand_view& d) { return d.gpu[r]; }, uses, false);
                const double share = beyond(free[r] + back, machines.capacity(g)[r]);
                over.gpus += share;
                if (share > 0.0) over.mask |= gpu_mask{1} << i;
            }
        }
        return over;
    }
    [[nodiscard]] static bool lies_in(const fleet& machines, node_index n, domain_index d) noexcept {
        for (const domain_index other : machines.domains(n)) {
            if (other == d) return true;
        }
        return false;
    }
    /// What moves in flight from other nodes give back to a domain.
    [[nodiscard]] amount from_elsewhere(const projected_state& now, domain_index d, std::size_t r, node_index n) const {
        amount sum = 0;
        for (const task_move& m : leaving_) {
            if (m.from.node != n && lies_in(now.machines(), m.from.node, d))
                sum += now.problem().workload().demand(m.task).domain[r];
        }
        return sum;
    }

    overcommitted trigger_;
    detail::flat<task_move> leaving_;  // moves in flight from nodes with a counter below zero
};

inline overcommitted_state overcommitted::prepare(const problem& p) const { return {*this, p}; }

static_assert(migration_trigger<overcommitted>);

}  // namespace berth::inline v0
