// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// What an assignment of a reassignment problem comes to.
struct reassignment_evaluation {
    reassignment_cost cost;
    reassignment_violations violations;

    [[nodiscard]] constexpr bool feasible() const noexcept { return violations.none(); }
};

/// The assignment that a reassignment problem begins with: where every task was initial.
[[nodiscard]] inline std::vector<node_index> initial_assignment(const reassignment_problem& p) {
    std::vector<node_index> nodes;
    nodes.reserve(p.task_count());
    for (std::size_t t = 0; t < p.task_count(); ++t) nodes.push_back(p.initial(task_index{t}));
    return nodes;
}

namespace detail {

/// The part of an evaluation that is about resources.
inline void evaluate_resources(const reassignment_problem& p, std::span<const node_index> placed,
                               reassignment_evaluation& verdict) {
    const std::size_t resources = p.resource_count();
    std::vector<amount> used(p.node_count() * resources, 0);
    std::vector<amount> held(p.node_count() * resources, 0);
    for (std::size_t t = 0; t < placed.size(); ++t) {
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
            verdict.cost.load += over_safety > 0 ? over_safety * p.resources()[r].load_weight : 0;
            verdict.violations.capacity += over > 0 ? over : 0;
        }
        for (const reassignment_balance& b : p.balances()) {
            const amount first = p.capacity(node)[b.first] - used[n * resources + b.first];
            const amount second = p.capacity(node)[b.second] - used[n * resources + b.second];
            const amount beyond = b.target * first - second;
            verdict.cost.balance += beyond > 0 ? beyond * b.weight : 0;
        }
    }
}

/// The part that is about groups.
inline void evaluate_groups(const reassignment_problem& p, std::span<const node_index> placed,
                            reassignment_evaluation& verdict) {
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
            const node_index n = placed[t.value()];
            if (node_seen[n.value()] == mark) ++verdict.violations.conflicts;
            node_seen[n.value()] = mark;
            if (location_seen[p.location(n)] != mark) ++locations;
            location_seen[p.location(n)] = mark;
            if (neighbourhood_seen[p.neighbourhood(n)] != mark) neighbourhoods[g].push_back(p.neighbourhood(n));
            neighbourhood_seen[p.neighbourhood(n)] = mark;
            moved += n == p.initial(t) ? 0 : 1;
        }
        most = moved > most ? moved : most;
        if (locations < p.spread(group_index{g})) verdict.violations.spread += p.spread(group_index{g}) - locations;
    }
    verdict.cost.groups = most * p.group_weight();
    std::vector<std::uint64_t> has_it(p.neighbourhood_count(), 0);  // by the last dependency, counted from 1
    std::uint64_t dependency = 0;
    for (std::size_t g = 0; g < p.group_count(); ++g) {
        for (const group_index on : p.dependencies(group_index{g})) {
            ++dependency;
            for (const std::uint32_t n : neighbourhoods[on.value()]) has_it[n] = dependency;
            for (const std::uint32_t n : neighbourhoods[g])
                verdict.violations.dependencies += has_it[n] == dependency ? 0 : 1;
        }
    }
}

}  // namespace detail

/// Evaluates an assignment from scratch, a node for every task. O(tasks × resources + nodes × resources + dependencies × neighbourhoods).
[[nodiscard]] inline reassignment_evaluation evaluate(const reassignment_problem& p, std::span<const node_index> placed) {
    BERTH_ASSERT(placed.size() == p.task_count(), "berth: an assignment has a node for every task");
    reassignment_evaluation verdict;
    detail::evaluate_resources(p, placed, verdict);
    detail::evaluate_groups(p, placed, verdict);
    for (std::size_t t = 0; t < placed.size(); ++t) {
        const task_index task{t};
        if (placed[t] == p.initial(task)) continue;
        verdict.cost.tasks += p.task_weight() * p.move_cost(task);
        verdict.cost.pairs += p.pair_weight() * static_cast<amount>(p.pair_cost(p.initial(task), placed[t]));
    }
    return verdict;
}

}  // namespace berth::inline v0
