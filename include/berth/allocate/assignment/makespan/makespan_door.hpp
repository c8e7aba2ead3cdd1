// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_limit.hpp"
#include "berth/allocate/assignment/makespan/detail/makespan_load.hpp"
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"
#include "berth/allocate/detail/counter_places.hpp"
#include "berth/allocate/detail/gpu_pairs.hpp"
#include "berth/allocate/detail/scoped_problem.hpp"
#include "berth/allocate/search_scope.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

// Length: the door checks on both ways what the narrower problem cannot say.

namespace berth::inline v0 {

/// A makespan problem made of a `problem`, and the way back from its answers to slots. Made by `to_makespan_problem`.
///
/// GPUs keep their positions; tasks are numbered anew, those that take part in ascending order. Behind them comes an
/// immovable task for every GPU that tasks carry load to that stay, so that the makespan counts it. Where a task may
/// not be, its load is `makespan_problem::forbidden`.
///
/// Movable and copyable; fleet and workload outlive it, and it outlives its `problem()`.
template <load_source Load>
class makespan_door {
public:
    /// The load of the narrower problem: yours, for the task's number in the workload.
    struct load_of_pair {
        Load load;                    ///< by positions in workload and fleet
        const task_index* tasks;      ///< of the workload, in the order of the narrower problem
        std::size_t task_count;       ///< how many; the tasks behind them are immovable
        const std::uint8_t* may;      ///< a row for each different demand
        const std::uint32_t* row_of;  ///< the row of each task, the GPU of each immovable one
        const amount* base;           ///< of each GPU: the load of the immovable task there
        std::size_t gpus;             ///< columns
        amount forbidden;             ///< where the task may not be

        /// The load of a pair.
        [[nodiscard]] amount operator()(task_index t, gpu_index g) const {
            const std::size_t i = t.value();
            if (i >= task_count) return row_of[i] == g.value() ? base[g.value()] : forbidden;
            if (may[row_of[i] * gpus + g.value()] == 0) return forbidden;
            const amount one = detail::makespan_load(load(tasks[i], g));
            return one < forbidden ? one : forbidden;
        }
    };

    /// The makespan problem. Its first tasks are those of `tasks()`, its GPUs those of the fleet.
    [[nodiscard]] makespan_problem<load_of_pair> problem() const {
        const std::size_t gpus = base_.size();
        return {row_of_.size(),
                gpus,
                {load_, tasks().data(), tasks().size(), may_.data(), row_of_.data(), base_.data(), gpus, forbidden_},
                forbidden_};
    }
    /// The tasks that take part, by their number in the workload: entry i is task i of `problem()`.
    [[nodiscard]] std::span<const task_index> tasks() const noexcept { return scope_.tasks(); }
    /// Tasks that stay where they are because the problem cannot express them, or because they fit nowhere; see
    /// `search_scope::inexpressible_stay`.
    [[nodiscard]] std::span<const task_index> left_out() const noexcept { return scope_.left_out(); }
    /// Up to this makespan every assignment keeps every capacity; the largest amount if no capacity can run out. Above
    /// it an answer may be infeasible, and the lowest makespan that is feasible may be higher than that of the answer.
    [[nodiscard]] amount limit() const noexcept { return limit_; }
    /// The present GPU of every task of `problem()`, for a start; invalid for one without a slot. O(tasks).
    [[nodiscard]] gpu_assignment start() const {
        gpu_assignment at = detail::present_gpus(scope_);
        for (std::size_t i = at.size(); i < row_of_.size(); ++i) at.push_back(gpu_index{row_of_[i]});
        return at;
    }
    /// A slot for every task of the workload: that of the answer for the tasks that take part, the present one for all
    /// others, the target for those in flight. What `migration_order` takes as wanted. O(tasks + counters).
    ///
    /// @param gpu_of  a GPU for each task of `problem()`, such as `makespan_plan::gpu_of`
    /// @return the slots, or an error that names the first task that may not be where the answer has it, or whose GPU,
    ///         node or domain lacks room: possible only above `limit()`
    [[nodiscard]] result<assignment> slots(std::span<const gpu_index> gpu_of) const {
        auto made = detail::slots_on_gpus(scope_, gpu_of, row_of_.size(), node_of_.view());
        if (!made) return made;
        for (std::size_t i = 0; i < tasks().size(); ++i) {
            const task_index t = tasks()[i];
            if (!(*made)[t.value()].placed() || (*made)[t.value()] == scope_.current(t)) continue;
            if (detail::makespan_load(load_(t, gpu_of[i])) <= max_amount) continue;
            return detail::refuse(error_code::inconsistent, {scope_.item(t), ": its load on GPU ", gpu_of[i].value(),
                                                             " is infinite, so that it may not be there"});
        }
        return made;
    }

private:
    template <load_source L>
    friend result<makespan_door<L>> to_makespan_problem(const berth::problem& p, L load, std::span<const slot> current,
                                                        const search_scope& scope);

    makespan_door(detail::scoped_problem scope, Load load) : scope_{std::move(scope)}, load_{std::move(load)} {}

    [[nodiscard]] result<void> fill(const detail::gpu_pairs& pairs) {
        for (std::size_t g = 0; g < pairs.gpus(); ++g) node_of_.push_back(pairs.node_of(g));
        for (std::size_t row = 0; row < pairs.rows().size(); ++row) {
            for (std::size_t g = 0; g < pairs.gpus(); ++g)
                may_.push_back(pairs.may(row, g) ? std::uint8_t{1} : std::uint8_t{0});
        }
        for (std::size_t i = 0; i < tasks().size(); ++i)
            row_of_.push_back(static_cast<std::uint32_t>(pairs.rows().of(i)));
        base_.resize(pairs.gpus(), 0);
        for (std::size_t t = 0; t < scope_.workload().task_count(); ++t) {
            if (scope_.stays(task_index{t})) add_base(task_index{t}, scope_.current(task_index{t}));
        }
        for (const task_move& r : scope_.in_flight()) {
            add_base(r.task, r.from);
            add_base(r.task, r.to);
        }
        for (std::size_t g = 0; g < base_.size(); ++g) {
            if (base_[g] > 0) row_of_.push_back(static_cast<std::uint32_t>(g));
        }
        return read_loads();
    }
    void add_base(task_index t, const slot& where) {
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = scope_.fleet().gpu(where.node, lowest_gpu(rest));
            const amount one = detail::makespan_load(load_(t, g));
            base_[g.value()] += one <= max_amount ? one : max_amount + 1;
        }
    }
    /// Checks the loads, and makes a forbidden one of what a greedy assignment does not exceed.
    [[nodiscard]] result<void> read_loads() {
        detail::flat<amount> carried(base_.size(), 0);
        for (std::size_t i = 0; i < tasks().size(); ++i) {
            std::size_t best = base_.size();
            amount least = 0;
            amount lightest = std::numeric_limits<amount>::max();
            amount heaviest = 0;
            for (std::size_t g = 0; g < base_.size(); ++g) {
                if (may_[row_of_[i] * base_.size() + g] == 0) continue;
                const auto given = load_(tasks()[i], gpu_index{g});
                const amount one = detail::makespan_load(given);
                if constexpr (std::is_floating_point_v<decltype(given)>) {
                    if (std::isnan(given)) {
                        return detail::refuse(error_code::invalid_value,
                                              {scope_.item(tasks()[i]), ": its load on GPU ", g, " is not a number"});
                    }
                    if (given == std::numeric_limits<double>::infinity()) continue;
                }
                if (one < 0 || one > max_amount) {
                    return detail::refuse(error_code::invalid_value, {scope_.item(tasks()[i]), ": its load on GPU ", g,
                                                                      " is ", one, ", expected 0..", max_amount});
                }
                lightest = one < lightest ? one : lightest;
                heaviest = one > heaviest ? one : heaviest;
                if (best < base_.size() && carried[g] + one >= least) continue;
                best = g;
                least = carried[g] + one;
            }
            if (best == base_.size()) {
                return detail::refuse(error_code::inconsistent,
                                      {scope_.item(tasks()[i]), ": its load is infinite on every GPU where it may be"});
            }
            carried[best] = least;
            highest_ += heaviest;
            if (highest_ > (amount{1} << 60U)) return error{error_code::overflow, "loads: their sum could reach 2^60"};
            largest_ = largest_ < lightest ? lightest : largest_;
        }
        amount heaviest_base = 0;
        for (std::size_t g = 0; g < base_.size(); ++g) {
            if (base_[g] < 0 || base_[g] > max_amount) {
                return detail::refuse(error_code::invalid_value, {"GPU ", g, ": the load of tasks that stay is ",
                                                                  base_[g], ", expected 0..", max_amount});
            }
            largest_ = largest_ < base_[g] ? base_[g] : largest_;
            heaviest_base = heaviest_base < base_[g] ? base_[g] : heaviest_base;
            forbidden_ = forbidden_ < carried[g] + base_[g] + 1 ? carried[g] + base_[g] + 1 : forbidden_;
        }
        highest_ += heaviest_base;
        if (forbidden_ > (amount{1} << 61U) / static_cast<amount>(row_of_.size() + 1)) {
            return error{error_code::overflow, "loads: their sums could reach 2^61"};
        }
        return {};
    }
    [[nodiscard]] result<void> find_limit(const detail::gpu_pairs& pairs) {
        const detail::counter_places places{scope_, pairs};
        detail::makespan_limit found;
        const auto note = [&](detail::counter_place p) {
            for (std::size_t r = 0; r < places.counters(p); ++r)
                found.note(places, pairs, tasks(), load_, base_.view(), highest_, p, r);
        };
        for (std::size_t g = 0; g < base_.size(); ++g) {
            if (places.used(g)) places.alone_with(g, note);
        }
        places.with_several(note);
        limit_ = found.value;
        if (limit_ >= largest_) return {};
        return detail::refuse(error_code::inconsistent,
                              {places.name(found.place), ": its ", places.name(found.place, found.counter),
                               " can run out at any makespan that an assignment can have (the largest load is ",
                               largest_, "), and a makespan problem has no capacities"});
    }

    detail::scoped_problem scope_;
    Load load_;
    amount forbidden_ = 1;
    amount limit_ = 0;
    amount largest_ = 0;  // no assignment has a lower makespan
    amount highest_ = 0;  // and none has a higher one
    detail::flat<node_index> node_of_;
    detail::flat<std::uint8_t> may_;
    detail::flat<std::uint32_t> row_of_;
    detail::flat<amount> base_;
};

/// Makes a makespan problem of tasks of one GPU each that run at once: the highest load of a GPU as low as possible.
///
/// ```
/// const auto door = to_makespan_problem(p, load, placement);
/// if (!door) return door.error();
/// const makespan_plan plan = makespan_search{}.run(door->problem(), door->start());
/// const auto wanted = door->slots(plan.gpu_of);
/// ```
///
/// A makespan problem has no capacities, so these have to follow: because all tasks together fit, or from the makespan,
/// if no task takes much of a counter for its load. `limit()` is the highest makespan up to which they do; with the
/// share as load it is that of a whole GPU. An answer up to the limit is feasible, and its optimum is that of the
/// problem.
///
/// @param load     of a pair, by positions in workload and fleet, 0..`max_amount` where a task may be or stays; a
///                 floating-point load may be infinite, which forbids the pair
/// @param current  a slot or `unplaced` for each task; empty: nothing runs
/// @param scope    which tasks take part; the others stay, take their room, and load their GPUs
/// @return the door; or an error that names the task, if it is not of one GPU, fits nowhere, is of a gang that would be
///         incomplete or wants one model for all, or has a load out of range; or the place and the counter, if it can
///         run out below any makespan; or the entry of `current` or `scope` that is wrong
///
/// O(tasks × GPUs × counters).
template <load_source Load>
[[nodiscard]] result<makespan_door<Load>>
to_makespan_problem(const problem& p, Load load, std::span<const slot> current = {}, const search_scope& scope = {}) {
    auto scoped = detail::scoped_problem::of(p, current, scope);
    if (!scoped) return scoped.error();
    const auto pairs = detail::one_gpu_each(*scoped, "a makespan problem");
    if (!pairs) return pairs.error();
    makespan_door<Load> door{std::move(*scoped), std::move(load)};
    if (auto ok = door.fill(*pairs); !ok) return ok.error();
    if (auto ok = door.find_limit(*pairs); !ok) return ok.error();
    return door;
}

}  // namespace berth::inline v0
