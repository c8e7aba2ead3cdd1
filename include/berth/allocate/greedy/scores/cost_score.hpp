// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/cost/divisible/load_cost.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// Prefers the lowest cost: the value is minus the cost of the task on the candidate's GPUs, summed from the lowest
/// position up. For costs that do not change as tasks are placed. An infinite cost refuses the candidate. A task that
/// wants no GPU costs nothing anywhere.
///
/// ```
/// cost_score{bound_cost{execution_time{}, tasks.view(), gpus.view()}}
/// ```
template <pair_cost Cost>
struct cost_score {
    static constexpr score_scope scope = score_scope::task;  ///< see `prepared_score`

    Cost cost;  ///< of a task on a GPU

    /// The value of a candidate.
    [[nodiscard]] double operator()(const candidate& c) const {
        double sum = 0.0;
        for (gpu_mask rest = c.gpus; rest != 0; rest &= rest - 1) {
            sum += static_cast<double>(cost(c.task, c.node.fleet->gpu(c.node.index, lowest_gpu(rest))));
        }
        return sum < -not_admitted ? 0.0 - sum : not_admitted;
    }
};
template <class Cost>
cost_score(Cost) -> cost_score<Cost>;

/// The ready form of `load_cost_score`, with the loads of its run.
class prepared_load_cost {
public:
    static constexpr score_scope scope = score_scope::task;  ///< see `prepared_score`

    /// Without tasks yet.
    explicit prepared_load_cost(const load_cost& model) : state_{model} {}

    /// The value of a candidate.
    [[nodiscard]] double operator()(const candidate& c) const noexcept {
        double sum = 0.0;
        for (gpu_mask rest = c.gpus; rest != 0; rest &= rest - 1) {
            const gpu_index g = gpu(c, rest);
            if (!state_.admits(c.task, g)) return not_admitted;
            sum += state_.cost(c.task, g);
        }
        return 0.0 - sum;
    }
    /// Counts a placement on its node.
    void on_place(const candidate& c) noexcept {
        for (gpu_mask rest = c.gpus; rest != 0; rest &= rest - 1) state_.place(c.task, gpu(c, rest));
    }
    /// Undoes `on_place`.
    void on_remove(const candidate& c) noexcept {
        for (gpu_mask rest = c.gpus; rest != 0; rest &= rest - 1) state_.remove(c.task, gpu(c, rest));
    }

    /// The loads as they stand.
    [[nodiscard]] const load_state& state() const noexcept { return state_; }

private:
    [[nodiscard]] static gpu_index gpu(const candidate& c, gpu_mask rest) noexcept {
        return c.node.fleet->gpu(c.node.index, lowest_gpu(rest));
    }

    load_state state_;
};

/// Prefers the least loaded GPUs, weighted by the task's cost: the value is minus C times the load P of the candidate's
/// GPUs (`load_cost`); a candidate whose load would exceed a GPU's maximum is refused. Each placement raises the loads
/// that the next one meets.
///
/// C is the same on every candidate of a task, so it matters only in a sum with other scores, as the task's weight. On
/// nodes with several GPUs combine it with `best_scored_gpu`, which evaluates each of them. O(GPUs of the candidate).
class load_cost_score {
public:
    /// The model outlives the score; its tasks and GPUs are those of the problem, in the same order.
    explicit load_cost_score(const load_cost& model) noexcept : model_{&model} {}
    explicit load_cost_score(const load_cost&&) = delete;

    /// The ready form for a problem. O(GPUs).
    [[nodiscard]] prepared_load_cost prepare([[maybe_unused]] const problem& p) const {
        BERTH_ASSERT(model_->tasks().size() == p.workload().task_count() &&
                         model_->gpus().size() == p.fleet().gpu_count(),
                     "berth: load_cost_score needs a model with the problem's tasks and GPUs");
        return prepared_load_cost{*model_};
    }

private:
    const load_cost* model_;
};

static_assert(prepared_score<prepared_load_cost> && scope_of<prepared_load_cost> == score_scope::task);
static_assert(placement_score<load_cost_score>);

}  // namespace berth::inline v0
