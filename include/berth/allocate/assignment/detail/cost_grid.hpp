// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/wide_int.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// Costs above the task's cheapest GPU, as multiples of a power of two, the quantum, with which a bound over rewards
/// adds up without rounding: all its sums stay below 2^51 quanta. Costs are rounded down to multiples, so that a bound
/// over them is one of the problem. They are exact where costs are whole and of moderate size (for 200 tasks on 20 GPUs
/// up to about 10^11); beyond that a proof has to visit what it cannot tell apart.
class cost_grid {
public:
    explicit cost_grid(const priced_problem& p) : p_{&p}, costs_(p.tasks() * p.gpus(), 0.0), cheapest_(p.tasks(), 0.0) {
        double widest = 0.0;
        double scale = 0.0;
        for (std::size_t t = 0; t < p.tasks(); ++t) {
            double lowest = std::numeric_limits<double>::infinity();
            double highest = -lowest;
            double largest = 0.0;
            for (std::size_t g = 0; g < p.gpus(); ++g) {
                const double cost = p.cost(t, g);
                largest = std::abs(cost) > largest ? std::abs(cost) : largest;
                if (p.load(t, g) > p.capacities()[g]) continue;
                lowest = cost < lowest ? cost : lowest;
                highest = cost > highest ? cost : highest;
            }
            scale += largest;
            if (!(lowest <= highest)) continue;  // it fits nowhere
            cheapest_[t] = lowest;
            widest = highest - lowest > widest ? highest - lowest : widest;
        }
        const double terms = 4.0 * static_cast<double>(p.tasks() + p.gpus() + 1);
        int exponent = std::ilogb(16.0 * terms * (widest > 0.0 ? widest : 1.0)) - digits;
        if (p.has_whole_costs() && exponent < finest) exponent = finest;
        quantum_ = std::ldexp(1.0, exponent);
        most_ = std::floor(std::ldexp(1.0, digits) / terms) * quantum_;
        for (std::size_t t = 0; t < p.tasks(); ++t) {
            double highest = 0.0;
            for (std::size_t g = 0; g < p.gpus(); ++g) {
                if (p.load(t, g) > p.capacities()[g]) continue;
                double& cost = costs_[t * p.gpus() + g];
                cost = above(t, p.cost(t, g), exponent);
                highest = cost > highest ? cost : highest;
            }
            dearest_ += highest;
            if (p.has_whole_costs()) {
                base_ += static_cast<std::int64_t>(cheapest_[t]);
            } else {
                offset_ += cheapest_[t];
            }
        }
        slack_ = p.has_whole_costs() ? 0.0 : up(1e-9 * (1.0 + 1e-2 * scale));
    }

    [[nodiscard]] double cost(std::size_t t, std::size_t g) const noexcept { return costs_[t * p_->gpus() + g]; }
    /// Of the task's cheapest GPU: what the grid counts from.
    [[nodiscard]] double cheapest(std::size_t t) const noexcept { return cheapest_[t]; }
    /// All costs, a row for each task.
    [[nodiscard]] const double* costs() const noexcept { return costs_.data(); }
    /// By how much a better plan has to be cheaper: 1 where costs are whole, nearly nothing elsewhere.
    [[nodiscard]] double step() const noexcept { return p_->has_whole_costs() ? 1.0 : 0.0; }

    /// A reward in the grid: a multiple of the quantum, of limited size.
    [[nodiscard]] double reward(double wanted) const noexcept {
        const double size = wanted > most_ ? most_ : wanted > -most_ ? wanted : -most_;
        const double grain = 0x1.8p52 * quantum_;
        return (size + grain) - grain;  // the sum rounds to whole quanta
    }
    /// No assignment whose bound is as high as this costs less than the plan, if that is feasible; else no assignment
    /// at all is as expensive.
    [[nodiscard]] double cutoff(const assignment_plan& plan) const noexcept {
        if (!plan.feasible()) return up(dearest_ + 1.0) + 4.0 * slack_;
        if (p_->has_whole_costs()) {
            const wide_int best = joined(plan.cost, plan.cost_rest) - base_;
            if (quantum_ < 1.0) return static_cast<double>(best - 1) + quantum_;
            const auto quantum = static_cast<wide_int>(quantum_);
            return static_cast<double>((best + quantum - 1) / quantum) * quantum_;
        }
        double best = 0.0;
        for (std::size_t t = 0; t < p_->tasks(); ++t) best += cost(t, plan.gpu_of[t].value());
        return best - slack_;
    }
    /// The problem's own bound in the grid, rounded down.
    [[nodiscard]] double known() const noexcept {
        const lagrangian_bound& bound = p_->bound();
        if (!std::isfinite(bound.rounded)) return bound.rounded;
        double value = bound.rounded - offset_ - slack_;
        if (p_->has_whole_costs()) value = double_below(joined(bound.rounded, bound.rounded_rest) - base_);
        return std::floor(value / quantum_) * quantum_;
    }
    /// A bound in the grid as a bound of the problem.
    [[nodiscard]] double problem_bound(double bound) const noexcept {
        if (!std::isfinite(bound)) return bound;
        if (!p_->has_whole_costs()) return offset_ + bound;
        return double_below(base_ + static_cast<wide_int>(std::ceil(bound)));
    }

private:
    static constexpr int digits = 51;
    static constexpr int finest = -20;  // finer rewards do not improve a bound of whole costs

    [[nodiscard]] double above(std::size_t t, double cost, int exponent) const noexcept {
        if (!p_->has_whole_costs()) return std::floor((cost - cheapest_[t]) / quantum_) * quantum_;
        const wide_int more = static_cast<wide_int>(cost) - static_cast<wide_int>(cheapest_[t]);
        return exponent <= 0 ? static_cast<double>(more) : static_cast<double>(more >> exponent) * quantum_;
    }
    [[nodiscard]] double up(double x) const noexcept { return std::ceil(x / quantum_) * quantum_; }

    const priced_problem* p_;
    flat<double> costs_;
    flat<double> cheapest_;
    double quantum_ = 1.0;
    double most_ = 0.0;     // of a reward
    double dearest_ = 0.0;  // more than any assignment costs
    wide_int base_ = 0;     // all tasks on their cheapest GPUs, whole
    double offset_ = 0.0;   // the same where costs are not whole
    double slack_ = 0.0;    // see `exact`; 0 where costs are whole
};

}  // namespace berth::inline v0::detail
