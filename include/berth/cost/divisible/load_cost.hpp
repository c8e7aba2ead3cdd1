// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace berth::inline v0 {

/// What the model knows of a task.
struct load_task {
    double execution_cost = 1.0;  ///< C, in any unit, finite and not negative (`execution_time` gives seconds)
    amount load = 0;              ///< L, in thousandths of a unit of load, 0..`max_load_amount`
};

/// What the model knows of a GPU.
struct load_gpu {
    amount max_load = whole_gpu;   ///< G, in thousandths, 0..`max_load_amount`
    amount available_time = 1000;  ///< T, in thousandths of a unit of time, 0..`max_load_time`
    amount load = 0;               ///< what it carries before any task is placed, in thousandths, 0..`max_load_amount`
};

inline constexpr amount max_load_amount = 1'000'000'000'000;  ///< 10^9 units of load
inline constexpr amount max_load_time = 1'000'000;            ///< 10^3 units of time

/// How P, the load of a GPU, is measured.
enum class load_measure : std::uint8_t {
    absolute,  ///< as it is: the published form, right when GPUs are alike
    relative,  ///< divided by G: for GPUs of different size
};

/// Costs that rise with the load of the place, as a description: tasks, GPUs, and
///
///     minimise    sum_i C_i * P_a(i)            a(i): the GPU task i goes to
///     subject to  P_g <= G_g  for every GPU g   P_g = load before + sum of L_i * T_g over the tasks i on g
///
/// C is a task's execution cost, L its load, T the time a GPU is available, G its maximum load. P is the *current* load, so
/// what a task costs depends on who was placed before it: expensive tasks avoid loaded GPUs. Immutable and validated; a run
/// has a `load_state` of its own.
class load_cost {
public:
    [[nodiscard]] std::span<const load_task> tasks() const noexcept { return tasks_; }
    [[nodiscard]] std::span<const load_gpu> gpus() const noexcept { return gpus_; }
    [[nodiscard]] const load_task& task(task_index t) const noexcept { return tasks_[t.value()]; }
    [[nodiscard]] const load_gpu& gpu(gpu_index g) const noexcept { return gpus_[g.value()]; }
    [[nodiscard]] load_measure measure() const noexcept { return measure_; }

private:
    friend result<load_cost> make_load_cost(std::vector<load_task> tasks, std::vector<load_gpu> gpus,
                                            load_measure measure);
    load_cost() = default;

    std::vector<load_task> tasks_;
    std::vector<load_gpu> gpus_;
    load_measure measure_ = load_measure::absolute;
};

/// The loads of one run. Integers inside (millionths: thousandths of load times thousandths of time), so placing and removing
/// is exact and admission has no rounding. Every verb is O(1). Copyable; the description outlives it.
class load_state {
public:
    explicit load_state(const load_cost& model) : model_{&model} { reset(); }
    explicit load_state(const load_cost&&) = delete;

    /// Back to the loads before any task. Does not allocate.
    void reset() {
        used_.resize(model_->gpus().size());
        for (std::size_t g = 0; g < used_.size(); ++g) used_[g] = model_->gpus()[g].load * 1000;
    }

    [[nodiscard]] const load_cost& model() const noexcept { return *model_; }

    /// P: the current load, in units of load (not thousandths), or as a share of G, see `load_measure`.
    [[nodiscard]] double load(gpu_index g) const noexcept {
        if (model_->measure() == load_measure::absolute) return static_cast<double>(used_[g.value()]) * 1e-6;
        const amount most = model_->gpu(g).max_load * 1000;
        return static_cast<double>(used_[g.value()]) / static_cast<double>(most > 0 ? most : 1);
    }
    /// P in millionths of a unit of load, exact.
    [[nodiscard]] amount load_micro(gpu_index g) const noexcept { return used_[g.value()]; }

    /// What placing the task there costs now: C * P.
    [[nodiscard]] double cost(const load_task& task, gpu_index g) const noexcept {
        return task.execution_cost * load(g);
    }
    [[nodiscard]] double cost(task_index t, gpu_index g) const noexcept { return cost(model_->task(t), g); }

    /// The admission test: L * T <= G - what is used already.
    [[nodiscard]] bool admits(const load_task& task, gpu_index g) const noexcept {
        return used_[g.value()] + task.load * model_->gpu(g).available_time <= model_->gpu(g).max_load * 1000;
    }
    [[nodiscard]] bool admits(task_index t, gpu_index g) const noexcept { return admits(model_->task(t), g); }
    /// The largest L that is still admitted, in thousandths; `max_load_amount` on a GPU whose T is 0.
    [[nodiscard]] amount room(gpu_index g) const noexcept {
        const load_gpu& gpu = model_->gpu(g);
        const amount left = gpu.max_load * 1000 - used_[g.value()];
        if (left < 0) return 0;
        return gpu.available_time == 0 ? max_load_amount : left / gpu.available_time;
    }

    /// Puts the load there, admitted or not: a placement that is observed may well break the limit.
    void place(const load_task& task, gpu_index g) noexcept {
        used_[g.value()] += task.load * model_->gpu(g).available_time;
    }
    void place(task_index t, gpu_index g) noexcept { place(model_->task(t), g); }
    /// Takes it away again. It must have been placed there.
    void remove(const load_task& task, gpu_index g) noexcept {
        used_[g.value()] -= task.load * model_->gpu(g).available_time;
        BERTH_ASSERT(used_[g.value()] >= model_->gpu(g).load * 1000,
                     "berth: load_state::remove of a task not placed there");
    }
    void remove(task_index t, gpu_index g) noexcept { remove(model_->task(t), g); }

private:
    const load_cost* model_;
    std::vector<amount> used_;
};

/// Checks every number and names the first wrong one; also that all tasks on one GPU could still be counted.
[[nodiscard]] inline result<load_cost> make_load_cost(std::vector<load_task> tasks, std::vector<load_gpu> gpus,
                                                      load_measure measure = load_measure::absolute) {
    const auto check = [](const char* kind, std::size_t i, const char* field, amount value,
                          amount most) -> result<void> {
        if (value >= 0 && value <= most) return {};
        return detail::refuse(value < 0 ? error_code::invalid_value : error_code::overflow,
                              {kind, " ", i, ": ", field, " is ", value, ", expected 0..", most});
    };
    amount longest = 0;
    amount heaviest = 0;
    double total = 0.0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (!std::isfinite(tasks[i].execution_cost) || tasks[i].execution_cost < 0.0) {
            return detail::refuse(error_code::invalid_value,
                                  {"task ", i, ": execution_cost is not a finite number of 0 or more"});
        }
        if (auto ok = check("task", i, "load", tasks[i].load, max_load_amount); !ok) return ok.error();
        total += static_cast<double>(tasks[i].load);
    }
    for (std::size_t g = 0; g < gpus.size(); ++g) {
        if (auto ok = check("gpu", g, "max_load", gpus[g].max_load, max_load_amount); !ok) return ok.error();
        if (auto ok = check("gpu", g, "available_time", gpus[g].available_time, max_load_time); !ok) return ok.error();
        if (auto ok = check("gpu", g, "load", gpus[g].load, max_load_amount); !ok) return ok.error();
        longest = longest < gpus[g].available_time ? gpus[g].available_time : longest;
        heaviest = heaviest < gpus[g].load ? gpus[g].load : heaviest;
    }
    if (total * static_cast<double>(longest) + 1e3 * static_cast<double>(heaviest) > 4e18) {
        return error{error_code::overflow,
                     "load cost: the loads of all tasks on one GPU add up to more than 4e12 units"};
    }
    load_cost model;
    model.tasks_ = std::move(tasks);
    model.gpus_ = std::move(gpus);
    model.measure_ = measure;
    return model;
}

/// The model of a problem that says no more than its demands: C is the task's GPU share in whole GPUs, L its share of one
/// GPU, T is 1 and G the GPU's share. The constraint is then the ledger's own for GPU shares.
[[nodiscard]] inline result<load_cost> make_load_cost(const problem& p, load_measure measure = load_measure::relative) {
    std::vector<load_task> tasks(p.workload().task_count());
    for (std::size_t t = 0; t < tasks.size(); ++t) {
        const demand_view demand = p.workload().demand(task_index{t});
        tasks[t] = {.execution_cost = static_cast<double>(demand.total_share()) / static_cast<double>(whole_gpu),
                    .load = demand.gpu[0]};
    }
    std::vector<load_gpu> gpus(p.fleet().gpu_count());
    for (std::size_t g = 0; g < gpus.size(); ++g) gpus[g] = {.max_load = p.fleet().capacity(gpu_index{g})[0]};
    return make_load_cost(std::move(tasks), std::move(gpus), measure);
}

/// The published objective of a finished assignment, from scratch: sum of C_i * P_a(i) with the loads that all its tasks
/// together cause. Independent of the order in which they were placed. O(tasks + GPUs).
///
/// @param gpu_of_task  one for each task; not valid for a task that is not placed.
[[nodiscard]] inline double assignment_cost(const load_cost& model, std::span<const gpu_index> gpu_of_task) {
    BERTH_ASSERT(gpu_of_task.size() == model.tasks().size(), "berth: assignment_cost needs an entry for each task");
    load_state state{model};
    for (std::size_t t = 0; t < gpu_of_task.size(); ++t) {
        if (gpu_of_task[t].valid()) state.place(task_index{t}, gpu_of_task[t]);
    }
    double sum = 0.0;
    for (std::size_t t = 0; t < gpu_of_task.size(); ++t) {
        if (gpu_of_task[t].valid()) sum += state.cost(task_index{t}, gpu_of_task[t]);
    }
    return sum;
}

}  // namespace berth::inline v0
