// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/node_pair_costs.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// Maximum number of resources of a reassignment problem.
inline constexpr std::size_t max_reassignment_resources = 32;

/// One resource that every node has and every task uses.
struct reassignment_resource {
    bool transient = false;  ///< a moved task occupies it on its initial node, too, as disk space does during a copy
    amount load_weight = 0;  ///< cost of a unit beyond a node's safety capacity, 0 or more
};

/// Keeps what is free of two resources of a node in proportion: every unit by which `target` times the free `first`
/// exceeds the free `second` costs `weight`.
struct reassignment_balance {
    std::size_t first = 0;   ///< a position in `reassignment_input::resources`
    std::size_t second = 0;  ///< likewise
    amount target = 0;       ///< 0 to 2^32 - 1
    amount weight = 0;       ///< 0 to 2^32 - 1
};

/// The numbers of a reassignment problem: plain arrays with one entry (or one row of resources) for each node, group or
/// task. `make_reassignment_problem` checks them. Amounts and move costs are 0 to 2^32 - 1.
struct reassignment_input {
    std::vector<reassignment_resource> resources;  ///< 1 to `max_reassignment_resources`
    std::vector<reassignment_balance> balances;    ///< of every node

    std::vector<std::uint32_t> neighbourhood;  ///< of each node: dependencies hold inside one; any numbers
    std::vector<std::uint32_t> location;       ///< of each node: groups spread over them; any numbers
    std::vector<amount> capacity;              ///< a row for each node
    std::vector<amount> safety_capacity;       ///< a row for each node
    node_pair_costs pair_costs;                ///< finished

    std::vector<std::uint32_t> spread;         ///< of each group: the minimum number of locations
    std::vector<std::uint32_t> dependencies;   ///< the groups that group 0 depends on, then those of group 1, ...
    std::vector<std::size_t> dependency_ends;  ///< of each group: where its dependencies end
    std::vector<std::uint32_t> group;          ///< of each task
    std::vector<amount> demand;                ///< a row for each task
    std::vector<amount> move_cost;             ///< of each task
    std::vector<std::uint32_t> initial;        ///< of each task: the node that it runs on

    amount task_weight = 0;   ///< multiplies the sum of move costs
    amount group_weight = 0;  ///< multiplies the largest number of moved tasks of one group
    amount pair_weight = 0;   ///< multiplies the sum of pair costs of moved tasks
};

}  // namespace berth::inline v0
