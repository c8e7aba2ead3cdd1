// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

struct bound_options {
    std::size_t max_iterations = 1000;  ///< each looks at every pair of task and GPU once; some 400 are used
    std::size_t patience = 14;          ///< iterations without progress after which the step shrinks
};

/// A lower bound and what led to it.
struct lagrangian_bound {
    double value = 0.0;    ///< L(prices): no assignment within the capacities costs less; +inf if a task fits no GPU
    double rounded = 0.0;  ///< as valid: `value` rounded up where every cost is a whole number, else the same
    std::vector<double> prices;  ///< what one more unit of each GPU's capacity is worth, 0 or more
    std::size_t iterations = 0;
};

/// The cost of a pair with the capacity it takes paid for.
template <pair_cost Cost, load_source Load>
[[nodiscard]] double reduced_cost(const assignment_problem<Cost, Load>& p, const lagrangian_bound& bound, task_index t,
                                  gpu_index g) {
    return static_cast<double>(p.cost(t, g)) + bound.prices[g.value()] * static_cast<double>(p.load(t, g));
}

namespace detail {

/// The least whole number that a sum of whole costs can be, if it is at least `bound`, up to the rounding of some `terms`
/// additions of numbers that sum to `magnitude`.
[[nodiscard]] inline double round_bound(double bound, double magnitude, std::size_t terms) noexcept {
    const double slack = 1e-9 + magnitude * static_cast<double>(terms) * 0x1p-52;
    return slack < 0.5 ? std::ceil(bound - slack) : bound;
}

/// True if all of the finite costs are whole, and every sum of one a task is exact.
[[nodiscard]] inline bool whole_costs(std::span<const double> costs, std::size_t tasks) noexcept {
    const double largest = 0x1p52 / static_cast<double>(tasks == 0 ? 1 : tasks);
    for (const double cost : costs) {
        if (std::isfinite(cost) && (cost != std::floor(cost) || std::abs(cost) > largest)) return false;
    }
    return true;
}

/// Tables to be priced, a row for each task; a cost is infinite where a load exceeds the capacity alone.
struct pricing_tables {
    flat<double> costs;
    flat<double> loads;
    flat<double> capacities;

    [[nodiscard]] std::size_t gpus() const noexcept { return capacities.size(); }
    [[nodiscard]] std::size_t tasks() const noexcept { return gpus() == 0 ? 0 : costs.size() / gpus(); }
    /// By how much the costs differ, whatever their zero: how much dearer a task is on average than where it is cheapest.
    [[nodiscard]] double spread() const noexcept {
        double sum = 0.0;
        for (std::size_t t = 0; t < tasks(); ++t) {
            double lowest = std::numeric_limits<double>::infinity();
            double of_all = 0.0;
            double fitting = 0.0;
            for (std::size_t g = 0; g < gpus(); ++g) {
                const double cost = costs[t * gpus() + g];
                if (!std::isfinite(cost)) continue;
                lowest = cost < lowest ? cost : lowest;
                of_all += cost;
                fitting += 1.0;
            }
            if (fitting > 0.0) sum += of_all / fitting - lowest;
        }
        return sum;
    }
};

/// L at some prices with a supergradient: by how much each GPU would be overloaded.
struct dual_point {
    double value = -std::numeric_limits<double>::infinity();
    double magnitude = 0.0;  // the sum of what was added, without signs
    flat<double> prices;
    flat<double> excess;

    void evaluate(const pricing_tables& p) noexcept {
        value = 0.0;
        magnitude = 0.0;
        for (std::size_t g = 0; g < p.gpus(); ++g) {
            excess[g] = -p.capacities[g];
            value += prices[g] * excess[g];
        }
        magnitude = -value;
        const double* price = prices.data();
        for (std::size_t t = 0; t < p.tasks(); ++t) {
            const double* cost = p.costs.data() + t * p.gpus();
            const double* load = p.loads.data() + t * p.gpus();
            double lowest = std::numeric_limits<double>::infinity();
            std::size_t cheapest = 0;
            for (std::size_t g = 0; g < p.gpus(); ++g) {
                const double reduced = cost[g] + price[g] * load[g];
                if (reduced < lowest) {
                    lowest = reduced;
                    cheapest = g;
                }
            }
            value += lowest;
            magnitude += std::abs(lowest);
            excess[cheapest] += load[cheapest];
        }
    }
};

/// Subgradient ascent of L. The direction is the overload plus 0.6 times the direction before (Camerini, Fratta, Maffioli,
/// "On improving relaxation methods by modified gradient techniques", 1975), its component zero where a price of 0 would fall.
/// Returns the best point; counts the iterations.
/// @param evaluate  sets all of a point but its prices, from these; false if that cannot be, which ends the ascent
/// @param spread  what `pricing_tables::spread` says, near enough: the first steps are in proportion to it
template <class Evaluate>
[[nodiscard]] dual_point ascend_by(std::size_t gpus, double spread, const bound_options& options,
                                   std::size_t& iterations, const Evaluate& evaluate) {
    constexpr double memory = 0.6;
    constexpr double shrink = 0.6;
    constexpr double smallest_step = 5e-7;
    dual_point at;
    at.prices.resize(gpus, 0.0);
    at.excess.resize(gpus, 0.0);
    dual_point best = at;
    flat<double> direction(gpus, 0.0);
    const double scale = spread > 0.0 ? spread : 1.0;
    double factor = 0.05;  // of the scale: how far above the best value the highest one is taken to be
    iterations = 0;
    for (std::size_t stale = 0; iterations < options.max_iterations; ++iterations) {
        if (!evaluate(at)) break;
        if (at.value > best.value) {
            if (!(at.value <= best.value + 1e-6 * scale)) stale = 0;
            best = at;
        } else if (++stale >= options.patience) {
            stale = 0;
            factor *= shrink;
            if (factor < smallest_step) break;
            at = best;
            direction.assign(gpus, 0.0);
        }
        double overload = 0.0;
        double norm = 0.0;
        for (std::size_t g = 0; g < gpus; ++g) {
            const auto towards = [&](double change) { return at.prices[g] <= 0.0 && change < 0.0 ? 0.0 : change; };
            overload += towards(at.excess[g]) * towards(at.excess[g]);
            direction[g] = towards(at.excess[g] + memory * direction[g]);
            norm += direction[g] * direction[g];
        }
        if (overload == 0.0) break;  // nothing is exceeded and nothing that is paid for is left over: optimal
        if (norm < 1e-3 * overload) {
            norm = overload;
            for (std::size_t g = 0; g < gpus; ++g) {
                direction[g] = at.prices[g] <= 0.0 && at.excess[g] < 0.0 ? 0.0 : at.excess[g];
            }
        }
        const double step = factor * scale / norm;
        for (std::size_t g = 0; g < gpus; ++g) {
            const double moved = at.prices[g] + step * direction[g];
            at.prices[g] = moved > 0.0 ? moved : 0.0;
        }
    }
    return best;
}

[[nodiscard]] inline lagrangian_bound ascend(const pricing_tables& p, const bound_options& options) {
    std::size_t iterations = 0;
    const dual_point best = ascend_by(p.gpus(), p.spread(), options, iterations, [&p](dual_point& at) {
        at.evaluate(p);
        return true;
    });
    lagrangian_bound bound{.value = best.value,
                           .rounded = best.value,
                           .prices = std::vector<double>(best.prices.begin(), best.prices.end()),
                           .iterations = iterations};
    if (whole_costs(p.costs.view(), p.tasks())) {
        bound.rounded = round_bound(best.value, best.magnitude, p.tasks() + p.gpus());
    }
    return bound;
}

}  // namespace detail

/// The Lagrangian relaxation of the capacities: with a price u on every unit of capacity,
///
///     L(u) = sum over tasks of min over g of (cost(t, g) + u_g load(t, g))  -  sum over g of u_g capacity_g
///
/// is a lower bound for any u >= 0, and the highest one equals that of the linear relaxation (Geoffrion, "Lagrangean
/// relaxation for integer programming", 1974; there are no fractions to lose, the relaxed problem is a minimum per task). A GPU
/// whose capacity a task exceeds alone does not take part in that task's minimum.
/// Subgradient ascent from prices of 0; the step shrinks, from the best prices so far, whenever `patience` iterations bring nothing
/// (Held, Wolfe, Crowder, "Validation of subgradient optimization", 1974).
///
/// Costs of any sign, whole or not; loads and capacities of 0 or more. If some task fits no GPU, the value is +inf and prices are
/// 0. Infeasibility for other reasons shows as a value that grows with the iterations, not as infinity.
/// O(iterations × tasks × GPUs); materialises both tables, 16 bytes a pair. Deterministic; sums run in the order of tasks.
template <pair_cost Cost, load_source Load>
[[nodiscard]] lagrangian_bound bound_assignments(const assignment_problem<Cost, Load>& p,
                                                 const bound_options& options = {}) {
    const std::size_t gpus = p.capacities.size();
    BERTH_ASSERT(gpus > 0 || p.tasks == 0, "berth: tasks without a GPU have no bound");
    constexpr double infinity = std::numeric_limits<double>::infinity();
    lagrangian_bound none{.value = 0.0, .rounded = 0.0, .prices = std::vector<double>(gpus, 0.0), .iterations = 0};
    if (p.tasks == 0) return none;

    detail::pricing_tables tables;
    tables.costs.reserve(p.tasks * gpus);
    tables.loads.reserve(p.tasks * gpus);
    for (const amount capacity : p.capacities) tables.capacities.push_back(static_cast<double>(capacity));
    for (std::size_t t = 0; t < p.tasks; ++t) {
        bool fits = false;
        for (std::size_t g = 0; g < gpus; ++g) {
            const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
            const bool here = load <= p.capacities[g];
            fits = fits || here;
            tables.costs.push_back(here ? static_cast<double>(p.cost(task_index{t}, gpu_index{g})) : infinity);
            tables.loads.push_back(static_cast<double>(load));
        }
        if (!fits) {
            none.value = infinity;
            none.rounded = infinity;
            return none;
        }
    }
    return detail::ascend(tables, options);
}

}  // namespace berth::inline v0
