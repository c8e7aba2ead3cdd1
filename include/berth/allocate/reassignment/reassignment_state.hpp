// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/reassignment_groups.hpp"
#include "berth/allocate/reassignment/detail/reassignment_loads.hpp"
#include "berth/allocate/reassignment/detail/reassignment_moves.hpp"
#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// An assignment of a reassignment problem with its cost, kept up to date while tasks are moved. For searches of your
/// own.
///
/// Capacities may be exceeded at a penalty: between two good assignments of a tight fleet there is often no feasible
/// one, and a search that raises the penalty ends with none exceeded. Violations of the other constraints are counted.
///
/// 1. `shift_delta` and `swap_delta` return by how much `value()` would change, or `infeasible` if two tasks of a group
///    would share a node. O(resources).
/// 2. `shift_violations` and `swap_violations` return by how much `violations()` would change. O(dependencies of the
///    groups).
/// 3. `shift` and `swap` carry the move out. O(resources + dependencies).
///
/// All values are integers, held in doubles where that is faster and still exact. Arguments are unchecked. One thread
/// at a time; copyable. Memory: O(tasks × resources + nodes × resources + groups × (locations + neighbourhoods) +
/// groups of several tasks × nodes / 8).
///
/// @tparam Wides half the number of resources, rounded up: fixed at compile time so that loops over resources are
///        unrolled
template <std::size_t Wides>
class reassignment_state {
public:
    static constexpr std::size_t lanes = 2 * Wides;  ///< resources that fit
    static constexpr double infeasible = 0x1.0p120;  ///< larger than any delta

    /// O(problem).
    ///
    /// @param start  a node for every task: `check_assignment(p, start)` succeeds
    reassignment_state(const reassignment_problem& p, std::span<const node_index> start)
        : problem_{&p}, loads_{p}, moves_{p}, groups_{p} {
        BERTH_ASSERT(start.size() == p.task_count(), "berth: an assignment has a node for every task");
        for (std::size_t t = 0; t < p.task_count(); ++t) {
            const task_index task{t};
            const node_index to = start[t];
            BERTH_ASSERT(to.value() < p.node_count(), "berth: the nodes of an assignment exist");
            where_.push_back(to);
            loads_.template add<+1>(task, to);
            violations_ += groups_.enter(task, to);
            moves_.carry_out({t, groups_.of(task), loads_.initial(task), loads_.initial(task), to});
        }
        violations_ += groups_.missing();
        loads_.weigh_nodes();
    }

    /// The problem, which outlives the state.
    [[nodiscard]] const reassignment_problem& problem() const noexcept { return *problem_; }
    /// The node of every task.
    [[nodiscard]] std::span<const node_index> assignment() const noexcept { return where_.view(); }
    /// The node of a task.
    [[nodiscard]] node_index where(task_index t) const noexcept { return where_[t.value()]; }
    /// The cost by parts, in exact integers. O(nodes × resources).
    [[nodiscard]] reassignment_cost cost() const noexcept {
        reassignment_cost parts;
        loads_.add_cost(parts);
        moves_.add_cost(parts);
        return parts;
    }
    /// `cost().total()` plus the penalty of overload. O(1).
    [[nodiscard]] double value() const noexcept { return cost_value() + overload_cost(); }
    /// Load and balance cost of one node plus the penalty of its overload. O(1).
    [[nodiscard]] double node_cost(node_index n) const noexcept { return loads_.node_cost(n); }

    /// Usage beyond capacity, over all nodes and resources, transient usage included. O(1).
    [[nodiscard]] double overload() const noexcept { return loads_.overload(); }
    /// The same of one node. O(resources).
    [[nodiscard]] double overload_of(node_index n) const noexcept { return loads_.overload_of(n); }
    /// The part of `value()` that is the penalty of overload. O(1).
    [[nodiscard]] double overload_cost() const noexcept { return loads_.overload_cost(); }
    /// `cost().total()`, exact for any penalty. O(1).
    [[nodiscard]] double cost_value() const noexcept { return loads_.plain_cost() + move_cost_value(); }
    /// The part of it that moves cost.
    [[nodiscard]] double move_cost_value() const noexcept {
        return moves_.task_cost() + moves_.pair_cost() + moves_.group_cost();
    }
    /// Changes the penalty of a unit of overload: a whole number, so that sums stay exact; 0 at the start. O(nodes ×
    /// resources).
    void set_overload_penalty(amount penalty) noexcept { loads_.set_overload_penalty(static_cast<double>(penalty)); }
    /// Violations of spread, dependencies and conflicts. Never negative.
    [[nodiscard]] std::int64_t violations() const noexcept { return violations_; }

    /// By how much `value()` changes if a task moves to another node.
    [[nodiscard]] double shift_delta(task_index t, node_index to) const noexcept {
        if (groups_.meets(groups_.of(t), to)) return infeasible;
        return loads_.shift_delta(t, where(t), to) + moves_.shift_delta(change_of(t, to));
    }
    /// By how much `value()` changes if two tasks on different nodes change places.
    [[nodiscard]] double swap_delta(task_index t, task_index u) const noexcept {
        const node_index a = where(t);
        const node_index b = where(u);
        const std::uint32_t group_t = groups_.of(t);
        const std::uint32_t group_u = groups_.of(u);
        if (group_t != group_u && (groups_.meets(group_t, b) || groups_.meets(group_u, a))) return infeasible;
        return loads_.swap_delta(t, u, a, b) + moves_.swap_delta(change_of(t, b), change_of(u, a));
    }

    /// By how much `violations()` changes if a task moves to another node without meeting its group there.
    [[nodiscard]] std::int64_t shift_violations(task_index t, node_index to) const noexcept {
        return groups_.leaving_a_conflict(t, where_.view()) +
               groups_.spread_and_dependencies(groups_.of(t), where(t), to);
    }
    /// The same for two tasks that change places.
    [[nodiscard]] std::int64_t swap_violations(task_index t, task_index u) noexcept {
        const std::uint32_t group_t = groups_.of(t);
        const std::uint32_t group_u = groups_.of(u);
        if (group_t == group_u) return 0;
        const node_index a = where(t);
        const node_index b = where(u);
        std::int64_t change = groups_.leaving_a_conflict(t, where_.view()) +
                              groups_.leaving_a_conflict(u, where_.view()) +
                              groups_.spread_and_dependencies(group_t, a, b);
        if (!groups_.is_constrained(group_u)) return change;
        // Each group may depend on the other: the second is counted after the first has gone.
        groups_.count(group_t, a, b);
        change += groups_.spread_and_dependencies(group_u, b, a);
        groups_.count(group_t, b, a);
        return change;
    }

    /// Moves a task to another node.
    void shift(task_index t, node_index to) noexcept {
        const std::uint32_t g = groups_.of(t);
        const node_index from = where(t);
        violations_ += shift_violations(t, to) + (groups_.meets(g, to) ? 1 : 0);
        carry(t, to);
        groups_.count(g, from, to);
        groups_.mark_moved(t, from, to, where_.view());
    }
    /// Exchanges two tasks on different nodes.
    void swap(task_index t, task_index u) noexcept {
        const node_index a = where(t);
        const node_index b = where(u);
        if (groups_.of(t) == groups_.of(u)) {  // the group occupies the same nodes as before
            carry(t, b);
            carry(u, a);
        } else {
            shift(t, b);
            shift(u, a);
        }
    }

private:
    [[nodiscard]] detail::reassignment_moves::change change_of(task_index t, node_index to) const noexcept {
        return {t.value(), groups_.of(t), loads_.initial(t), where(t), to};
    }
    void carry(task_index t, node_index to) noexcept {
        loads_.template add<-1>(t, where(t));
        loads_.template add<+1>(t, to);
        moves_.carry_out(change_of(t, to));
        where_[t.value()] = to;
    }

    const reassignment_problem* problem_;
    detail::flat<node_index> where_;
    detail::reassignment_loads<Wides> loads_;
    detail::reassignment_moves moves_;
    detail::reassignment_groups groups_;
    std::int64_t violations_ = 0;
};

}  // namespace berth::inline v0
