// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/dual_ascent.hpp"
#include "berth/allocate/assignment/detail/exact_dual.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/wide_int.hpp"
#include "berth/cost/concepts.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// How long the prices of a bound are improved.
struct bound_options {
    std::size_t max_iterations = 1000;  ///< each visits every pair of task and GPU once; some 400 are used
    std::size_t patience = 14;          ///< iterations without progress after which the step shrinks
};

/// A lower bound of the cost of all feasible assignments, and the prices that prove it.
struct lagrangian_bound {
    double value = 0.0;    ///< L(prices): no assignment within the capacities costs less; +inf if a task fits no GPU
    double rounded = 0.0;  ///< as valid: rounded up where every cost is a whole number, else `value`
    double rounded_rest = 0.0;   ///< `rounded + rounded_rest` is that whole number where a double cannot hold it
    std::vector<double> prices;  ///< of one unit of each GPU's capacity, 0 or more, in units of cost
    std::size_t iterations = 0;  ///< subgradient steps taken
    stop_reason stopped =
        stop_reason::completed;  ///< else the control ended the ascent; the bound is valid, but weaker
};

/// Cost of a pair plus the price of the capacity that it takes. O(1).
///
/// @param bound  of the same problem
template <pair_cost Cost, load_source Load>
[[nodiscard]] double reduced_cost(const assignment_problem<Cost, Load>& p, const lagrangian_bound& bound, task_index t,
                                  gpu_index g) {
    return static_cast<double>(p.cost(t, g)) + bound.prices[g.value()] * static_cast<double>(p.load(t, g));
}

namespace detail {

/// Copies a problem into tables. False if the poller ends it, or as soon as a task fits no GPU (`cheapest` is infinite
/// then).
template <pair_cost Cost, load_source Load, class Poller>
[[nodiscard]] bool fill(pricing_tables& tables, const assignment_problem<Cost, Load>& p, Poller& poll) {
    const std::size_t gpus = p.capacities.size();
    tables.costs.reserve(p.tasks * gpus);
    tables.loads.reserve(p.tasks * gpus);
    for (const amount capacity : p.capacities) tables.capacities.push_back(static_cast<double>(capacity));
    for (std::size_t t = 0; t < p.tasks; ++t) {
        for (std::size_t g = 0; g < gpus; ++g) {
            const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
            double cost = std::numeric_limits<double>::infinity();
            if (load <= p.capacities[g]) cost = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
            BERTH_ASSERT(cost > -std::numeric_limits<double>::infinity(),
                         "berth: a cost is finite or +inf; check_assignments refuses others");
            tables.costs.push_back(cost);
            tables.loads.push_back(static_cast<double>(load));
        }
        tables.close_row();
        if (tables.cheapest == std::numeric_limits<double>::infinity() || !poll.work(gpus)) return false;
    }
    return true;
}

/// Turns the best point of an ascent into a bound that holds to the last digit: in integers, or less what additions may
/// have rounded if the poller ends that.
template <class Load, class Poller>
void prove(lagrangian_bound& bound, const dual_point& best, const pricing_tables& p, const Load& load,
           std::span<const amount> capacities, Poller& poll) {
    whole_bound exact;
    if (!evaluate_exactly(p, load, capacities, best.prices.view(), poll, exact)) {
        const auto terms = static_cast<double>(p.tasks() + p.gpus());
        double most = p.largest;
        for (std::size_t g = 0; g < p.gpus(); ++g) most += best.prices[g] * p.capacities[g];
        bound.value = best.value - 0x1p-50 * terms * (best.magnitude + terms * most);
        const bool sums_exactly = p.whole && p.magnitude < 0x1p52;
        const double start = sums_exactly ? p.cheapest : p.cheapest - 0x1p-52 * terms * p.magnitude;
        bound.value = bound.value < start ? start : bound.value;
        bound.rounded = p.whole ? std::ceil(bound.value) : bound.value;
        return;
    }
    const double value = std::ldexp(double_below(exact.value), -exact.shift);
    bound.value = best.value < value ? best.value : value;
    bound.rounded = bound.value;
    if (!p.whole) return;
    const wide_int whole = shifted_ceil(exact.value, exact.shift);
    bound.rounded = double_below(whole);
    bound.rounded_rest = static_cast<double>(whole - static_cast<wide_int>(bound.rounded));
}

/// The ascent over tables that are filled. Its start, prices of 0, is valid without any iteration.
///
/// @param load        `load(task, gpu)`, the exact ones of the tables
/// @param capacities  the exact ones of the tables
template <class Load, class Stop, class Observer>
[[nodiscard]] lagrangian_bound ascend(const pricing_tables& p, const Load& load, std::span<const amount> capacities,
                                      const bound_options& options, run_control<Stop, Observer>& control) {
    std::uint64_t evaluations = 0;
    double highest = p.cheapest;
    poller poll{[&](bool) { return control.check(evaluations); }};
    const auto seen = [&](std::uint64_t done) {
        return progress{.done = static_cast<std::size_t>(done), .evaluations = evaluations, .objective = highest};
    };
    lagrangian_bound bound;
    notify::begin(control.observer, seen(0));
    dual_point best = ascend_by(p.gpus(), p.spread, options, bound.iterations, [&](dual_point& at) {
        if (!poll.next_round() || !at.evaluate(p, poll)) return false;
        evaluations += p.costs.size();
        highest = at.value > highest ? at.value : highest;
        notify::step(control.observer, seen(bound.iterations + 1));
        return true;
    });
    if (best.value < p.cheapest) {  // stopped before the first point
        best.value = p.cheapest;
        best.magnitude = p.magnitude;
    }
    prove(bound, best, p, load, capacities, poll);
    bound.prices.assign(best.prices.begin(), best.prices.end());
    bound.stopped = poll.reason();
    notify::end(control.observer, seen(bound.iterations));
    return bound;
}

}  // namespace detail

/// Lower bound by the Lagrangian relaxation of the capacities: with a price u on every unit of capacity,
///
///     L(u) = sum over tasks of min over g of (cost(t, g) + u_g load(t, g))  -  sum over g of u_g capacity_g
///
/// is a lower bound for any u >= 0, and the highest one equals that of the linear relaxation (Geoffrion, "Lagrangean
/// relaxation for integer programming", 1974). GPUs whose capacity a task exceeds alone are left out of that task's
/// minimum. Subgradient ascent from prices of 0; the step shrinks, from the best prices so far, after `patience`
/// iterations without progress (Held, Wolfe, Crowder, "Validation of subgradient optimization", 1974).
///
/// If some task fits no GPU, the value is +inf and all prices are 0. Infeasibility for other reasons shows as a value
/// that grows with the iterations, not as infinity.
///
/// The bound is proven in integers at the end, one more pass: `value` and `rounded` hold whatever the sizes of costs,
/// prices and loads are.
///
/// @param p        costs finite, of any sign, or +inf where a task may not be; loads and capacities of 0 or more
/// @param control  an evaluation is a pair of task and GPU; polled every 65,536 of them, so that the call ends within a
///                 millisecond's work. Stopped while it copies the tables, it returns -inf, later the best bound so
///                 far. `progress::objective` is the best bound, which rises.
/// @return  O(iterations × tasks × GPUs); 16 bytes a pair while it runs. Deterministic per evaluation budget
template <pair_cost Cost, load_source Load, class Stop = never_stop, class Observer = no_observer>
[[nodiscard]] lagrangian_bound bound_assignments(const assignment_problem<Cost, Load>& p,
                                                 const bound_options& options = {},
                                                 run_control<Stop, Observer> control = {}) {
    const std::size_t gpus = p.capacities.size();
    BERTH_ASSERT(gpus > 0 || p.tasks == 0, "berth: an assignment problem with tasks has a GPU");
    lagrangian_bound none{.prices = std::vector<double>(gpus, 0.0)};
    if (p.tasks == 0) return none;

    detail::pricing_tables tables;
    detail::poller poll{[&](bool) { return control.interruption(); }};
    if (detail::fill(tables, p, poll)) return detail::ascend(tables, p.load, p.capacities, options, control);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    none.value = none.rounded = tables.cheapest == infinity ? infinity : -infinity;
    none.stopped = poll.reason();
    return none;
}

}  // namespace berth::inline v0
