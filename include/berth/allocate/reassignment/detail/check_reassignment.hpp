// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_input.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0::detail {

/// The limit of the challenge's file format.
inline constexpr amount max_reassignment_amount = (amount{1} << 32U) - 1;

[[nodiscard]] inline result<void> check_rows(const char* kind, const char* field, const std::vector<amount>& values,
                                             std::size_t rows, std::size_t columns) {
    if (values.size() != rows * columns) {
        return refuse(error_code::inconsistent,
                      {kind, "s: ", field, " has ", values.size(), " values, expected ", rows, " rows of ", columns});
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] >= 0 && values[i] <= max_reassignment_amount) continue;
        return refuse(values[i] < 0 ? error_code::invalid_value : error_code::overflow,
                      {kind, " ", i / columns, ": ", field, "[", i % columns, "] is ", values[i], ", expected 0..",
                       max_reassignment_amount});
    }
    return {};
}

[[nodiscard]] inline result<void> check_names(const char* kind, const char* field,
                                              const std::vector<std::uint32_t>& values, std::size_t rows,
                                              std::size_t limit) {
    if (values.size() != rows) {
        return refuse(error_code::inconsistent,
                      {kind, "s: ", field, " has ", values.size(), " values, expected ", rows});
    }
    for (std::size_t i = 0; i < rows; ++i) {
        if (values[i] < limit) continue;
        return refuse(error_code::unknown_name,
                      {kind, " ", i, ": ", field, " is ", values[i], ", there are only ", limit});
    }
    return {};
}

[[nodiscard]] inline result<void> check_balances(const reassignment_input& in) {
    for (std::size_t b = 0; b < in.balances.size(); ++b) {
        const reassignment_balance& one = in.balances[b];
        if (one.first >= in.resources.size() || one.second >= in.resources.size()) {
            return refuse(error_code::unknown_name, {"balance ", b, ": it names resource ",
                                                     one.first < in.resources.size() ? one.second : one.first,
                                                     ", there are only ", in.resources.size()});
        }
        if (one.target < 0 || one.weight < 0 || one.target > max_reassignment_amount ||
            one.weight > max_reassignment_amount) {
            return refuse(error_code::invalid_value, {"balance ", b, ": target and weight are ", one.target, " and ",
                                                      one.weight, ", expected 0..", max_reassignment_amount});
        }
    }
    return {};
}

[[nodiscard]] inline result<void> check_dependencies(const reassignment_input& in) {
    const std::size_t groups = in.spread.size();
    const std::size_t last = groups > 0 && in.dependency_ends.size() == groups ? in.dependency_ends.back() : 0;
    if (in.dependency_ends.size() != groups || last != in.dependencies.size()) {
        return refuse(error_code::inconsistent,
                      {"groups: dependency_ends does not divide the dependencies among them"});
    }
    std::size_t begin = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        if (in.dependency_ends[g] < begin) {
            return refuse(error_code::inconsistent, {"group ", g, ": its dependencies end before they begin"});
        }
        if (in.dependency_ends[g] > in.dependencies.size()) {
            return refuse(error_code::inconsistent, {"group ", g, ": its dependencies end at ", in.dependency_ends[g],
                                                     ", there are only ", in.dependencies.size()});
        }
        for (; begin < in.dependency_ends[g]; ++begin) {
            if (in.dependencies[begin] < groups) continue;
            return refuse(error_code::unknown_name,
                          {"group ", g, ": it depends on group ", in.dependencies[begin], ", there are only ", groups});
        }
    }
    return {};
}

/// Sums in doubles are exact only while every cost and every sum of amounts stays below 2^52. A weight of 0 counts as
/// 1, because the product's other factor is computed in any case.
[[nodiscard]] inline result<void> check_range(const reassignment_input& in) {
    const double limit = 0x1.0p52;
    double most = 0.0;
    const std::size_t resources = in.resources.size();
    std::vector<double> total(resources, 0.0);
    std::vector<double> room(resources, 0.0);
    for (std::size_t i = 0; i < in.demand.size(); ++i) total[i % resources] += static_cast<double>(in.demand[i]);
    for (std::size_t i = 0; i < in.capacity.size(); ++i) room[i % resources] += static_cast<double>(in.capacity[i]);
    double amounts = 0.0;
    for (std::size_t r = 0; r < resources; ++r) {
        amounts += 2.0 * total[r] + room[r];  // a moved task counts on two nodes
        if (in.resources[r].load_weight < 0) {
            return refuse(error_code::invalid_value, {"resource ", r, ": its load weight is ",
                                                      in.resources[r].load_weight, ", expected 0 or more"});
        }
        most += static_cast<double>(in.resources[r].load_weight) * total[r];
    }
    for (const reassignment_balance& b : in.balances) {
        most += static_cast<double>(b.weight > 0 ? b.weight : 1) *
                (static_cast<double>(b.target) * (room[b.first] + total[b.first]) + room[b.second] + total[b.second]);
    }
    double moves = 0.0;
    for (const amount cost : in.move_cost) moves += static_cast<double>(cost);
    const auto tasks = static_cast<double>(in.group.size());
    most += static_cast<double>(in.task_weight) * moves + static_cast<double>(in.group_weight) * tasks +
            static_cast<double>(in.pair_weight) * tasks * static_cast<double>(in.pair_costs.largest());
    if (in.task_weight < 0 || in.group_weight < 0 || in.pair_weight < 0) {
        return refuse(error_code::invalid_value, {"weights: the weights of moves are ", in.task_weight, ", ",
                                                  in.group_weight, " and ", in.pair_weight, ", expected 0 or more"});
    }
    if (most >= limit)
        return refuse(error_code::overflow, {"weights: costs could reach 2^52, beyond which they are not exact"});
    if (amounts >= limit)
        return refuse(error_code::overflow, {"amounts: sums could reach 2^52, beyond which they are not exact"});
    return {};
}

/// Everything but the ranges of sums comes first: they index by what was checked.
[[nodiscard]] inline result<void> check_reassignment(const reassignment_input& in) {
    const std::size_t nodes = in.location.size();
    const std::size_t tasks = in.group.size();
    const std::size_t resources = in.resources.size();
    constexpr std::size_t any = std::size_t{1} << 32U;
    if (nodes == 0 || resources == 0) {
        return error{error_code::invalid_value, "reassignment: it has no node, or nodes have no resource"};
    }
    if (resources > max_reassignment_resources) {
        return refuse(error_code::limit_exceeded, {"reassignment: there are ", resources, " resources, at most ",
                                                   max_reassignment_resources, " are supported"});
    }
    const result<void> checks[] = {check_names("node", "neighbourhood", in.neighbourhood, nodes, any),
                                   check_rows("node", "capacity", in.capacity, nodes, resources),
                                   check_rows("node", "safety_capacity", in.safety_capacity, nodes, resources),
                                   check_names("task", "group", in.group, tasks, in.spread.size()),
                                   check_names("task", "initial", in.initial, tasks, nodes),
                                   check_rows("task", "demand", in.demand, tasks, resources),
                                   check_rows("task", "move_cost", in.move_cost, tasks, 1),
                                   check_balances(in),
                                   check_dependencies(in)};
    for (const auto& check : checks) {
        if (!check) return check;
    }
    if (in.pair_costs.node_count() != nodes) {
        return refuse(error_code::inconsistent,
                      {"pair costs: they are of ", in.pair_costs.node_count(), " nodes, there are ", nodes});
    }
    if (auto rows = in.pair_costs.validate(); !rows) return rows;
    return check_range(in);
}

}  // namespace berth::inline v0::detail
