// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <vector>

namespace berth::inline v0 {

/// Lower bound of the cost of every assignment: pools all nodes and ignores move costs. O((tasks + nodes) ×
/// resources).
///
/// Nearly reached in those instances of the ROADEF/EURO challenge 2012 that have many small tasks; loose where few
/// large tasks decide.
///
/// Source: the excess of a sum is at most the sum of excesses; table I of the report of team J33 of the ROADEF/EURO
/// challenge 2012.
[[nodiscard]] inline amount reassignment_bound(const reassignment_problem& p) {
    const std::size_t resources = p.resource_count();
    std::vector<amount> demand(resources, 0);
    std::vector<amount> capacity(resources, 0);
    std::vector<amount> safety(resources, 0);
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        for (std::size_t r = 0; r < resources; ++r) demand[r] += p.demand(task_index{t})[r];
    }
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        for (std::size_t r = 0; r < resources; ++r) {
            capacity[r] += p.capacity(node_index{n})[r];
            safety[r] += p.safety_capacity(node_index{n})[r];
        }
    }
    amount bound = 0;
    for (std::size_t r = 0; r < resources; ++r) {
        if (demand[r] > safety[r]) bound += (demand[r] - safety[r]) * p.resources()[r].load_weight;
    }
    for (const reassignment_balance& b : p.balances()) {
        const amount beyond =
            b.target * (capacity[b.first] - demand[b.first]) - (capacity[b.second] - demand[b.second]);
        if (beyond > 0) bound += beyond * b.weight;
    }
    return bound;
}

}  // namespace berth::inline v0
