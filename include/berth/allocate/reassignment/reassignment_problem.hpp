// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/allocate/reassignment/node_pair_costs.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// So many resources at most.
inline constexpr std::size_t max_reassignment_resources = 32;

/// One resource that every node has and every task uses.
struct reassignment_resource {
    bool transient = false;  ///< a moved task holds it on its old node, too
    amount load_weight = 0;  ///< what a unit beyond the safety capacity of a node costs
};

/// What is free of two resources of a node should stay in proportion: costs `weight` for each unit by which `target` times the
/// free `first` exceeds the free `second`.
struct reassignment_balance {
    std::size_t first = 0;
    std::size_t second = 0;
    amount target = 0;
    amount weight = 0;
};

/// The numbers of a reassignment problem, as they are handed in: plain arrays, one entry (or one row of resources) for each node, group or
/// task. `make_reassignment_problem` checks them.
struct reassignment_input {
    std::vector<reassignment_resource> resources;
    std::vector<reassignment_balance> balances;

    std::vector<std::uint32_t> neighbourhood;  ///< of each node: dependencies hold inside one
    std::vector<std::uint32_t> location;       ///< of each node: groups spread over them
    std::vector<amount> capacity;              ///< a row for each node
    std::vector<amount> safety_capacity;       ///< a row for each node
    node_pair_costs pair_costs;                ///< finished

    std::vector<std::uint32_t> spread;         ///< of each group: how many locations it has to be in at least
    std::vector<std::uint32_t> dependencies;   ///< groups, one group's after the other's
    std::vector<std::size_t> dependency_ends;  ///< of each group: where its dependencies end
    std::vector<std::uint32_t> group;          ///< of each task
    std::vector<amount> demand;                ///< a row for each task
    std::vector<amount> move_cost;       ///< of each task
    std::vector<std::uint32_t> initial;       ///< of each task: its node

    amount task_weight = 0;   ///< of the sum of move costs
    amount group_weight = 0;  ///< of the largest number of moved tasks of one group
    amount pair_weight = 0;   ///< of the sum of costs by pairs of nodes
};

/// Moving tasks between nodes so that load is better spread: the problem of the Google ROADEF/EURO challenge 2012, whose machines are
/// nodes (of a bare GPU fleet: GPUs), processes are tasks and services are groups.
///
/// Constraints. Within the capacity of every resource of every node. No two tasks of a group on one node. Every group in at least `spread`
/// locations. Every neighbourhood with a task of a group has one of each group that it depends on. A task holds transient resources
/// on both its initial and its new node.
/// Cost, in exact integers: load beyond safety capacities, balance of resources, moves (of tasks, of the group that has
/// most, by pairs of nodes). `reassignment_cost` has the parts.
///
/// Immutable; shared between threads. Made by `make_reassignment_problem`.
class reassignment_problem {
public:
    [[nodiscard]] std::size_t resource_count() const noexcept { return input_.resources.size(); }
    [[nodiscard]] std::size_t node_count() const noexcept { return input_.location.size(); }
    [[nodiscard]] std::size_t group_count() const noexcept { return input_.spread.size(); }
    [[nodiscard]] std::size_t task_count() const noexcept { return input_.group.size(); }
    [[nodiscard]] std::size_t location_count() const noexcept { return locations_; }
    [[nodiscard]] std::size_t neighbourhood_count() const noexcept { return neighbourhoods_; }

    [[nodiscard]] std::span<const reassignment_resource> resources() const noexcept { return input_.resources; }
    [[nodiscard]] std::span<const reassignment_balance> balances() const noexcept { return input_.balances; }
    [[nodiscard]] std::span<const amount> capacity(node_index n) const noexcept {
        return row(input_.capacity, n.value());
    }
    [[nodiscard]] std::span<const amount> safety_capacity(node_index n) const noexcept {
        return row(input_.safety_capacity, n.value());
    }
    [[nodiscard]] std::span<const amount> demand(task_index t) const noexcept { return row(input_.demand, t.value()); }
    /// Numbered from 0 without gaps, unlike those handed in.
    [[nodiscard]] std::uint32_t location(node_index n) const noexcept { return input_.location[n.value()]; }
    [[nodiscard]] std::uint32_t neighbourhood(node_index n) const noexcept { return input_.neighbourhood[n.value()]; }
    [[nodiscard]] std::uint32_t pair_cost(node_index from, node_index to) const noexcept {
        return input_.pair_costs(from, to);
    }

    [[nodiscard]] group_index group(task_index t) const noexcept { return group_index{input_.group[t.value()]}; }
    [[nodiscard]] amount move_cost(task_index t) const noexcept { return input_.move_cost[t.value()]; }
    [[nodiscard]] node_index initial(task_index t) const noexcept { return node_index{input_.initial[t.value()]}; }
    [[nodiscard]] std::size_t spread(group_index g) const noexcept { return input_.spread[g.value()]; }
    [[nodiscard]] std::span<const task_index> members(group_index g) const noexcept {
        return part(members_, member_ends_, g);
    }
    /// The groups that this one needs in each of its neighbourhoods.
    [[nodiscard]] std::span<const group_index> dependencies(group_index g) const noexcept {
        return part(dependencies_, dependency_ends_, g);
    }
    /// The groups that need this one.
    [[nodiscard]] std::span<const group_index> dependents(group_index g) const noexcept {
        return part(dependents_, dependent_ends_, g);
    }

    [[nodiscard]] amount task_weight() const noexcept { return input_.task_weight; }
    [[nodiscard]] amount group_weight() const noexcept { return input_.group_weight; }
    [[nodiscard]] amount pair_weight() const noexcept { return input_.pair_weight; }

private:
    friend result<reassignment_problem> make_reassignment_problem(reassignment_input input);
    explicit reassignment_problem(reassignment_input input) : input_{std::move(input)} {}

    [[nodiscard]] std::span<const amount> row(const std::vector<amount>& rows, std::size_t i) const noexcept {
        return std::span{rows}.subspan(i * resource_count(), resource_count());
    }
    template <class T>
    [[nodiscard]] static std::span<const T> part(const detail::flat<T>& all, const detail::flat<std::size_t>& ends,
                                                 group_index g) noexcept {
        const std::size_t begin = g.value() == 0 ? 0 : ends[g.value() - 1];
        return {all.data() + begin, ends[g.value()] - begin};
    }
    /// Numbers 0, 1, 2, ... in the order of first appearance.
    [[nodiscard]] static std::size_t number_anew(std::vector<std::uint32_t>& values);
    void link();

    reassignment_input input_;
    std::size_t locations_ = 0;
    std::size_t neighbourhoods_ = 0;
    detail::flat<task_index> members_;
    detail::flat<std::size_t> member_ends_;
    detail::flat<group_index> dependencies_;
    detail::flat<std::size_t> dependency_ends_;
    detail::flat<group_index> dependents_;
    detail::flat<std::size_t> dependent_ends_;
};

/// Checks the numbers and links them. The initial placement may break constraints: it is what a fleet looks like.
///
/// Refused, with the row and field named: arrays of unequal length, negative amounts, amounts of 2^32 or more, names of nodes, groups
/// or resources that do not exist, costs or sums of amounts that could reach 2^52, costs between nodes without `finish()`.
/// O(size of the input).
[[nodiscard]] result<reassignment_problem> make_reassignment_problem(reassignment_input input);

inline std::size_t reassignment_problem::number_anew(std::vector<std::uint32_t>& values) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> seen;  // few: kept sorted
    for (std::uint32_t& value : values) {
        std::size_t low = 0;
        std::size_t high = seen.size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (seen[middle].first < value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low == seen.size() || seen[low].first != value) {
            seen.insert(seen.begin() + static_cast<std::ptrdiff_t>(low),
                        {value, static_cast<std::uint32_t>(seen.size())});
        }
        value = seen[low].second;
    }
    return seen.size();
}

inline void reassignment_problem::link() {
    locations_ = number_anew(input_.location);
    neighbourhoods_ = number_anew(input_.neighbourhood);
    const std::size_t groups = group_count();
    member_ends_.assign(groups, 0);
    for (const std::uint32_t g : input_.group) ++member_ends_[g];
    for (std::size_t g = 1; g < groups; ++g) member_ends_[g] += member_ends_[g - 1];
    members_.resize(task_count());
    for (std::size_t t = task_count(); t-- > 0;) members_[--member_ends_[input_.group[t]]] = task_index{t};
    for (std::size_t g = 0; g < groups; ++g) { member_ends_[g] = g + 1 < groups ? member_ends_[g + 1] : task_count(); }

    // Once each, and not on itself.
    detail::flat<std::uint32_t> last_seen(groups, ~std::uint32_t{0});
    dependent_ends_.assign(groups, 0);
    std::size_t begin = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        for (; begin < input_.dependency_ends[g]; ++begin) {
            const std::uint32_t on = input_.dependencies[begin];
            if (on == g || last_seen[on] == g) continue;
            last_seen[on] = static_cast<std::uint32_t>(g);
            dependencies_.push_back(group_index{on});
            ++dependent_ends_[on];
        }
        dependency_ends_.push_back(dependencies_.size());
    }
    for (std::size_t g = 1; g < groups; ++g) dependent_ends_[g] += dependent_ends_[g - 1];
    dependents_.resize(dependencies_.size());
    for (std::size_t g = groups; g-- > 0;) {
        for (const group_index on : dependencies(group_index{g}))
            dependents_[--dependent_ends_[on.value()]] = group_index{g};
    }
    for (std::size_t g = 0; g < groups; ++g) {
        dependent_ends_[g] = g + 1 < groups ? dependent_ends_[g + 1] : dependents_.size();
    }
}

namespace detail {

/// The largest amount of a reassignment problem: as in the files of the challenge.
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

/// Whether every cost and every sum of amounts that can occur stays below 2^52, so that sums in doubles are exact. A weight of 0 counts as 1:
/// what it is multiplied by is worked out all the same.
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
        amounts += 2.0 * total[r] + room[r];  // a task may hold two nodes
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

}  // namespace detail

inline result<reassignment_problem> make_reassignment_problem(reassignment_input input) {
    using detail::check_names;
    using detail::check_rows;
    const std::size_t nodes = input.location.size();
    const std::size_t tasks = input.group.size();
    const std::size_t resources = input.resources.size();
    constexpr std::size_t any = std::size_t{1} << 32U;
    if (nodes == 0 || resources == 0) {
        return error{error_code::invalid_value, "reassignment: it has no node, or nodes have no resource"};
    }
    if (resources > max_reassignment_resources) {
        return detail::refuse(error_code::limit_exceeded,
                              {"reassignment: there are ", resources, " resources, at most ",
                               max_reassignment_resources, " are supported"});
    }
    const result<void> checks[] = {check_names("node", "neighbourhood", input.neighbourhood, nodes, any),
                                   check_rows("node", "capacity", input.capacity, nodes, resources),
                                   check_rows("node", "safety_capacity", input.safety_capacity, nodes, resources),
                                   check_names("task", "group", input.group, tasks, input.spread.size()),
                                   check_names("task", "initial", input.initial, tasks, nodes),
                                   check_rows("task", "demand", input.demand, tasks, resources),
                                   check_rows("task", "relocation_cost", input.move_cost, tasks, 1),
                                   detail::check_balances(input),
                                   detail::check_dependencies(input)};
    for (const auto& check : checks) {
        if (!check) return check.error();
    }
    if (input.pair_costs.node_count() != nodes) {
        return detail::refuse(error_code::inconsistent,
                              {"pair costs: they are of ", input.pair_costs.node_count(), " nodes, there are ", nodes});
    }
    if (!input.pair_costs.finished()) {
        return detail::refuse(error_code::inconsistent, {"pair costs: they are not finished"});
    }
    if (auto range = detail::check_range(input); !range) return range.error();
    reassignment_problem p{std::move(input)};
    p.link();
    return p;
}

}  // namespace berth::inline v0
