// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment_problem.hpp"
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

namespace berth {

struct bound_options {
    std::size_t max_iterations = 600;  ///< each looks at every pair of task and GPU once
    std::size_t patience = 12;         ///< iterations without progress after which the step shrinks
};

/// A lower bound and what led to it.
struct lagrangian_bound {
    double value = 0.0;          ///< no assignment within the capacities costs less
    std::vector<double> prices;  ///< what one more unit of each GPU's capacity is worth, 0 or more
    std::size_t iterations = 0;
};

/// The cost of a pair with the capacity it takes paid for.
template <pair_cost Cost, load_source Load>
[[nodiscard]] double reduced_cost(const assignment_problem<Cost, Load>& p, const lagrangian_bound& bound, task_index t,
                                  gpu_index g) {
    return static_cast<double>(p.cost(t, g)) + bound.prices[g.value()] * static_cast<double>(p.load(t, g));
}

/// The Lagrangian relaxation of the capacities: with a price u on every unit of capacity,
///
///     L(u) = sum over tasks of min over g of (cost(t, g) + u_g load(t, g))  -  sum over g of u_g capacity_g
///
/// is a lower bound for any u >= 0, and the highest one equals that of the linear relaxation (Geoffrion, "Lagrangean
/// relaxation for integer programming", 1974; there are no fractions to lose, the relaxed problem is a minimum per task).
/// Subgradient ascent from prices of 0; the step shrinks, from the best prices so far, whenever `patience` iterations bring nothing
/// (Held, Wolfe, Crowder, "Validation of subgradient optimization", 1974).
///
/// O(iterations × tasks × GPUs); materialises both tables, 16 bytes a pair. Deterministic; sums run in the order of tasks.
template <pair_cost Cost, load_source Load>
[[nodiscard]] lagrangian_bound bound_assignments(const assignment_problem<Cost, Load>& p,
                                                 const bound_options& options = {}) {
    const std::size_t gpus = p.capacities.size();
    BERTH_ASSERT(gpus > 0 || p.tasks == 0, "berth: tasks without a GPU have no bound");
    lagrangian_bound best{.value = 0.0, .prices = std::vector<double>(gpus, 0.0), .iterations = 0};
    if (p.tasks == 0) return best;

    detail::flat<double> costs(p.tasks * gpus);
    detail::flat<double> loads(p.tasks * gpus);
    for (std::size_t t = 0; t < p.tasks; ++t) {
        for (std::size_t g = 0; g < gpus; ++g) {
            costs[t * gpus + g] = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
            loads[t * gpus + g] = static_cast<double>(p.load(task_index{t}, gpu_index{g}));
        }
    }

    best.value = -std::numeric_limits<double>::infinity();
    std::vector<double> prices(gpus, 0.0);
    detail::flat<double> excess(gpus);
    detail::flat<double> reduced(gpus);
    double factor = 0.05;  // of the bound: how far above it the optimum is taken to be
    for (std::size_t stale = 0; best.iterations < options.max_iterations; ++best.iterations) {
        double value = 0.0;
        for (std::size_t g = 0; g < gpus; ++g) {
            excess[g] = -static_cast<double>(p.capacities[g]);
            value += prices[g] * excess[g];
        }
        for (std::size_t t = 0; t < p.tasks; ++t) {
            const double* cost = costs.data() + t * gpus;
            const double* load = loads.data() + t * gpus;
            for (std::size_t g = 0; g < gpus; ++g) reduced[g] = cost[g] + prices[g] * load[g];
            std::size_t cheapest = 0;
            for (std::size_t g = 1; g < gpus; ++g) cheapest = reduced[g] < reduced[cheapest] ? g : cheapest;
            value += reduced[cheapest];
            excess[cheapest] += load[cheapest];
        }
        if (value > best.value) {
            if (!(value <= best.value + 1e-5 * std::abs(best.value))) stale = 0;
            best.value = value;
            best.prices = prices;
        } else if (++stale >= options.patience) {
            stale = 0;
            factor *= 0.6;
            prices = best.prices;
            if (factor < 5e-7) break;
        }
        double norm = 0.0;
        for (std::size_t g = 0; g < gpus; ++g) {
            if (prices[g] <= 0.0 && excess[g] < 0.0) excess[g] = 0.0;
            norm += excess[g] * excess[g];
        }
        if (norm == 0.0) break;  // nothing is exceeded and nothing that is paid for is left over: optimal
        const double step = factor * (std::abs(best.value) > 1.0 ? std::abs(best.value) : 1.0) / norm;
        for (std::size_t g = 0; g < gpus; ++g) {
            const double moved = prices[g] + step * excess[g];
            prices[g] = moved > 0.0 ? moved : 0.0;
        }
    }
    return best;
}

}  // namespace berth
