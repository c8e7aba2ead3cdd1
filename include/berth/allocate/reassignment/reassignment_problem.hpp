// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/check_reassignment.hpp"
#include "berth/allocate/reassignment/detail/number_anew.hpp"
#include "berth/allocate/reassignment/reassignment_input.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// The machine reassignment problem of the Google ROADEF/EURO challenge 2012: moves running tasks between nodes so that
/// load is better spread. Its machines are nodes (in a fleet without node-wide resources: GPUs), its processes are
/// tasks, its services are groups.
///
/// Constraints. Every node stays within the capacity of each resource. No two tasks of a group share a node. Every
/// group has tasks in at least `spread` locations. A neighbourhood with a task of a group has a task of each group that
/// it depends on. A moved task occupies transient resources on its initial node as well as on its new one.
///
/// Cost, in exact integers: load beyond safety capacities, balance of resources, moves (per task, for the group with
/// most moves, per pair of nodes). `reassignment_cost` has the parts.
///
/// Immutable and shareable between threads. Made by `make_reassignment_problem`.
class reassignment_problem {
public:
    /// Number of resources, 1 or more.
    [[nodiscard]] std::size_t resource_count() const noexcept { return input_.resources.size(); }
    /// Number of nodes, 1 or more.
    [[nodiscard]] std::size_t node_count() const noexcept { return input_.location.size(); }
    /// Number of groups.
    [[nodiscard]] std::size_t group_count() const noexcept { return input_.spread.size(); }
    /// Number of tasks.
    [[nodiscard]] std::size_t task_count() const noexcept { return input_.group.size(); }
    /// Number of distinct locations.
    [[nodiscard]] std::size_t location_count() const noexcept { return locations_; }
    /// Number of distinct neighbourhoods.
    [[nodiscard]] std::size_t neighbourhood_count() const noexcept { return neighbourhoods_; }

    /// The resources; rows of amounts follow their order.
    [[nodiscard]] std::span<const reassignment_resource> resources() const noexcept { return input_.resources; }
    /// The balance costs, which apply to every node.
    [[nodiscard]] std::span<const reassignment_balance> balances() const noexcept { return input_.balances; }
    /// A node's capacity of each resource: the hard limit.
    [[nodiscard]] std::span<const amount> capacity(node_index n) const noexcept {
        return row(input_.capacity, n.value());
    }
    /// A node's safety capacity of each resource: load beyond it costs.
    [[nodiscard]] std::span<const amount> safety_capacity(node_index n) const noexcept {
        return row(input_.safety_capacity, n.value());
    }
    /// A task's demand of each resource.
    [[nodiscard]] std::span<const amount> demand(task_index t) const noexcept { return row(input_.demand, t.value()); }
    /// Below `location_count()`: the input's locations are renumbered in order of appearance.
    [[nodiscard]] std::uint32_t location(node_index n) const noexcept { return input_.location[n.value()]; }
    /// Below `neighbourhood_count()`: renumbered like locations.
    [[nodiscard]] std::uint32_t neighbourhood(node_index n) const noexcept { return input_.neighbourhood[n.value()]; }
    /// Cost of a move between two nodes, not yet multiplied by `pair_weight()`.
    [[nodiscard]] std::uint32_t pair_cost(node_index from, node_index to) const noexcept {
        return input_.pair_costs(from, to);
    }

    /// The group of a task.
    [[nodiscard]] group_index group(task_index t) const noexcept { return group_index{input_.group[t.value()]}; }
    /// Cost of moving a task, not yet multiplied by `task_weight()`.
    [[nodiscard]] amount move_cost(task_index t) const noexcept { return input_.move_cost[t.value()]; }
    /// The node that a task runs on before anything moves.
    [[nodiscard]] node_index initial(task_index t) const noexcept { return node_index{input_.initial[t.value()]}; }
    /// Minimum number of locations of a group.
    [[nodiscard]] std::size_t spread(group_index g) const noexcept { return input_.spread[g.value()]; }
    /// The tasks of a group, in ascending order.
    [[nodiscard]] std::span<const task_index> members(group_index g) const noexcept {
        return part(members_, member_ends_, g);
    }
    /// The groups that this one depends on, each once and never itself.
    [[nodiscard]] std::span<const group_index> dependencies(group_index g) const noexcept {
        return part(dependencies_, dependency_ends_, g);
    }
    /// The groups that depend on this one.
    [[nodiscard]] std::span<const group_index> dependents(group_index g) const noexcept {
        return part(dependents_, dependent_ends_, g);
    }

    /// Multiplies the sum of move costs.
    [[nodiscard]] amount task_weight() const noexcept { return input_.task_weight; }
    /// Multiplies the largest number of moved tasks of one group.
    [[nodiscard]] amount group_weight() const noexcept { return input_.group_weight; }
    /// Multiplies the sum of pair costs.
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

/// Checks the input and makes a problem of it. The initial placement may break constraints, since a running fleet may.
///
/// @return the problem, or an error that names row and field: arrays whose lengths do not match, amounts outside 0 to
///         2^32 - 1, nodes, groups or resources that do not exist, pair costs with missing or malformed rows, costs or
///         sums of amounts that could reach 2^52, beyond which they are not exact
///
/// O(size of the input + nodes × log nodes).
[[nodiscard]] result<reassignment_problem> make_reassignment_problem(reassignment_input input);

inline void reassignment_problem::link() {
    locations_ = detail::number_anew(input_.location);
    neighbourhoods_ = detail::number_anew(input_.neighbourhood);
    const std::size_t groups = group_count();
    member_ends_.assign(groups, 0);
    for (const std::uint32_t g : input_.group) ++member_ends_[g];
    for (std::size_t g = 1; g < groups; ++g) member_ends_[g] += member_ends_[g - 1];
    members_.resize(task_count());
    for (std::size_t t = task_count(); t-- > 0;) members_[--member_ends_[input_.group[t]]] = task_index{t};
    for (std::size_t g = 0; g < groups; ++g) { member_ends_[g] = g + 1 < groups ? member_ends_[g + 1] : task_count(); }

    // Drops repeated dependencies and those of a group on itself.
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

inline result<reassignment_problem> make_reassignment_problem(reassignment_input input) {
    if (auto checked = detail::check_reassignment(input); !checked) return checked.error();
    reassignment_problem p{std::move(input)};
    p.link();
    return p;
}

}  // namespace berth::inline v0
