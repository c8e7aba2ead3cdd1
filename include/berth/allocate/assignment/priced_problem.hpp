// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/detail/dual_ascent.hpp"
#include "berth/allocate/assignment/detail/forbidden_pairs.hpp"
#include "berth/allocate/assignment/detail/poller.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/observer.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/wide_int.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// How a problem is priced.
struct pricing_options {
    bound_options bound{};       ///< how long prices are improved
    std::size_t candidates = 8;  ///< GPUs on each task's candidate list
};

/// Checks a problem that comes from outside. O(tasks × GPUs), stops at the first error.
///
/// @return nothing, or an error that names task and GPU: a cost that is not a number or -inf, a load or capacity below
///         0
template <pair_cost Cost, load_source Load>
[[nodiscard]] result<void> check_assignments(const assignment_problem<Cost, Load>& p) {
    if (p.capacities.empty() && p.tasks > 0)
        return detail::refuse(error_code::invalid_value, {"the problem has tasks, but no GPU"});
    for (std::size_t g = 0; g < p.capacities.size(); ++g) {
        if (p.capacities[g] >= 0) continue;
        return detail::refuse(error_code::invalid_value,
                              {"capacity of GPU ", g, " is ", p.capacities[g], ", expected 0 or more"});
    }
    for (std::size_t t = 0; t < p.tasks; ++t) {
        for (std::size_t g = 0; g < p.capacities.size(); ++g) {
            const auto cost = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
            const auto load = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
            if (!(cost > -std::numeric_limits<double>::infinity())) {
                return detail::refuse(
                    error_code::invalid_value,
                    {"cost of task ", t, " on GPU ", g, std::isnan(cost) ? ": not a number" : ": minus infinity"});
            }
            if (load < 0) {
                return detail::refuse(error_code::invalid_value,
                                      {"load of task ", t, " on GPU ", g, " is ", load, ", expected 0 or more"});
            }
        }
    }
    return {};
}

/// An assignment problem prepared for search: costs and loads in tables, the Lagrangian bound with its prices, and a
/// candidate list of GPUs for every task. Allocators take this type, which does not depend on the types of cost and
/// load. Immutable; shared between threads and runs.
///
/// A pair of infinite cost is *forbidden*. Here it has the task's highest finite cost and a load of one more than the
/// GPU's capacity, so that every allocator avoids it as it avoids a task that does not fit: a plan that has one anyway
/// is infeasible. The capacity of such a GPU counts as far as loads can fill it.
///
/// 16 bytes for every pair of task and GPU, 16 more while the bound is computed.
class priced_problem {
public:
    /// Some 400 passes over all pairs, nearly all of them for the prices. Deterministic per evaluation budget.
    ///
    /// @param p        see `check_assignments`; copied
    /// @param control  bounds the work on prices: an evaluation is a pair of task and GPU, polled every 65,536 of them.
    ///                 Three passes over all pairs (tables, their copy for the bound, candidate lists) are made in any
    ///                 case, so that the problem is complete whatever stops the run; `bound().stopped` has the reason,
    ///                 and the bound is valid but weaker.
    template <pair_cost Cost, load_source Load, class Stop = never_stop, class Observer = no_observer>
    explicit priced_problem(const assignment_problem<Cost, Load>& p, const pricing_options& options = {},
                            run_control<Stop, Observer> control = {})
        : tasks_{p.tasks}, gpus_{p.capacities.size()} {
        BERTH_ASSERT(gpus_ > 0 || tasks_ == 0, "berth: an assignment problem with tasks has a GPU");
        capacities_.append(p.capacities);
        costs_.resize(tasks_ * gpus_);
        loads_.resize(tasks_ * gpus_);
        for (std::size_t t = 0; t < tasks_; ++t) {
            for (std::size_t g = 0; g < gpus_; ++g) {
                costs_[t * gpus_ + g] = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
                loads_[t * gpus_ + g] = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
                BERTH_ASSERT(cost(t, g) > -infinity,
                             "berth: a cost is finite or +inf; check_assignments refuses others");
                if (std::isfinite(cost(t, g))) {
                    largest_cost_ = std::max(largest_cost_, std::abs(cost(t, g)));
                } else {
                    ++forbidden_;
                }
            }
            whole_costs_ = whole_costs_ && detail::whole_costs({costs_.data() + t * gpus_, gpus_});
        }
        small_sums_ = largest_cost_ <= 0x1p52 / static_cast<double>(tasks_ == 0 ? 1 : tasks_);
        if (forbidden_ > 0) forbid();
        bound_ = priced(options.bound, control);
        candidates_ = candidate_lists{tables(), bound_, options.candidates};
    }
    /// The same for a problem from outside.
    ///
    /// @return an error that names task and GPU if `check_assignments` has one
    template <pair_cost Cost, load_source Load, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] static result<priced_problem> of(const assignment_problem<Cost, Load>& p,
                                                   const pricing_options& options = {},
                                                   run_control<Stop, Observer> control = {}) {
        if (auto ok = check_assignments(p); !ok) return ok.error();
        return priced_problem{p, options, std::move(control)};
    }

    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }  ///< number of tasks
    [[nodiscard]] std::size_t gpus() const noexcept { return gpus_; }    ///< number of GPUs
    /// One for each GPU.
    [[nodiscard]] std::span<const amount> capacities() const noexcept { return capacities_.view(); }
    /// Rows are tasks, columns GPUs. Valid while the problem lives, as all views here.
    [[nodiscard]] matrix_view<const double> costs() const noexcept { return {costs_.data(), tasks_, gpus_}; }
    /// Rows are tasks, columns GPUs.
    [[nodiscard]] matrix_view<const amount> loads() const noexcept { return {loads_.data(), tasks_, gpus_}; }
    /// Cost of task t on GPU g.
    [[nodiscard]] double cost(std::size_t t, std::size_t g) const noexcept { return costs_[t * gpus_ + g]; }
    /// Load of task t on GPU g.
    [[nodiscard]] amount load(std::size_t t, std::size_t g) const noexcept { return loads_[t * gpus_ + g]; }

    /// The largest finite cost of any pair, without sign.
    [[nodiscard]] double largest_cost() const noexcept { return largest_cost_; }
    /// True if all costs are whole numbers below 2^62, without sign: then proofs hold to the last digit.
    [[nodiscard]] bool has_whole_costs() const noexcept { return whole_costs_; }
    /// True if, besides, a double holds every sum of one cost per task.
    [[nodiscard]] bool has_exact_sums() const noexcept { return whole_costs_ && small_sums_; }
    /// How many pairs are forbidden by their cost.
    [[nodiscard]] std::size_t forbidden_pairs() const noexcept { return forbidden_; }

    /// Lower bound and prices; `stopped` tells whether the control cut the work on them short.
    [[nodiscard]] const lagrangian_bound& bound() const noexcept { return bound_; }
    /// Lagrangian price of a unit of GPU g's capacity, in units of cost.
    [[nodiscard]] double price(std::size_t g) const noexcept { return bound_.prices[g]; }
    /// Reduced cost: that of the pair plus the price of the capacity that it takes.
    [[nodiscard]] double reduced(std::size_t t, std::size_t g) const noexcept {
        return cost(t, g) + price(g) * static_cast<double>(load(t, g));
    }
    /// The GPUs of least reduced cost for every task.
    [[nodiscard]] const candidate_lists& candidates() const noexcept { return candidates_; }

    /// The problem over these tables, for functions that take any cost and load.
    [[nodiscard]] assignment_problem<matrix_cost, matrix_load> tables() const noexcept {
        return {tasks_, matrix_cost{costs()}, matrix_load{loads()}, capacities()};
    }
    /// Cost, excess and bound of an assignment, computed from scratch. O(tasks).
    ///
    /// @param gpu_of  a GPU of the problem for every task
    [[nodiscard]] assignment_plan plan_of(gpu_assignment gpu_of) const {
        assignment_plan plan{.gpu_of = std::move(gpu_of)};
        detail::flat<amount> room;
        room.append(capacities());
        detail::wide_int whole = 0;
        for (std::size_t t = 0; t < plan.gpu_of.size(); ++t) {
            const std::size_t g = plan.gpu_of[t].value();
            if (whole_costs_) {
                whole += static_cast<std::int64_t>(cost(t, g));
            } else {
                plan.cost += cost(t, g);
            }
            room[g] -= load(t, g);
        }
        if (whole_costs_) {
            const detail::split_number sum = detail::split(whole);
            plan.cost = sum.value;
            plan.cost_rest = sum.rest;
        }
        for (const amount left : room) plan.excess += left < 0 ? -left : 0;
        plan.lower_bound = claimed_bound(plan, bound_.value);
        return plan;
    }
    /// True if the plan is feasible and costs no more than the bound: no plan costs less. Exact for whole costs.
    [[nodiscard]] bool meets_bound(const assignment_plan& plan) const noexcept {
        if (!plan.feasible() || !(bound_.rounded < infinity)) return false;
        if (!whole_costs_) return plan.cost <= bound_.rounded;
        return detail::joined(plan.cost, plan.cost_rest) <= detail::joined(bound_.rounded, bound_.rounded_rest);
    }
    /// The lower bound that a plan may claim, given one that is proven: the cost of a feasible plan only if the plan
    /// meets that bound or the problem's, because at some size a double does not tell the two apart.
    [[nodiscard]] double claimed_bound(const assignment_plan& plan, double proven) const noexcept {
        if (meets_bound(plan)) return plan.cost;
        if (!plan.feasible() || proven < plan.cost) return proven;
        return proven > plan.cost || plan.cost_rest <= 0.0 ? plan.cost : std::nextafter(plan.cost, -infinity);
    }

private:
    static constexpr double infinity = std::numeric_limits<double>::infinity();

    /// Turns infinite costs into loads that do not fit.
    void forbid() {
        const detail::forbidden_pairs pairs = detail::forbidden_pairs::of(tables());
        for (std::size_t g = 0; g < gpus_; ++g) capacities_[g] = pairs.capacities[g];
        for (std::size_t t = 0; t < tasks_; ++t) {
            for (std::size_t g = 0; g < gpus_; ++g) {
                if (std::isfinite(cost(t, g))) continue;
                costs_[t * gpus_ + g] = pairs.highest[t];
                loads_[t * gpus_ + g] = capacities_[g] + 1;
            }
        }
    }
    template <class Control>
    [[nodiscard]] lagrangian_bound priced(const bound_options& options, Control& control) const {
        lagrangian_bound none{.prices = std::vector<double>(gpus_, 0.0)};
        if (tasks_ == 0) return none;
        detail::pricing_tables copied;
        detail::endless_poller endless;
        if (detail::fill(copied, tables(), endless))
            return detail::ascend(copied, matrix_load{loads()}, capacities(), options, control);
        none.value = none.rounded = std::numeric_limits<double>::infinity();
        return none;
    }

    std::size_t tasks_;
    std::size_t gpus_;
    detail::flat<amount> capacities_;
    detail::flat<double> costs_;
    detail::flat<amount> loads_;
    double largest_cost_ = 0.0;
    std::size_t forbidden_ = 0;
    bool whole_costs_ = true;
    bool small_sums_ = true;
    lagrangian_bound bound_;
    candidate_lists candidates_;
};

}  // namespace berth::inline v0
