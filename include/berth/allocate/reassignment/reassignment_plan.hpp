// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// The cost of an assignment of a reassignment problem, by parts to which the weights are already applied. Exact.
struct reassignment_cost {
    amount load = 0;     ///< load beyond safety capacities
    amount balance = 0;  ///< free resources of nodes out of proportion
    amount tasks = 0;    ///< move costs of tasks
    amount groups = 0;   ///< for the group with most moved tasks
    amount pairs = 0;    ///< pair costs of moved tasks

    /// The sum of all parts, which a search minimises.
    [[nodiscard]] constexpr amount total() const noexcept { return load + balance + tasks + groups + pairs; }
    friend constexpr bool operator==(const reassignment_cost&, const reassignment_cost&) noexcept = default;
};

/// By how much an assignment breaks each constraint. All zero: it is feasible.
struct reassignment_violations {
    amount capacity = 0;           ///< usage beyond capacity, over nodes and resources, transient usage included
    std::size_t conflicts = 0;     ///< tasks that share a node with an earlier task of their group
    std::size_t spread = 0;        ///< locations that groups are short of
    std::size_t dependencies = 0;  ///< (group, dependency, neighbourhood) without a task of the dependency
    std::size_t unplaced = 0;  ///< tasks without an entry or on a node that does not exist, and entries without a task

    /// True if the assignment is feasible.
    [[nodiscard]] constexpr bool none() const noexcept {
        return capacity == 0 && conflicts == 0 && spread == 0 && dependencies == 0 && unplaced == 0;
    }
    friend constexpr bool operator==(const reassignment_violations&, const reassignment_violations&) noexcept = default;
};

/// The result of `reassignment_search`. A plain value.
struct reassignment_plan {
    std::vector<node_index> assignment;  ///< a node for every task
    reassignment_cost cost;              ///< recomputed from the assignment
    reassignment_violations violations;  ///< all zero, unless the start is infeasible and nothing feasible was found
    std::size_t moved = 0;               ///< tasks that are not on their initial node
    std::uint64_t evaluations = 0;       ///< moves evaluated; an exchange of two tasks counts once
    std::uint64_t accepted = 0;          ///< steps carried out; a step is one or more moves
    stop_reason stopped = stop_reason::completed;  ///< why the search ended
};

}  // namespace berth::inline v0
