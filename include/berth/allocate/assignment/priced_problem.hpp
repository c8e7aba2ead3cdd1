// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/lagrangian_bound.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace berth::inline v0 {

struct pricing_options {
    bound_options bound{};
    std::size_t candidates = 8;  ///< GPUs on each task's short list, cheapest by reduced cost first
};

/// An assignment problem made ready for searching: costs and loads in tables, the Lagrangian bound with its prices, and every
/// task's short list of GPUs. What allocators for assignment problems run on, without the types of cost and load in theirs.
/// Immutable; shared between threads and runs.
///
/// 16 bytes for every pair of task and GPU. The costs are finite, the loads not negative.
class priced_problem {
public:
    template <pair_cost Cost, load_source Load>
    explicit priced_problem(const assignment_problem<Cost, Load>& p, const pricing_options& options = {})
        : tasks_{p.tasks}, gpus_{p.capacities.size()} {
        BERTH_ASSERT(gpus_ > 0 || tasks_ == 0, "berth: tasks without a GPU have no assignment");
        capacities_.append(p.capacities);
        costs_.resize(tasks_ * gpus_);
        loads_.resize(tasks_ * gpus_);
        for (std::size_t t = 0; t < tasks_; ++t) {
            for (std::size_t g = 0; g < gpus_; ++g) {
                costs_[t * gpus_ + g] = static_cast<double>(p.cost(task_index{t}, gpu_index{g}));
                loads_[t * gpus_ + g] = static_cast<amount>(p.load(task_index{t}, gpu_index{g}));
            }
        }
        bound_ = bound_assignments(tables(), options.bound);
        candidates_ = candidate_lists{tables(), bound_, options.candidates};
    }

    [[nodiscard]] std::size_t tasks() const noexcept { return tasks_; }
    [[nodiscard]] std::size_t gpus() const noexcept { return gpus_; }
    [[nodiscard]] std::span<const amount> capacities() const noexcept { return capacities_.view(); }
    /// Rows are tasks, columns GPUs.
    [[nodiscard]] matrix_view<const double> costs() const noexcept { return {costs_.data(), tasks_, gpus_}; }
    [[nodiscard]] matrix_view<const amount> loads() const noexcept { return {loads_.data(), tasks_, gpus_}; }
    [[nodiscard]] double cost(std::size_t t, std::size_t g) const noexcept { return costs_[t * gpus_ + g]; }
    [[nodiscard]] amount load(std::size_t t, std::size_t g) const noexcept { return loads_[t * gpus_ + g]; }

    [[nodiscard]] const lagrangian_bound& bound() const noexcept { return bound_; }
    [[nodiscard]] double price(std::size_t g) const noexcept { return bound_.prices[g]; }
    /// The cost of a pair with the capacity it takes paid for.
    [[nodiscard]] double reduced(std::size_t t, std::size_t g) const noexcept {
        return cost(t, g) + price(g) * static_cast<double>(load(t, g));
    }
    [[nodiscard]] const candidate_lists& candidates() const noexcept { return candidates_; }

    /// The problem as one of tables, for whatever takes any cost and load.
    [[nodiscard]] assignment_problem<matrix_cost, matrix_load> tables() const noexcept {
        return {tasks_, matrix_cost{costs()}, matrix_load{loads()}, capacities()};
    }
    /// The plan that an assignment is, with cost, excess and bound; from scratch, O(tasks).
    [[nodiscard]] assignment_plan plan_of(gpu_assignment gpu_of) const {
        assignment_plan plan{.gpu_of = std::move(gpu_of), .lower_bound = bound_.value};
        detail::flat<amount> room;
        room.append(capacities());
        for (std::size_t t = 0; t < plan.gpu_of.size(); ++t) {
            const std::size_t g = plan.gpu_of[t].value();
            plan.cost += cost(t, g);
            room[g] -= load(t, g);
        }
        for (const amount left : room) plan.excess += left < 0 ? -left : 0;
        return plan;
    }

private:
    std::size_t tasks_;
    std::size_t gpus_;
    detail::flat<amount> capacities_;
    detail::flat<double> costs_;
    detail::flat<amount> loads_;
    lagrangian_bound bound_;
    candidate_lists candidates_;
};

}  // namespace berth::inline v0
