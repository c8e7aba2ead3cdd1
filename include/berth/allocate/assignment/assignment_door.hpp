// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/detail/leading_counters.hpp"
#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/search_scope.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// The GPU of every task, for `move_penalty`: invalid for a task without a slot or without exactly one GPU. O(tasks).
[[nodiscard]] inline std::vector<gpu_index> gpus_of(const problem& p, std::span<const slot> placed) {
    std::vector<gpu_index> gpus(placed.size());
    for (std::size_t t = 0; t < placed.size(); ++t) {
        if (!p.fleet().has(placed[t], 1)) continue;
        gpus[t] = p.fleet().gpu(placed[t].node, lowest_gpu(placed[t].gpus));
    }
    return gpus;
}

/// An assignment problem made of a `problem`, and the way back from its answers to slots. Made by
/// `to_assignment_problem`.
///
/// GPUs keep their positions; tasks are numbered anew, those that take part in ascending order. On each GPU the load is
/// what a task takes of the one counter that implies all others there. A pair of a task and a GPU that is not healthy,
/// not of an accepted model, or too small has a load above the capacity, which every allocator avoids; an infinite cost
/// forbids a pair likewise.
///
/// Movable and copyable; fleet and workload outlive it, and it outlives its `problem()`.
template <pair_cost Cost>
class assignment_door {
public:
    /// The cost of the narrower problem: yours, for the task's number in the workload; where the task may not be, your
    /// highest cost of that task.
    struct cost_of_pair {
        Cost cost;                    ///< by positions in workload and fleet
        const task_index* tasks;      ///< of the workload, in the order of the narrower problem
        const double* highest;        ///< of each of these tasks
        const std::uint8_t* may;      ///< a row for each different demand
        const std::uint32_t* row_of;  ///< the row of each task
        std::size_t gpus;             ///< columns

        /// The cost of a pair.
        [[nodiscard]] double operator()(task_index t, gpu_index g) const {
            const std::size_t i = t.value();
            return may[row_of[i] * gpus + g.value()] != 0 ? static_cast<double>(cost(tasks[i], g)) : highest[i];
        }
    };
    /// The load of the narrower problem.
    struct load_of_pair {
        const amount* loads;          ///< a row for each different demand
        const std::uint32_t* row_of;  ///< the row of each task
        std::size_t gpus;             ///< columns

        /// The load of a pair.
        [[nodiscard]] amount operator()(task_index t, gpu_index g) const noexcept {
            return loads[row_of[t.value()] * gpus + g.value()];
        }
    };

    /// The assignment problem. Tasks are those of `tasks()`, GPUs those of the fleet.
    [[nodiscard]] assignment_problem<cost_of_pair, load_of_pair> problem() const {
        const std::size_t gpus = capacities_.size();
        return {tasks().size(),
                {cost_, tasks().data(), highest_.data(), may_.data(), row_of_.data(), gpus},
                {loads_.data(), row_of_.data(), gpus},
                capacities_.view()};
    }
    /// The tasks that take part, by their number in the workload: entry i is task i of `problem()`.
    [[nodiscard]] std::span<const task_index> tasks() const noexcept { return scope_.tasks(); }
    /// Tasks that stay where they are because the problem cannot express them, or because they fit nowhere; see
    /// `search_scope::inexpressible_stay`.
    [[nodiscard]] std::span<const task_index> left_out() const noexcept { return scope_.left_out(); }
    /// The present GPU of every task that takes part, for a warm start; invalid for one without a slot. O(tasks).
    [[nodiscard]] gpu_assignment start() const { return detail::present_gpus(scope_); }
    /// A slot for every task of the workload: that of the answer for the tasks that take part, the present one for all
    /// others, the target for those in flight. What `migration_order` takes as wanted. O(tasks + counters).
    ///
    /// @param gpu_of  a GPU for each task of `problem()`, such as `assignment_plan::gpu_of`
    /// @return the slots, or an error that names the first task that may not be where the answer has it
    [[nodiscard]] result<assignment> slots(std::span<const gpu_index> gpu_of) const {
        auto made = detail::slots_on_gpus(scope_, gpu_of, tasks().size(), node_of_.view());
        if (!made) return made;
        for (std::size_t i = 0; i < tasks().size(); ++i) {
            const task_index t = tasks()[i];
            if (!(*made)[t.value()].placed() || (*made)[t.value()] == scope_.current(t)) continue;
            if (std::isfinite(static_cast<double>(cost_(t, gpu_of[i])))) continue;
            return detail::refuse(error_code::inconsistent, {scope_.item(t), ": its cost on GPU ", gpu_of[i].value(),
                                                             " is infinite, so that it may not be there"});
        }
        return made;
    }

private:
    template <pair_cost C>
    friend result<assignment_door<C>> to_assignment_problem(const berth::problem& p, C cost,
                                                            std::span<const slot> current, const search_scope& scope);

    assignment_door(detail::scoped_problem scope, Cost cost) : scope_{std::move(scope)}, cost_{std::move(cost)} {}

    void fill(const detail::gpu_pairs& pairs, const detail::leading_counters& leads) {
        for (std::size_t g = 0; g < pairs.gpus(); ++g) {
            capacities_.push_back(capacity_of(pairs, leads, g));
            node_of_.push_back(pairs.node_of(g));
        }
        for (std::size_t row = 0; row < pairs.rows().size(); ++row) {
            for (std::size_t g = 0; g < pairs.gpus(); ++g) {
                const amount load = pairs.may(row, g) ? leads.load(pairs.rows().demand(row), g) : 0;
                may_.push_back(pairs.may(row, g) ? std::uint8_t{1} : std::uint8_t{0});
                loads_.push_back(pairs.may(row, g) ? load : capacities_[g] + 1);
            }
        }
        for (std::size_t i = 0; i < tasks().size(); ++i)
            row_of_.push_back(static_cast<std::uint32_t>(pairs.rows().of(i)));
    }
    /// An unlimited counter, or one of bytes, has more room than a packed problem's words can hold: all that tasks can
    /// take there is as good.
    [[nodiscard]] static amount capacity_of(const detail::gpu_pairs& pairs, const detail::leading_counters& leads,
                                            std::size_t g) {
        constexpr amount most_packed = amount{std::numeric_limits<std::uint32_t>::max()} - 1;
        if (leads.capacity(g) <= most_packed) return leads.capacity(g);
        amount all = 0;
        for (std::size_t row = 0; row < pairs.rows().size(); ++row) {
            if (pairs.may(row, g)) all += pairs.rows().tasks(row) * leads.load(pairs.rows().demand(row), g);
        }
        return leads.capacity(g) < all ? leads.capacity(g) : all;
    }
    [[nodiscard]] result<void> read_costs() {
        const std::size_t gpus = capacities_.size();
        for (std::size_t i = 0; i < tasks().size(); ++i) {
            const task_index t = tasks()[i];
            bool none = true;
            double highest = 0.0;
            for (std::size_t g = 0; g < gpus; ++g) {
                if (may_[row_of_[i] * gpus + g] == 0) continue;
                const auto cost = static_cast<double>(cost_(t, gpu_index{g}));
                if (!(cost > -std::numeric_limits<double>::infinity())) {
                    return detail::refuse(error_code::invalid_value,
                                          {scope_.item(t), ": its cost on GPU ", g,
                                           std::isnan(cost) ? " is not a number" : " is minus infinity"});
                }
                if (!std::isfinite(cost)) continue;
                highest = none || cost > highest ? cost : highest;
                none = false;
            }
            if (none) {
                return detail::refuse(error_code::inconsistent,
                                      {scope_.item(t), ": its cost is infinite on every GPU where it may be"});
            }
            highest_.push_back(highest);
        }
        return {};
    }

    detail::scoped_problem scope_;
    Cost cost_;
    detail::flat<amount> capacities_;
    detail::flat<node_index> node_of_;
    detail::flat<std::uint8_t> may_;
    detail::flat<amount> loads_;
    detail::flat<std::uint32_t> row_of_;
    detail::flat<double> highest_;
};

/// Makes an assignment problem of tasks of one GPU each: exact, so that its feasible assignments are those of the
/// problem, and its optimum is that of the problem under this cost.
///
/// ```
/// const auto door = to_assignment_problem(p, cost, placement);
/// if (!door) return door.error();
/// const assignment_plan plan = portfolio{}.run(priced_problem{door->problem()}, door->start());
/// const auto wanted = door->slots(plan.gpu_of);
/// ```
///
/// Counters. An assignment problem has one capacity for each GPU. So on every GPU one counter has to imply the others:
/// all tasks together fit in those, or no task takes more of them than its part of the leading counter (GPU memory and
/// CPU handed out in proportion to the share). The counter may differ from GPU to GPU. The counters of a node or domain
/// count in the same way; those of a node with one GPU may lead.
///
/// @param cost     of a pair, by positions in workload and fleet; finite, or +inf to forbid the pair; never read where
///                 the task may not be.
///                 `move_penalty{cost, gpus_of(p, current), ...}` makes moves dear
/// @param current  a slot or `unplaced` for each task; empty: nothing runs
/// @param scope    which tasks take part; the others stay and take their room
/// @return the door; or an error that names the task, if it is not of one GPU, fits nowhere, is of a gang that would be
///         incomplete or wants one model for all, has a cost that is not a number or infinite everywhere; or the place
///         and the counters, if none of them implies the others; or the entry of `current` or `scope` that is wrong
///
/// O(tasks × GPUs + demands × GPUs × counters²), 9 bytes for each pair of a different demand and a GPU.
template <pair_cost Cost>
[[nodiscard]] result<assignment_door<Cost>>
to_assignment_problem(const problem& p, Cost cost, std::span<const slot> current = {}, const search_scope& scope = {}) {
    auto scoped = detail::scoped_problem::of(p, current, scope);
    if (!scoped) return scoped.error();
    const auto pairs = detail::one_gpu_each(*scoped, "an assignment problem");
    if (!pairs) return pairs.error();
    const auto leads = detail::leading_counters::of(*scoped, *pairs);
    if (!leads) return leads.error();
    assignment_door<Cost> door{std::move(*scoped), std::move(cost)};
    door.fill(*pairs, *leads);
    if (auto ok = door.read_costs(); !ok) return ok.error();
    return door;
}

}  // namespace berth::inline v0
