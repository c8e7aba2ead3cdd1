// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace berth::inline v0::detail {

/// The least whole number, at least `bound`, that a sum of whole costs can be, up to the rounding errors of `terms`
/// additions of numbers that sum to `magnitude`.
[[nodiscard]] inline double round_bound(double bound, double magnitude, std::size_t terms) noexcept {
    return std::ceil(bound - (1e-9 + magnitude * static_cast<double>(terms) * 0x1p-52));
}

/// True if all finite costs are whole and below 2^62, so that integers of 128 bits hold every sum of them.
[[nodiscard]] inline bool whole_costs(std::span<const double> costs) noexcept {
    for (const double cost : costs) {
        if (std::isfinite(cost) && (cost != std::floor(cost) || std::abs(cost) >= 0x1p62)) return false;
    }
    return true;
}

/// Tables to be priced, a row for each task. A cost is infinite where the task may not be: by its cost, or because the
/// load exceeds the capacity alone.
struct pricing_tables {
    flat<double> costs;
    flat<double> loads;
    flat<double> capacities;
    bool whole = true;       ///< see `whole_costs`
    double spread = 0.0;     ///< sum over tasks: mean cost above the cheapest
    double cheapest = 0.0;   ///< sum over tasks of the cheapest cost; infinite if a task fits nowhere
    double magnitude = 0.0;  ///< the same sum of absolute values
    double largest = 0.0;    ///< of all finite costs, without sign

    [[nodiscard]] std::size_t gpus() const noexcept { return capacities.size(); }
    [[nodiscard]] std::size_t tasks() const noexcept { return gpus() == 0 ? 0 : costs.size() / gpus(); }

    /// Takes note of the last row.
    void close_row() noexcept {
        const double* row = costs.data() + costs.size() - gpus();
        double lowest = std::numeric_limits<double>::infinity();
        double sum = 0.0;
        double fitting = 0.0;
        for (std::size_t g = 0; g < gpus(); ++g) {
            if (!std::isfinite(row[g])) continue;
            lowest = row[g] < lowest ? row[g] : lowest;
            largest = std::abs(row[g]) > largest ? std::abs(row[g]) : largest;
            sum += row[g];
            fitting += 1.0;
        }
        if (fitting > 0.0) spread += sum / fitting - lowest;
        cheapest += lowest;
        magnitude += std::abs(lowest);
        whole = whole && whole_costs({row, gpus()});
    }
};

/// L at some prices with a supergradient: by how much each GPU would be overloaded.
struct dual_point {
    double value = -std::numeric_limits<double>::infinity();
    double magnitude = 0.0;  // the sum of the absolute values of all terms
    flat<double> prices;
    flat<double> excess;

    /// False if the poller ends it; the point is unfinished then.
    template <class Poller>
    [[nodiscard]] bool evaluate(const pricing_tables& p, Poller& poll) {
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
            if (!poll.work(p.gpus())) return false;
        }
        return true;
    }
};

/// Subgradient ascent of L. The direction is the overload plus 0.6 times the previous direction (Camerini, Fratta,
/// Maffioli, "On improving relaxation methods by modified gradient techniques", 1975), its component zero where a price
/// of 0 would fall. Returns the best point; counts the iterations.
/// @param options   `bound_options`
/// @param evaluate  sets all of a point but its prices, from these; false ends the ascent at the best point so far
/// @param spread    `pricing_tables::spread`, roughly: the first steps are in proportion to it
template <class Options, class Evaluate>
[[nodiscard]] dual_point ascend_by(std::size_t gpus, double spread, const Options& options, std::size_t& iterations,
                                   const Evaluate& evaluate) {
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
        if (overload == 0.0) break;  // complementary slackness: optimal
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

}  // namespace berth::inline v0::detail
