// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// The cost of an assignment of a reassignment problem, by parts that are already weighted. Exact.
struct reassignment_cost {
    amount load = 0;     ///< beyond the safety capacities
    amount balance = 0;  ///< between the free resources of nodes
    amount tasks = 0;    ///< move costs of tasks
    amount groups = 0;   ///< for the group with most moved tasks
    amount pairs = 0;    ///< by the nodes that moves go from and to

    [[nodiscard]] constexpr amount total() const noexcept { return load + balance + tasks + groups + pairs; }
    friend constexpr bool operator==(const reassignment_cost&, const reassignment_cost&) noexcept = default;
};

/// How much of each constraint an assignment breaks. All zero: it is feasible.
struct reassignment_violations {
    amount capacity = 0;  ///< usage beyond capacity, over nodes and resources; transient usage counts where it applies
    std::size_t conflicts = 0;     ///< tasks that share a node with an earlier task of their group
    std::size_t spread = 0;        ///< locations that groups are short of
    std::size_t dependencies = 0;  ///< (group, dependency, neighbourhood) without the group that is needed

    [[nodiscard]] constexpr bool none() const noexcept {
        return capacity == 0 && conflicts == 0 && spread == 0 && dependencies == 0;
    }
    friend constexpr bool operator==(const reassignment_violations&, const reassignment_violations&) noexcept = default;
};

/// The answer of a search for a better assignment. A plain value.
struct reassignment_plan {
    std::vector<node_index> assignment;  ///< a node for every task
    reassignment_cost cost;
    reassignment_violations violations;  ///< all zero, unless no feasible assignment was found from an infeasible start
    std::size_t moved = 0;           ///< tasks that are not where they were initial
    std::uint64_t evaluations = 0;       ///< moves (of one task, or an exchange of two) whose cost was asked for
    std::uint64_t accepted = 0;          ///< of them, carried out
    stop_reason stopped = stop_reason::completed;
};

}  // namespace berth::inline v0
