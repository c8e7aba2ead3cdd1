// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/evaluate_reassignment.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace berth_test {

/// Parameters of a small random reassignment.
struct reassignment_shape {
    std::size_t nodes = 5;
    std::size_t tasks = 14;
    std::size_t groups = 6;
    std::size_t resources = 3;  ///< every other one transient
    std::size_t locations = 3;
    std::size_t neighbourhoods = 2;
    double room = 1.5;  ///< capacity over demand
};

/// Placed anywhere: most often in conflict, often beyond capacities. Same arguments, same instance.
[[nodiscard]] inline berth::reassignment_input random_reassignment(const reassignment_shape& shape,
                                                                   std::uint64_t seed) {
    berth::xoshiro256 random{seed};
    berth::reassignment_input in;
    for (std::size_t r = 0; r < shape.resources; ++r)
        in.resources.push_back({r % 2 == 1, static_cast<berth::amount>(below(random, 12))});
    for (std::size_t b = 0; b < 2; ++b) {
        const std::size_t first = below(random, shape.resources);
        const std::size_t second = below(random, shape.resources);
        in.balances.push_back({first, second, 2, static_cast<berth::amount>(1 + below(random, 5))});
    }
    std::vector<berth::amount> total(shape.resources, 0);
    for (std::size_t t = 0; t < shape.tasks; ++t) {
        in.group.push_back(static_cast<std::uint32_t>(below(random, shape.groups)));
        for (std::size_t r = 0; r < shape.resources; ++r) {
            in.demand.push_back(static_cast<berth::amount>(1 + below(random, 30)));
            total[r] += in.demand.back();
        }
        in.move_cost.push_back(static_cast<berth::amount>(below(random, 4)));
        in.initial.push_back(static_cast<std::uint32_t>(below(random, shape.nodes)));
    }
    in.pair_costs = berth::node_pair_costs{shape.nodes};
    for (std::size_t n = 0; n < shape.nodes; ++n) {
        in.location.push_back(static_cast<std::uint32_t>(below(random, shape.locations)));
        in.neighbourhood.push_back(static_cast<std::uint32_t>(below(random, shape.neighbourhoods)));
        std::vector<std::uint32_t> row;
        for (std::size_t to = 0; to < shape.nodes; ++to)
            row.push_back(to == n ? 0U : static_cast<std::uint32_t>(below(random, 5)));
        in.pair_costs.add_row(row);
        for (std::size_t r = 0; r < shape.resources; ++r) {
            const double share = shape.room * static_cast<double>(total[r]) / static_cast<double>(shape.nodes);
            const double capacity = share * (0.7 + 0.6 * berth::uniform01(random));
            in.capacity.push_back(static_cast<berth::amount>(capacity));
            in.safety_capacity.push_back(static_cast<berth::amount>(0.7 * capacity));
        }
    }
    in.pair_costs.finish();
    for (std::size_t g = 0; g < shape.groups; ++g) {
        in.spread.push_back(static_cast<std::uint32_t>(below(random, 3)));
        if (below(random, 2) == 0) in.dependencies.push_back(static_cast<std::uint32_t>(below(random, shape.groups)));
        in.dependency_ends.push_back(in.dependencies.size());
    }
    in.task_weight = 1;
    in.group_weight = 10;
    in.pair_weight = 3;
    return in;
}

[[nodiscard]] inline std::vector<berth::node_index> random_assignment(const berth::reassignment_problem& p,
                                                                      berth::xoshiro256& random) {
    std::vector<berth::node_index> nodes;
    for (std::size_t t = 0; t < p.task_count(); ++t) nodes.emplace_back(below(random, p.node_count()));
    return nodes;
}

/// Calls `visit(assignment)` for each of nodes^tasks assignments.
template <class Visit>
void for_each_assignment(std::size_t nodes, std::size_t tasks, const Visit& visit) {
    std::vector<berth::node_index> placed(tasks, berth::node_index{0});
    for (;;) {
        visit(placed);
        std::size_t t = 0;
        while (t < tasks && placed[t].value() + 1 == nodes) placed[t++] = berth::node_index{0};
        if (t == tasks) return;
        placed[t] = berth::node_index{placed[t].value() + 1};
    }
}

/// The least cost of a feasible assignment, by exhaustive search.
[[nodiscard]] inline std::optional<berth::amount> least_cost(const berth::reassignment_problem& p) {
    std::optional<berth::amount> least;
    for_each_assignment(p.node_count(), p.task_count(), [&](const std::vector<berth::node_index>& placed) {
        const auto evaluation = berth::evaluate(p, placed);
        if (evaluation.feasible() && (!least || evaluation.cost.total() < *least)) least = evaluation.cost.total();
    });
    return least;
}

/// Places the tasks at random until nothing is broken. False if it finds no such placement.
[[nodiscard]] inline bool place_feasibly(berth::reassignment_input& in, std::uint64_t seed) {
    berth::xoshiro256 random{seed};
    for (int tries = 0; tries < 3000; ++tries) {
        for (std::uint32_t& node : in.initial) node = static_cast<std::uint32_t>(below(random, in.location.size()));
        const auto p = need(berth::make_reassignment_problem(in));
        if (berth::evaluate(p, berth::initial_assignment(p)).feasible()) return true;
    }
    return false;
}

}  // namespace berth_test
