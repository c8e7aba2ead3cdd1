// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/detail/wide.hpp"
#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <utility>

namespace berth::inline v0::detail {

/// The usage of the nodes of a reassignment, and the cost of load, balance and overload. It knows which node a task is
/// moved from and to only by argument.
template <std::size_t Wides>
class reassignment_loads {
public:
    static constexpr std::size_t lanes = 2 * Wides;

    explicit reassignment_loads(const reassignment_problem& p);

    [[nodiscard]] node_index initial(task_index t) const noexcept { return initial_[t.value()]; }
    [[nodiscard]] double node_cost(node_index n) const noexcept { return node_cost_[n.value()]; }
    [[nodiscard]] double overload() const noexcept { return overload_; }
    [[nodiscard]] double overload_of(node_index n) const noexcept { return overload_of(node_of(n)); }
    [[nodiscard]] double overload_cost() const noexcept { return penalty_ * overload_; }
    [[nodiscard]] double plain_cost() const noexcept { return node_costs_; }

    void set_overload_penalty(double penalty) noexcept {
        penalty_ = penalty;
        weigh_nodes();
    }

    [[nodiscard]] double shift_delta(task_index t, node_index from, node_index to) const noexcept {
        const double* demand = demand_of(t);
        return cost_with<+1>(node_of(to), demand, held_part(t, to)) - node_cost_[to.value()] +
               cost_with<-1>(node_of(from), demand, held_part(t, from)) - node_cost_[from.value()];
    }
    /// Task t of node a and task u of node b change places.
    [[nodiscard]] double swap_delta(task_index t, task_index u, node_index a, node_index b) const noexcept {
        const double* dt = demand_of(t);
        const double* du = demand_of(u);
        const double* held_t_a = held_part(t, a);
        const double* held_t_b = held_part(t, b);
        const double* held_u_a = held_part(u, a);
        const double* held_u_b = held_part(u, b);
        double difference[lanes];
        double held_a[lanes];
        double held_b[lanes];
        for (std::size_t i = 0; i < lanes; i += 2) {
            store_wide(difference + i, load_wide(dt + i) - load_wide(du + i));
            store_wide(held_a + i, load_wide(held_t_a + i) - load_wide(held_u_a + i));
            store_wide(held_b + i, load_wide(held_t_b + i) - load_wide(held_u_b + i));
        }
        return cost_with<-1>(node_of(a), difference, held_a) - node_cost_[a.value()] +
               cost_with<+1>(node_of(b), difference, held_b) - node_cost_[b.value()];
    }

    template <int Sign>
    void add(task_index t, node_index n) noexcept {
        double* node = node_of(n);
        const double* demand = demand_of(t);
        const double* held = held_part(t, n);
        overload_ -= overload_of(node);
        for (std::size_t i = 0; i < lanes; i += 2) {
            store_wide(node + i, Sign > 0 ? load_wide(node + i) + load_wide(demand + i)
                                          : load_wide(node + i) - load_wide(demand + i));
            store_wide(node + held_at + i, Sign > 0 ? load_wide(node + held_at + i) + load_wide(held + i)
                                                    : load_wide(node + held_at + i) - load_wide(held + i));
        }
        const double over = overload_of(node);
        const double cost = load_and_balance_of(node);
        overload_ += over;
        node_costs_ += cost - plain_cost_[n.value()];
        plain_cost_[n.value()] = cost;
        node_cost_[n.value()] = cost + penalty_ * over;
    }
    void weigh_nodes() noexcept {
        node_costs_ = 0.0;
        overload_ = 0.0;
        for (std::size_t n = 0; n < plain_cost_.size(); ++n) {
            const double* node = node_of(node_index{n});
            const double over = overload_of(node);
            plain_cost_[n] = load_and_balance_of(node);
            node_cost_[n] = plain_cost_[n] + penalty_ * over;
            node_costs_ += plain_cost_[n];
            overload_ += over;
        }
    }
    /// Load and balance in exact integers. O(nodes × resources).
    void add_cost(reassignment_cost& parts) const noexcept {
        for (std::size_t n = 0; n < plain_cost_.size(); ++n) {
            const double* node = node_of(node_index{n});
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
    }

private:
    // A node's row: usage, usage with what transient resources hold, capacity, safety capacity.
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

    [[nodiscard]] double* node_of(node_index n) noexcept { return nodes_.data() + n.value() * node_stride; }
    [[nodiscard]] const double* node_of(node_index n) const noexcept { return nodes_.data() + n.value() * node_stride; }
    [[nodiscard]] const double* demand_of(task_index t) const noexcept {
        return demands_.data() + t.value() * 2 * lanes;
    }
    /// The part of a task's demand that counts as held on a node: its initial node holds transient resources in any
    /// case.
    [[nodiscard]] const double* held_part(task_index t, node_index n) const noexcept {
        return demand_of(t) + (initial_[t.value()] == n ? lanes : 0);
    }

    /// A node's cost with a demand added or removed.
    template <int Sign>
    [[nodiscard]] double cost_with(const double* node, const double* demand, const double* held) const noexcept {
        wide cost{0.0, 0.0};
        wide over{0.0, 0.0};
        for (std::size_t i = 0; i < lanes; i += 2) {
            const wide used =
                Sign > 0 ? load_wide(node + i) + load_wide(demand + i) : load_wide(node + i) - load_wide(demand + i);
            cost += positive_part(used - load_wide(node + safety_at + i)) * load_wide(weights_ + i);
            const wide full = Sign > 0 ? load_wide(node + held_at + i) + load_wide(held + i)
                                       : load_wide(node + held_at + i) - load_wide(held + i);
            over += positive_part(full - load_wide(node + capacity_at + i));
        }
        double total = sum(cost) + penalty_ * sum(over);
        for (const balance& b : balances_) {
            const double first = node[capacity_at + b.first] - (node[b.first] + Sign * demand[b.first]);
            const double second = node[capacity_at + b.second] - (node[b.second] + Sign * demand[b.second]);
            const double beyond = b.target * first - second;
            total += beyond > 0 ? beyond * b.weight : 0.0;
        }
        return total;
    }
    [[nodiscard]] double load_and_balance_of(const double* node) const noexcept {
        wide cost{0.0, 0.0};
        for (std::size_t i = 0; i < lanes; i += 2)
            cost += positive_part(load_wide(node + i) - load_wide(node + safety_at + i)) * load_wide(weights_ + i);
        double total = sum(cost);
        for (const balance& b : balances_) {
            const double beyond = b.target * (node[capacity_at + b.first] - node[b.first]) -
                                  (node[capacity_at + b.second] - node[b.second]);
            total += beyond > 0 ? beyond * b.weight : 0.0;
        }
        return total;
    }
    [[nodiscard]] double overload_of(const double* node) const noexcept {
        wide over{0.0, 0.0};
        for (std::size_t i = 0; i < lanes; i += 2)
            over += positive_part(load_wide(node + held_at + i) - load_wide(node + capacity_at + i));
        return sum(over);
    }

    flat<node_index> initial_;
    flat<double> demands_;  // of each task: of all resources, then of all but the transient ones
    flat<double> nodes_;
    flat<double> node_cost_;   // with overload
    flat<double> plain_cost_;  // without
    double weights_[lanes] = {};
    flat<balance> balances_;
    double node_costs_ = 0.0;
    double overload_ = 0.0;
    double penalty_ = 0.0;
};

template <std::size_t Wides>
reassignment_loads<Wides>::reassignment_loads(const reassignment_problem& p) {
    BERTH_ASSERT(p.resource_count() <= lanes, "berth: a reassignment state has a lane for every resource");
    const std::size_t resources = p.resource_count();
    for (std::size_t r = 0; r < resources; ++r) weights_[r] = static_cast<double>(p.resources()[r].load_weight);
    for (const reassignment_balance& b : p.balances())
        balances_.push_back({b.first, b.second, static_cast<double>(b.target), static_cast<double>(b.weight)});

    nodes_.resize(p.node_count() * node_stride);
    node_cost_.resize(p.node_count());
    plain_cost_.resize(p.node_count());
    for (std::size_t n = 0; n < p.node_count(); ++n) {
        double* out = node_of(node_index{n});
        for (std::size_t r = 0; r < resources; ++r) {
            out[capacity_at + r] = static_cast<double>(p.capacity(node_index{n})[r]);
            out[safety_at + r] = static_cast<double>(p.safety_capacity(node_index{n})[r]);
        }
    }
    demands_.resize(p.task_count() * 2 * lanes);
    for (std::size_t t = 0; t < p.task_count(); ++t) {
        const task_index task{t};
        double* out = demands_.data() + t * 2 * lanes;
        for (std::size_t r = 0; r < resources; ++r) {
            out[r] = static_cast<double>(p.demand(task)[r]);
            out[lanes + r] = p.resources()[r].transient ? 0.0 : out[r];
        }
        initial_.push_back(p.initial(task));
        // Held on the initial node wherever the task is.
        double* held = node_of(p.initial(task)) + held_at;
        for (std::size_t r = 0; r < resources; ++r) held[r] += out[r] - out[lanes + r];
    }
}

}  // namespace berth::inline v0::detail
