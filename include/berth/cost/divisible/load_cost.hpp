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

/// A task of the load model.
struct load_task {
    double execution_cost = 1.0;  ///< C, in any unit, finite and not negative (`execution_time` gives seconds)
    amount load = 0;              ///< L, in thousandths of a unit of load, 0..`max_load_amount`
};

/// A GPU of the load model.
struct load_gpu {
    amount max_load = whole_gpu;   ///< G, in thousandths, 0..`max_load_amount`
    amount available_time = 1000;  ///< T, in thousandths of a unit of time, 0..`max_load_time`
    amount load = 0;               ///< load before any task is placed, in thousandths, 0..`max_load_amount`
};

/// The largest load, in thousandths: 10^9 units of load.
inline constexpr amount max_load_amount = 1'000'000'000'000;
/// The largest time, in thousandths: 10^3 units of time.
inline constexpr amount max_load_time = 1'000'000;

/// The unit of P, the load of a GPU.
enum class load_measure : std::uint8_t {
    absolute,  ///< units of load: the published form, for equal GPUs
    relative,  ///< a share of G, for GPUs of different size
};

/// A cost that rises with the load of the GPU:
///
///     minimise    sum_i C_i * P_a(i)            a(i): the GPU task i goes to
///     subject to  P_g <= G_g  for every GPU g   P_g = load before + sum of L_i * T_g over the tasks i on g
///
/// C is a task's execution cost, L its load, T the time a GPU is available, G its maximum load. P is the *current*
/// load: the cost of a task depends on the tasks placed before it, and expensive tasks avoid loaded GPUs. This is the
/// description, immutable and validated; made by `make_load_cost`. A run keeps its loads in a `load_state`.
class load_cost {
public:
    /// All tasks.
    [[nodiscard]] std::span<const load_task> tasks() const noexcept { return tasks_; }
    /// All GPUs.
    [[nodiscard]] std::span<const load_gpu> gpus() const noexcept { return gpus_; }
    /// One task of the model.
    [[nodiscard]] const load_task& task(task_index t) const noexcept { return tasks_[t.value()]; }
    /// One GPU of the model.
    [[nodiscard]] const load_gpu& gpu(gpu_index g) const noexcept { return gpus_[g.value()]; }
    /// The unit of P.
    [[nodiscard]] load_measure measure() const noexcept { return measure_; }

private:
    friend result<load_cost> make_load_cost(std::vector<load_task> tasks, std::vector<load_gpu> gpus,
                                            load_measure measure);
    load_cost() = default;

    std::vector<load_task> tasks_;
    std::vector<load_gpu> gpus_;
    load_measure measure_ = load_measure::absolute;
};

/// The loads of one run, as integers: millionths, the product of thousandths of load and thousandths of time. So
/// placing and removing are exact, and admission does not round. Every call but `reset` is O(1). Tasks and GPUs are
/// those of the model, which only assertions check. Copyable; the model outlives it.
class load_state {
public:
    /// The loads before any task is placed. O(GPUs).
    explicit load_state(const load_cost& model) : model_{&model} { reset(); }
    explicit load_state(const load_cost&&) = delete;

    /// Back to the loads before any task. O(GPUs), does not allocate.
    void reset() {
        used_.resize(model_->gpus().size());
        for (std::size_t g = 0; g < used_.size(); ++g) used_[g] = model_->gpus()[g].load * 1000;
    }

    /// The description.
    [[nodiscard]] const load_cost& model() const noexcept { return *model_; }

    /// P, the current load, in units of load (not thousandths) or as a share of G, see `load_measure`.
    [[nodiscard]] double load(gpu_index g) const noexcept {
        if (model_->measure() == load_measure::absolute) return static_cast<double>(used_[g.value()]) * 1e-6;
        const amount most = model_->gpu(g).max_load * 1000;
        return static_cast<double>(used_[g.value()]) / static_cast<double>(most > 0 ? most : 1);
    }
    /// P in millionths of a unit of load, exact.
    [[nodiscard]] amount load_micro(gpu_index g) const noexcept { return used_[g.value()]; }

    /// The cost of placing the task now: C * P.
    [[nodiscard]] double cost(const load_task& task, gpu_index g) const noexcept {
        return task.execution_cost * load(g);
    }
    /// The cost of placing a task of the model now.
    [[nodiscard]] double cost(task_index t, gpu_index g) const noexcept { return cost(model_->task(t), g); }

    /// True if the GPU admits the task: P + L * T <= G.
    [[nodiscard]] bool admits(const load_task& task, gpu_index g) const noexcept {
        return used_[g.value()] + task.load * model_->gpu(g).available_time <= model_->gpu(g).max_load * 1000;
    }
    /// True if the GPU admits a task of the model.
    [[nodiscard]] bool admits(task_index t, gpu_index g) const noexcept { return admits(model_->task(t), g); }
    /// The largest L that the GPU admits, in thousandths; `max_load_amount` if its T is 0 and its load within its
    /// limit.
    [[nodiscard]] amount room(gpu_index g) const noexcept {
        const load_gpu& gpu = model_->gpu(g);
        const amount left = gpu.max_load * 1000 - used_[g.value()];
        if (left < 0) return 0;
        return gpu.available_time == 0 ? max_load_amount : left / gpu.available_time;
    }

    /// Adds the load, admitted or not: observed placements may exceed limits.
    void place(const load_task& task, gpu_index g) noexcept {
        used_[g.value()] += task.load * model_->gpu(g).available_time;
    }
    /// Adds the load of a task of the model.
    void place(task_index t, gpu_index g) noexcept { place(model_->task(t), g); }
    /// Removes the load, which must have been placed there; only an assertion checks that.
    void remove(const load_task& task, gpu_index g) noexcept {
        used_[g.value()] -= task.load * model_->gpu(g).available_time;
        BERTH_ASSERT(used_[g.value()] >= model_->gpu(g).load * 1000,
                     "berth: load_state::remove of a task not placed there");
    }
    /// Removes the load of a task of the model, which must have been placed there.
    void remove(task_index t, gpu_index g) noexcept { remove(model_->task(t), g); }

private:
    const load_cost* model_;
    std::vector<amount> used_;
};

/// Makes a load model. Fails if a number is outside its range, or if the loads of all tasks on one GPU could overflow;
/// the error names the first number. O(tasks + GPUs).
///
/// @param tasks    one for each task
/// @param gpus     one for each GPU
/// @param measure  the unit of P
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

/// Makes the load model of a problem from its demands alone: C is the task's GPU share in whole GPUs, L its share of
/// one GPU, T is 1 and G the GPU's share. The constraint then equals the ledger's for GPU shares. O(tasks + GPUs).
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

/// The published objective of a finished assignment, sum of C_i * P_a(i), computed from scratch with the final loads,
/// so that the order of placement does not matter. O(tasks + GPUs).
///
/// @param model        tasks and GPUs
/// @param gpu_of_task  one for each task; not valid for a task that is not placed
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
