// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/allocate/reassignment/detail/wide.hpp"
#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace berth::inline v0 {

/// An assignment of a reassignment problem and what it costs, kept up to date while tasks are moved.
///
/// Capacities may be exceeded at a price: between two good assignments of a tight fleet there is often none that fits, and a search
/// that lowers the overload by raising its price gets there. The other constraints are counted.
///
/// @tparam Wides  half the number of resources, rounded up: a compile-time quantity, so that the loops over resources are unrolled.
///
/// 1. `shift_delta` and `swap_delta` answer by how much `value()` would change, or `infeasible` if two tasks of a group would
///    meet. O(resources).
/// 2. `shift_violations` and `swap_violations` answer by how many violations of spread, dependencies and conflicts there would be more or
///    less. O(dependencies of the groups).
/// 3. `shift` and `swap` carry it out. O(resources + dependencies).
///
/// All values are integers, held in doubles where that is quicker and still exact.
/// One thread at a time; copyable. Memory: O(tasks × resources + nodes × resources + groups × (locations + neighbourhoods) + groups of several
/// tasks × nodes / 8).
template <std::size_t Wides>
class reassignment_state {
public:
    static constexpr std::size_t lanes = 2 * Wides;
    /// Larger than any delta.
    static constexpr double infeasible = 0x1.0p120;

    reassignment_state(const reassignment_problem& p, std::span<const node_index> start);

    [[nodiscard]] const reassignment_problem& problem() const noexcept { return *problem_; }
    [[nodiscard]] std::span<const node_index> assignment() const noexcept { return where_.view(); }
    [[nodiscard]] node_index where(task_index t) const noexcept { return where_[t.value()]; }
    [[nodiscard]] reassignment_cost cost() const noexcept;
    /// `cost().total()` and what the overload costs. O(1).
    [[nodiscard]] double value() const noexcept { return cost_value() + overload_cost(); }
    /// Load and balance cost of one node, and what its overload costs.
    [[nodiscard]] double node_cost(node_index n) const noexcept { return node_cost_[n.value()]; }

    /// The usage beyond capacity, over all nodes and resources; what transient resources hold included.
    [[nodiscard]] double overload() const noexcept { return overload_; }
    /// The same of one node.
    [[nodiscard]] double overload_of(node_index n) const noexcept { return overload_of(node_of(n)); }
    /// What it adds to `value()`.
    [[nodiscard]] double overload_cost() const noexcept { return price_ * overload_; }
    /// The same as `cost().total()`, and exact for any price. O(1).
    [[nodiscard]] double cost_value() const noexcept {
        return node_costs_ + task_cost_ + pair_cost_ + group_weight_ * static_cast<double>(most_moved_);
    }
    /// What a unit of it costs from now on: a whole number, so that sums stay exact. O(nodes × resources).
    void set_overload_price(amount price) noexcept {
        price_ = static_cast<double>(price);
        weigh_nodes();
    }
    /// Violations of spread, dependencies and conflicts. Below none it never gets.
    [[nodiscard]] std::int64_t violations() const noexcept { return violations_; }

    [[nodiscard]] double shift_delta(task_index t, node_index to) const noexcept {
        const node_index from = where(t);
        if (meets_group(group_of_[t.value()], to)) return infeasible;
        const double* demand = demand_of(t);
        return cost_with<+1>(node_of(to), demand, held_part(t, to)) - node_cost_[to.value()] +
               cost_with<-1>(node_of(from), demand, held_part(t, from)) - node_cost_[from.value()] +
               move_delta(t, to);
    }
    /// Two tasks on different nodes change places.
    [[nodiscard]] double swap_delta(task_index t, task_index u) const noexcept {
        const node_index a = where(t);
        const node_index b = where(u);
        const std::uint32_t group_t = group_of_[t.value()];
        const std::uint32_t group_u = group_of_[u.value()];
        if (group_t != group_u && (meets_group(group_t, b) || meets_group(group_u, a))) return infeasible;
        const double* dt = demand_of(t);
        const double* du = demand_of(u);
        const double* held_t_a = held_part(t, a);
        const double* held_t_b = held_part(t, b);
        const double* held_u_a = held_part(u, a);
        const double* held_u_b = held_part(u, b);
        double difference[lanes];
        double held_a[lanes];
        double held_b[lanes];
        using detail::load_wide;
        using detail::store_wide;
        for (std::size_t i = 0; i < lanes; i += 2) {
            store_wide(difference + i, load_wide(dt + i) - load_wide(du + i));
            store_wide(held_a + i, load_wide(held_t_a + i) - load_wide(held_u_a + i));
            store_wide(held_b + i, load_wide(held_t_b + i) - load_wide(held_u_b + i));
        }
        return cost_with<-1>(node_of(a), difference, held_a) - node_cost_[a.value()] +
               cost_with<+1>(node_of(b), difference, held_b) - node_cost_[b.value()] + exchange_delta(t, u);
    }

    [[nodiscard]] std::int64_t shift_violations(task_index t, node_index to) const noexcept {
        return leaving_a_conflict(t) + group_violations(group_of_[t.value()], where(t), to);
    }
    [[nodiscard]] std::int64_t swap_violations(task_index t, task_index u) noexcept {
        const std::uint32_t group_t = group_of_[t.value()];
        const std::uint32_t group_u = group_of_[u.value()];
        if (group_t == group_u) return 0;
        const node_index a = where(t);
        const node_index b = where(u);
        std::int64_t change = leaving_a_conflict(t) + leaving_a_conflict(u) + group_violations(group_t, a, b);
        if (constrained_[group_u] == 0) return change;
        // Each may be what the other needs: the second is asked after the first has gone.
        count(group_t, a, b);
        change += group_violations(group_u, b, a);
        count(group_t, b, a);
        return change;
    }

    void shift(task_index t, node_index to) noexcept {
        const std::uint32_t g = group_of_[t.value()];
        const node_index from = where(t);
        violations_ += shift_violations(t, to) + (meets_group(g, to) ? 1 : 0);
        carry(t, to);
        count(g, from, to);
        mark_moved(t, from, to);
    }
    void swap(task_index t, task_index u) noexcept {
        const node_index a = where(t);
        const node_index b = where(u);
        if (group_of_[t.value()] == group_of_[u.value()]) {  // which is then where it was
            carry(t, b);
            carry(u, a);
        } else {
            shift(t, b);
            shift(u, a);
        }
    }

private:
    // What a node has, one after the other: usage, usage with what transient resources hold, capacity, safety capacity.
    static constexpr std::size_t used_at = 0;
    static constexpr std::size_t held_at = lanes;
    static constexpr std::size_t capacity_at = 2 * lanes;
    static constexpr std::size_t safety_at = 3 * lanes;
    static constexpr std::size_t node_stride = 4 * lanes;

    struct balance {
        std::size_t first;
        std::size_t second;
        double target;
        double weight;
    };

    /// +1 if a task that is at home leaves it, -1 if it comes back.
    [[nodiscard]] int moved_by(std::size_t i, node_index to) const noexcept {
        return (to == home_[i] ? 0 : 1) - (where_[i] == home_[i] ? 0 : 1);
    }
    /// By how much the cost of moves grows.
    [[nodiscard]] double move_delta(task_index t, node_index to) const noexcept {
        const std::size_t i = t.value();
        const int moved = moved_by(i, to);
        const double change = pair_delta(i, where_[i], to);
        return moved == 0 ? change : change + moved * move_cost_[i] + group_weight_ * most_delta(group_of_[i], moved);
    }
    /// The same for two tasks that change places.
    [[nodiscard]] double exchange_delta(task_index t, task_index u) const noexcept {
        const std::size_t i = t.value();
        const std::size_t j = u.value();
        const int first = moved_by(i, where_[j]);
        const int second = moved_by(j, where_[i]);
        const double change = pair_delta(i, where_[i], where_[j]) + pair_delta(j, where_[j], where_[i]);
        if (first == 0 && second == 0) return change;
        const int most = second == 0  ? most_delta(group_of_[i], first)
                         : first == 0 ? most_delta(group_of_[j], second)
                                      : most_delta(group_of_[i], first, group_of_[j], second);
        return change + first * move_cost_[i] + second * move_cost_[j] + group_weight_ * most;
    }
    /// By how much the largest number of moved tasks of a group grows.
    [[nodiscard]] int most_delta(std::uint32_t g, int moved) const noexcept {
        if (moved_[g] != most_moved_) return 0;
        return moved > 0 ? 1 : groups_with_[most_moved_] == 1 ? -1 : 0;
    }
    /// The same if a task of each of two groups, or two of one, leave home or come back.
    [[nodiscard]] int most_delta(std::uint32_t g, int first, std::uint32_t h, int second) const noexcept {
        const bool g_most = moved_[g] == most_moved_;
        const bool h_most = moved_[h] == most_moved_;
        if (g == h) {
            if (first + second == 0) return 0;
            if (first > 0) return g_most ? 2 : moved_[g] + 1 == most_moved_ ? 1 : 0;
            return !g_most || groups_with_[most_moved_] > 1 ? 0 : groups_with_[most_moved_ - 1] > 0 ? -1 : -2;
        }
        if ((first > 0 && g_most) || (second > 0 && h_most)) return 1;
        const std::uint32_t fewer = (first < 0 && g_most ? 1U : 0U) + (second < 0 && h_most ? 1U : 0U);
        if (fewer == 0 || fewer < groups_with_[most_moved_]) return 0;
        const bool reached =
            (first > 0 && moved_[g] + 1 == most_moved_) || (second > 0 && moved_[h] + 1 == most_moved_);
        return reached ? 0 : -1;
    }
    /// By the nodes a task goes from and to; to stay at home costs nothing, whatever the table says.
    [[nodiscard]] double pair_cost_of(std::size_t i, node_index to) const noexcept {
        return to == home_[i] ? 0.0 : static_cast<double>(problem_->pair_cost(home_[i], to));
    }
    [[nodiscard]] double pair_delta(std::size_t i, node_index from, node_index to) const noexcept {
        return pair_weight_ * (pair_cost_of(i, to) - pair_cost_of(i, from));
    }
    [[nodiscard]] double* node_of(node_index n) noexcept { return nodes_.data() + n.value() * node_stride; }
    [[nodiscard]] const double* node_of(node_index n) const noexcept { return nodes_.data() + n.value() * node_stride; }
    [[nodiscard]] const double* demand_of(task_index t) const noexcept {
        return demands_.data() + t.value() * 2 * lanes;
    }
    /// What a task takes of a node's held counters: on the node where it was initial, transient resources are held anyway.
    [[nodiscard]] const double* held_part(task_index t, node_index n) const noexcept {
        return demand_of(t) + (home_[t.value()] == n ? lanes : 0);
    }

    /// A node's cost with a demand more or less on it.
    template <int Sign>
    [[nodiscard]] double cost_with(const double* node, const double* demand, const double* held) const noexcept {
        using detail::load_wide;
        detail::wide cost{0.0, 0.0};
        detail::wide over{0.0, 0.0};
        for (std::size_t i = 0; i < lanes; i += 2) {
            const detail::wide used =
                Sign > 0 ? load_wide(node + i) + load_wide(demand + i) : load_wide(node + i) - load_wide(demand + i);
            cost += detail::positive_part(used - load_wide(node + safety_at + i)) * load_wide(weights_ + i);
            const detail::wide full = Sign > 0 ? load_wide(node + held_at + i) + load_wide(held + i)
                                               : load_wide(node + held_at + i) - load_wide(held + i);
            over += detail::positive_part(full - load_wide(node + capacity_at + i));
        }
        double total = detail::sum(cost) + price_ * detail::sum(over);
        for (const balance& b : balances_) {
            const double first = node[capacity_at + b.first] - (node[b.first] + Sign * demand[b.first]);
            const double second = node[capacity_at + b.second] - (node[b.second] + Sign * demand[b.second]);
            const double beyond = b.target * first - second;
            total += beyond > 0 ? beyond * b.weight : 0.0;
        }
        return total;
    }
    [[nodiscard]] double load_and_balance_of(const double* node) const noexcept {
        using detail::load_wide;
        detail::wide cost{0.0, 0.0};
        for (std::size_t i = 0; i < lanes; i += 2)
            cost +=
                detail::positive_part(load_wide(node + i) - load_wide(node + safety_at + i)) * load_wide(weights_ + i);
        double total = detail::sum(cost);
        for (const balance& b : balances_) {
            const double beyond = b.target * (node[capacity_at + b.first] - node[b.first]) -
                                  (node[capacity_at + b.second] - node[b.second]);
            total += beyond > 0 ? beyond * b.weight : 0.0;
        }
        return total;
    }
    [[nodiscard]] double overload_of(const double* node) const noexcept {
        detail::wide over{0.0, 0.0};
        for (std::size_t i = 0; i < lanes; i += 2)
            over += detail::positive_part(detail::load_wide(node + held_at + i) -
                                          detail::load_wide(node + capacity_at + i));
        return detail::sum(over);
    }
    /// What goes with the task itself: usage, place, cost of moves.
    void carry(task_index t, node_index to) noexcept {
        const std::size_t i = t.value();
        const node_index from = where_[i];
        add<-1>(t, from);
        add<+1>(t, to);
        pair_cost_ += pair_delta(i, from, to);
        const int moved = (to == home_[i] ? 0 : 1) - (from == home_[i] ? 0 : 1);
        if (moved != 0) count_moved(i, moved);
        where_[i] = to;
    }
    void weigh_nodes() noexcept {
        node_costs_ = 0.0;
        overload_ = 0.0;
        for (std::size_t n = 0; n < problem_->node_count(); ++n) {
            const double* node = node_of(node_index{n});
            const double over = overload_of(node);
            plain_cost_[n] = load_and_balance_of(node);
            node_cost_[n] = plain_cost_[n] + price_ * over;
            node_costs_ += plain_cost_[n];
            overload_ += over;
        }
    }

    template <int Sign>
    void add(task_index t, node_index n) noexcept {
        using detail::load_wide;
        double* node = node_of(n);
        const double* demand = demand_of(t);
        const double* held = held_part(t, n);
        overload_ -= overload_of(node);
        for (std::size_t i = 0; i < lanes; i += 2) {
            detail::store_wide(node + i, Sign > 0 ? load_wide(node + i) + load_wide(demand + i)
                                                  : load_wide(node + i) - load_wide(demand + i));
            detail::store_wide(node + held_at + i, Sign > 0 ? load_wide(node + held_at + i) + load_wide(held + i)
                                                            : load_wide(node + held_at + i) - load_wide(held + i));
        }
        const double over = overload_of(node);
        const double cost = load_and_balance_of(node);
        overload_ += over;
        node_costs_ += cost - plain_cost_[n.value()];
        plain_cost_[n.value()] = cost;
        node_cost_[n.value()] = cost + price_ * over;
    }

    [[nodiscard]] bool meets_group(std::uint32_t g, node_index n) const noexcept {
        const std::size_t first = group_bits_[g];
        return first != none && (bits_[first + n.value() / 64] >> (n.value() % 64) & 1U) != 0;
    }
    void mark(std::uint32_t g, node_index n, bool here) noexcept {
        const std::size_t first = group_bits_[g];
        if (first == none) return;
        const std::uint64_t bit = std::uint64_t{1} << (n.value() % 64);
        std::uint64_t& word = bits_[first + n.value() / 64];
        word = here ? word | bit : word & ~bit;
    }
    /// After the task has gone.
    void mark_moved(task_index t, node_index from, node_index to) noexcept {
        const std::uint32_t g = group_of_[t.value()];
        if (group_bits_[g] == none) return;
        mark(g, from, met_[g] != 0 && shares_node(t, from));
        if (meets_group(g, to)) met_[g] = 1;
        mark(g, to, true);
    }
    /// Whether another task of its group is on a node. O(tasks of the group).
    [[nodiscard]] bool shares_node(task_index t, node_index n) const noexcept {
        for (const task_index other : problem_->members(problem_->group(t))) {
            if (!(other == t) && where(other) == n) return true;
        }
        return false;
    }
    /// -1 if the task is on a node with another of its group. O(1) unless a start, or a swap that is half done, had such tasks.
    [[nodiscard]] std::int64_t leaving_a_conflict(task_index t) const noexcept {
        return met_[group_of_[t.value()]] != 0 && shares_node(t, where(t)) ? -1 : 0;
    }
    /// A task of the group goes from one node to another.
    void count(std::uint32_t g, node_index from, node_index to) noexcept {
        if (constrained_[g] == 0) return;
        const std::size_t locations = location_counts_at_[g];
        if (locations != none) {
            if (--counts_[locations + location_[from.value()]] == 0) --spread_[g];
            if (++counts_[locations + location_[to.value()]] == 1) ++spread_[g];
        }
        const std::size_t neighbourhoods = neighbourhood_counts_at_[g];
        if (neighbourhoods != none) {
            --counts_[neighbourhoods + neighbourhood_[from.value()]];
            ++counts_[neighbourhoods + neighbourhood_[to.value()]];
        }
    }
    /// How many more violations of spread and dependencies there are once a task of the group has gone.
    [[nodiscard]] std::int64_t group_violations(std::uint32_t g, node_index from, node_index to) const noexcept {
        if (constrained_[g] == 0) return 0;
        std::int64_t change = 0;
        const std::size_t locations = location_counts_at_[g];
        if (locations != none) {
            const std::uint32_t lose = location_[from.value()];
            const std::uint32_t gain = location_[to.value()];
            if (lose != gain) {
                const std::int64_t least = least_spread_[g];
                const std::int64_t before = spread_[g];
                const std::int64_t after =
                    before - (counts_[locations + lose] == 1 ? 1 : 0) + (counts_[locations + gain] == 0 ? 1 : 0);
                change += (after < least ? least - after : 0) - (before < least ? least - before : 0);
            }
        }
        const std::size_t neighbourhoods = neighbourhood_counts_at_[g];
        const std::uint32_t lose = neighbourhood_[from.value()];
        const std::uint32_t gain = neighbourhood_[to.value()];
        if (neighbourhoods == none || lose == gain) return change;
        if (counts_[neighbourhoods + gain] == 0) change += lacking(g, gain) - lacked_by(g, gain);
        if (counts_[neighbourhoods + lose] == 1) change += lacked_by(g, lose) - lacking(g, lose);
        return change;
    }
    /// How many of the groups that this one needs are not in a neighbourhood.
    [[nodiscard]] std::int64_t lacking(std::uint32_t g, std::uint32_t neighbourhood) const noexcept {
        std::int64_t groups = 0;
        for (const group_index on : problem_->dependencies(group_index{g}))
            groups += counts_[neighbourhood_counts_at_[on.value()] + neighbourhood] == 0 ? 1 : 0;
        return groups;
    }
    /// How many groups in a neighbourhood need this one.
    [[nodiscard]] std::int64_t lacked_by(std::uint32_t g, std::uint32_t neighbourhood) const noexcept {
        std::int64_t groups = 0;
        for (const group_index by : problem_->dependents(group_index{g}))
            groups += counts_[neighbourhood_counts_at_[by.value()] + neighbourhood] != 0 ? 1 : 0;
        return groups;
    }
    void count_moved(std::size_t i, int moved) noexcept {
        task_cost_ += moved * move_cost_[i];
        std::uint32_t& count = moved_[group_of_[i]];
        --groups_with_[count];
        count += static_cast<std::uint32_t>(moved);
        ++groups_with_[count];
        if (count > most_moved_) most_moved_ = count;
        while (most_moved_ > 0 && groups_with_[most_moved_] == 0) --most_moved_;
    }

    static constexpr std::size_t none = ~std::size_t{0};

    const reassignment_problem* problem_;
    detail::flat<node_index> where_;
    detail::flat<node_index> home_;
    detail::flat<std::uint32_t> group_of_;
    detail::flat<double> demands_;  // of each task: all, then all but the transient
    detail::flat<double> move_cost_;
    detail::flat<double> nodes_;
    detail::flat<double> node_cost_;   // with overload
    detail::flat<double> plain_cost_;  // without
    detail::flat<std::uint32_t> location_;
    detail::flat<std::uint32_t> neighbourhood_;
    double weights_[lanes] = {};
    detail::flat<balance> balances_;

    detail::flat<std::size_t> group_bits_;  // where the nodes of a group begin in `bits_`; none for a group of one task
    detail::flat<std::uint64_t> bits_;
    detail::flat<std::uint8_t> met_;  // of each group: two of its tasks have been on one node
    detail::flat<std::uint8_t> constrained_;
    detail::flat<std::size_t> location_counts_at_;
    detail::flat<std::size_t> neighbourhood_counts_at_;
    detail::flat<std::uint32_t> counts_;
    detail::flat<std::uint32_t> spread_;
    detail::flat<std::uint32_t> least_spread_;

    detail::flat<std::uint32_t> moved_;        // of each group
    detail::flat<std::uint32_t> groups_with_;  // so many tasks moved
    std::uint32_t most_moved_ = 0;
    double node_costs_ = 0.0;
    double overload_ = 0.0;
    double price_ = 0.0;
    std::int64_t violations_ = 0;
    double task_cost_ = 0.0;
    double pair_cost_ = 0.0;
    double group_weight_ = 0.0;
    double pair_weight_ = 0.0;
};

template <std::size_t Wides>
reassignment_state<Wides>::reassignment_state(const reassignment_problem& p, std::span<const node_index> start)
    : problem_{&p},
      group_weight_{static_cast<double>(p.group_weight())},
      pair_weight_{static_cast<double>(p.pair_weight())} {
    BERTH_ASSERT(start.size() == p.task_count(), "berth: an assignment has a node for every task");
    BERTH_ASSERT(p.resource_count() <= lanes, "berth: this state has room for all resources");
    const std::size_t resources = p.resource_count();
    for (std::size_t r = 0; r < resources; ++r) weights_[r] = static_cast<double>(p.resources()[r].load_weight);
    for (const reassignment_balance& b : p.balances())
        balances_.push_back({b.first, b.second, static_cast<double>(b.target), static_cast<double>(b.weight)});

    nodes_.resize(p.node_count() * node_stride);
    node_cost_.resize(p.node_count());
    plain_cost_.resize(p.node_count());
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        const node_index node{n};
        double* out = node_of(node);
        for (std::size_t r = 0; r < resources; ++r) {
            out[capacity_at + r] = static_cast<double>(p.capacity(node)[r]);
            out[safety_at + r] = static_cast<double>(p.safety_capacity(node)[r]);
        }
        location_.push_back(p.location(node));
        neighbourhood_.push_back(p.neighbourhood(node));
    }

    group_bits_.resize(p.group_count(), none);
    location_counts_at_.resize(p.group_count(), none);
    neighbourhood_counts_at_.resize(p.group_count(), none);
    constrained_.resize(p.group_count());
    met_.resize(p.group_count());
    spread_.resize(p.group_count());
    least_spread_.resize(p.group_count());
    std::size_t bits = 0;
    std::size_t counts = 0;
    std::size_t largest = 0;
    for (std::size_t g = 0; g < p.group_count(); ++g) {
        const group_index group{g};
        const std::size_t size = p.members(group).size();
        largest = size > largest ? size : largest;
        if (size > 1) {
            group_bits_[g] = bits;
            bits += (p.node_count() + 63) / 64;
        }
        least_spread_[g] = static_cast<std::uint32_t>(p.spread(group));
        if (p.spread(group) > (size == 0 ? 0U : 1U)) {
            location_counts_at_[g] = counts;
            counts += p.location_count();
            constrained_[g] = 1;
        }
        if (!p.dependencies(group).empty() || !p.dependents(group).empty()) {
            neighbourhood_counts_at_[g] = counts;
            counts += p.neighbourhood_count();
            constrained_[g] = 1;
        }
    }
    bits_.resize(bits);
    counts_.resize(counts);
    moved_.resize(p.group_count());
    groups_with_.resize(largest + 2);
    groups_with_[0] = static_cast<std::uint32_t>(p.group_count());

    demands_.resize(p.task_count() * 2 * lanes);
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        const task_index task{t};
        double* out = demands_.data() + t * 2 * lanes;
        for (std::size_t r = 0; r < resources; ++r) {
            out[r] = static_cast<double>(p.demand(task)[r]);
            out[lanes + r] = p.resources()[r].transient ? 0.0 : out[r];
        }
        home_.push_back(p.initial(task));
        group_of_.push_back(static_cast<std::uint32_t>(p.group(task).value()));
        move_cost_.push_back(static_cast<double>(p.task_weight()) * static_cast<double>(p.move_cost(task)));
        // What it holds at home while it is away.
        double* home = node_of(p.initial(task)) + held_at;
        for (std::size_t r = 0; r < resources; ++r) home[r] += out[r] - out[lanes + r];
    }
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        const task_index task{t};
        const node_index to = start[t];
        BERTH_ASSERT(to.value() < p.node_count(), "berth: an assignment names nodes that there are");
        where_.push_back(to);
        add<+1>(task, to);
        const std::uint32_t g = group_of_[t];
        if (meets_group(g, to)) {
            met_[g] = 1;
            ++violations_;
        }
        mark(g, to, true);
        if (location_counts_at_[g] != none && ++counts_[location_counts_at_[g] + location_[to.value()]] == 1)
            ++spread_[g];
        if (neighbourhood_counts_at_[g] != none) ++counts_[neighbourhood_counts_at_[g] + neighbourhood_[to.value()]];
        pair_cost_ += pair_weight_ * pair_cost_of(t, to);
        if (to != home_[t]) count_moved(t, 1);
    }
    for (std::uint32_t g = 0; g < p.group_count(); ++g) {
        if (location_counts_at_[g] != none && spread_[g] < least_spread_[g])
            violations_ += least_spread_[g] - spread_[g];
        if (neighbourhood_counts_at_[g] == none) continue;
        for (std::uint32_t n = 0; n < p.neighbourhood_count(); ++n) {
            if (counts_[neighbourhood_counts_at_[g] + n] > 0) violations_ += lacking(g, n);
        }
    }
    weigh_nodes();
}

template <std::size_t Wides>
reassignment_cost reassignment_state<Wides>::cost() const noexcept {
    reassignment_cost parts;
    for (std::size_t n = 0; n < problem_->node_count(); ++n) {
        const double* node = nodes_.data() + n * node_stride;
        double load = 0.0;
        for (std::size_t r = 0; r < lanes; ++r) {
            const double over = node[r] - node[safety_at + r];
            load += over > 0 ? over * weights_[r] : 0.0;
        }
        parts.load += static_cast<amount>(load);
        for (const balance& b : balances_) {
            const double beyond = b.target * (node[capacity_at + b.first] - node[b.first]) -
                                  (node[capacity_at + b.second] - node[b.second]);
            parts.balance += static_cast<amount>(beyond > 0 ? beyond * b.weight : 0.0);
        }
    }
    parts.tasks = static_cast<amount>(task_cost_);
    parts.groups = problem_->group_weight() * static_cast<amount>(most_moved_);
    parts.pairs = static_cast<amount>(pair_cost_);
    return parts;
}

}  // namespace berth::inline v0
