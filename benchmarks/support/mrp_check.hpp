// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bench {

enum class mrp_constraint : std::uint8_t { capacity, transient_capacity, conflict, spread, dependency };

/// One way in which an assignment breaks a constraint.
struct mrp_violation {
    mrp_constraint constraint{};
    std::size_t item = 0;  ///< capacities: the machine; conflict: the process; spread and dependency: the service
    std::size_t other =
        0;  ///< capacities: the resource; conflict: the other process; dependency: the service that is needed
    berth::amount amount =
        0;  ///< capacities: the excess; conflict: the machine; spread: missing locations; dependency: the neighbourhood

    friend bool operator==(const mrp_violation&, const mrp_violation&) noexcept = default;
};
/// A sentence that names constraint and items.
[[nodiscard]] std::string to_text(const mrp_violation& violation);

/// Costs and violations of an assignment.
struct mrp_verdict {
    bool complete = false;  ///< every process is on an existing machine; else the rest is empty
    berth::reassignment_cost cost;
    berth::reassignment_violations violations;
    std::vector<mrp_violation> broken;  ///< all of them, one by one
    std::size_t moved = 0;

    [[nodiscard]] bool feasible() const noexcept { return complete && violations.none(); }
};

/// Evaluates an assignment from the numbers of the instance alone, by the rules of the challenge. Shares no code with
/// the searches. For instances that `make_reassignment_problem` accepts. O(size of the instance).
[[nodiscard]] mrp_verdict check_mrp_assignment(const berth::reassignment_input& input,
                                               std::span<const berth::node_index> assignment);

/// Lower bound: pools all machines and ignores move cost.
[[nodiscard]] berth::amount mrp_lower_bound(const berth::reassignment_input& input);

}  // namespace bench
