// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Cost and violations of an assignment of a reassignment problem.
struct reassignment_evaluation {
    reassignment_cost cost;              ///< defined for infeasible assignments, too
    reassignment_violations violations;  ///< all zero if feasible

    /// True if the assignment keeps every constraint.
    [[nodiscard]] constexpr bool feasible() const noexcept { return violations.none(); }
};

/// The assignment before anything moves: every task on its initial node. O(tasks).
[[nodiscard]] inline std::vector<node_index> initial_assignment(const reassignment_problem& p) {
    std::vector<node_index> nodes;
    nodes.reserve(p.task_count());
    for (std::size_t t = 0; t < p.task_count(); ++t) nodes.push_back(p.initial(task_index{t}));
    return nodes;
}

/// Checks that an assignment has one existing node for every task; it may break constraints. O(tasks).
///
/// @return success, or an error that names the first task without such a node
[[nodiscard]] inline result<void> check_assignment(const reassignment_problem& p, std::span<const node_index> placed) {
    if (placed.size() != p.task_count()) {
        return detail::refuse(
            error_code::inconsistent,
            {"assignment: it has ", placed.size(), " nodes, expected one for each of ", p.task_count(), " tasks"});
    }
    for (std::size_t t = 0; t < placed.size(); ++t) {
        if (!placed[t].valid()) return detail::refuse(error_code::unknown_name, {"task ", t, ": it has no node"});
        if (placed[t].value() < p.node_count()) continue;
        return detail::refuse(error_code::unknown_name,
                              {"task ", t, ": its node is ", placed[t].value(), ", there are only ", p.node_count()});
    }
    return {};
}

namespace detail {

[[nodiscard]] inline bool is_placed(const reassignment_problem& p, std::span<const node_index> placed,
                                    std::size_t t) noexcept {
    return t < placed.size() && placed[t].valid() && placed[t].value() < p.node_count();
}

inline void evaluate_resources(const reassignment_problem& p, std::span<const node_index> placed,
                               reassignment_evaluation& out) {
    const std::size_t resources = p.resource_count();
    std::vector<amount> used(p.node_count() * resources, 0);
    std::vector<amount> held(p.node_count() * resources, 0);
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        if (!is_placed(p, placed, t)) continue;
        const task_index task{t};
        for (std::size_t r = 0; r < resources; ++r) {
            const amount demand = p.demand(task)[r];
            used[placed[t].value() * resources + r] += demand;
            held[placed[t].value() * resources + r] += demand;
            if (p.resources()[r].transient && !(p.initial(task) == placed[t]))
                held[p.initial(task).value() * resources + r] += demand;
        }
    }
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        const node_index node{n};
        for (std::size_t r = 0; r < resources; ++r) {
            const amount over_safety = used[n * resources + r] - p.safety_capacity(node)[r];
            const amount over = held[n * resources + r] - p.capacity(node)[r];
            out.cost.load += over_safety > 0 ? over_safety * p.resources()[r].load_weight : 0;
            out.violations.capacity += over > 0 ? over : 0;
        }
        for (const reassignment_balance& b : p.balances()) {
            const amount first = p.capacity(node)[b.first] - used[n * resources + b.first];
            const amount second = p.capacity(node)[b.second] - used[n * resources + b.second];
            const amount beyond = b.target * first - second;
            out.cost.balance += beyond > 0 ? beyond * b.weight : 0;
        }
    }
}

inline void evaluate_groups(const reassignment_problem& p, std::span<const node_index> placed,
                            reassignment_evaluation& out) {
    std::vector<std::uint32_t> node_seen(p.node_count(), 0);  // by the last group, counted from 1
    std::vector<std::uint32_t> location_seen(p.location_count(), 0);
    std::vector<std::uint32_t> neighbourhood_seen(p.neighbourhood_count(), 0);
    amount most = 0;
    std::vector<std::vector<std::uint32_t>> neighbourhoods(p.group_count());
    for (std::size_t g = 0; g < p.group_count(); ++g) {
        const auto mark = static_cast<std::uint32_t>(g + 1);
        std::size_t locations = 0;
        amount moved = 0;
        for (const task_index t : p.members(group_index{g})) {
            if (!is_placed(p, placed, t.value())) continue;
            const node_index n = placed[t.value()];
            if (node_seen[n.value()] == mark) ++out.violations.conflicts;
            node_seen[n.value()] = mark;
            if (location_seen[p.location(n)] != mark) ++locations;
            location_seen[p.location(n)] = mark;
            if (neighbourhood_seen[p.neighbourhood(n)] != mark) neighbourhoods[g].push_back(p.neighbourhood(n));
            neighbourhood_seen[p.neighbourhood(n)] = mark;
            moved += n == p.initial(t) ? 0 : 1;
        }
        most = moved > most ? moved : most;
        if (locations < p.spread(group_index{g})) out.violations.spread += p.spread(group_index{g}) - locations;
    }
    out.cost.groups = most * p.group_weight();
    std::vector<std::uint64_t> has_it(p.neighbourhood_count(), 0);  // by the last dependency, counted from 1
    std::uint64_t dependency = 0;
    for (std::size_t g = 0; g < p.group_count(); ++g) {
        for (const group_index on : p.dependencies(group_index{g})) {
            ++dependency;
            for (const std::uint32_t n : neighbourhoods[on.value()]) has_it[n] = dependency;
            for (const std::uint32_t n : neighbourhoods[g])
                out.violations.dependencies += has_it[n] == dependency ? 0 : 1;
        }
    }
}

}  // namespace detail

/// Evaluates an assignment from scratch, independently of `reassignment_state`.
///
/// Any assignment is valid input: a task without an entry, or whose node does not exist, counts in
/// `violations.unplaced` and nowhere else. O((tasks + nodes) × resources + dependencies × neighbourhoods).
///
/// @param placed  the node of each task
[[nodiscard]] inline reassignment_evaluation evaluate(const reassignment_problem& p,
                                                      std::span<const node_index> placed) {
    reassignment_evaluation out;
    detail::evaluate_resources(p, placed, out);
    detail::evaluate_groups(p, placed, out);
    out.violations.unplaced = placed.size() > p.task_count() ? placed.size() - p.task_count() : 0;
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        const task_index task{t};
        if (!detail::is_placed(p, placed, t)) {
            ++out.violations.unplaced;
            continue;
        }
        if (placed[t] == p.initial(task)) continue;
        out.cost.tasks += p.task_weight() * p.move_cost(task);
        out.cost.pairs += p.pair_weight() * static_cast<amount>(p.pair_cost(p.initial(task), placed[t]));
    }
    return out;
}

}  // namespace berth::inline v0
