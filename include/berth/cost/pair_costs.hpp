// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/cost/evaluate.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

namespace berth::inline v0 {

// When to use which:
//
//   bound_cost    a cost model over features, evaluated on demand: no memory, any size
//   object_cost   a lambda over your own task and GPU objects: no features
//   matrix_cost   a matrix that you have already (an instance file, a measurement)
//   cost_table    a matrix computed once: the fastest to read, tasks × GPUs doubles

/// A cost model with the features of a workload and a fleet. It keeps views: the matrices outlive it.
template <cost_model Model>
struct bound_cost {
    Model model;                      ///< the cost model
    matrix_view<const double> tasks;  ///< a row for each task of the workload
    matrix_view<const double> gpus;   ///< a row for each GPU of the fleet

    /// The cost of a pair.
    [[nodiscard]] double operator()(task_index task, gpu_index gpu) const {
        return static_cast<double>(model(tasks.row(task.value()), gpus.row(gpu.value())));
    }
};
template <class Model, class Tasks, class Gpus>
bound_cost(Model, Tasks, Gpus) -> bound_cost<Model>;

/// A callable over your own objects: `object_cost{f, std::span{tasks}, std::span{gpus}}` calls `f(task, gpu)`. The
/// objects are in the order of workload and fleet and outlive it.
template <class F, class Task, class Gpu>
struct object_cost {
    F f;                          ///< returns the cost of a task and a GPU
    std::span<const Task> tasks;  ///< one for each task of the workload
    std::span<const Gpu> gpus;    ///< one for each GPU of the fleet

    /// The cost of a pair.
    [[nodiscard]] double operator()(task_index task, gpu_index gpu) const {
        BERTH_ASSERT(task.value() < tasks.size() && gpu.value() < gpus.size(),
                     "berth: object_cost has no such task or GPU");
        return static_cast<double>(f(tasks[task.value()], gpus[gpu.value()]));
    }
};
template <class F, class Task, class Gpu, std::size_t N, std::size_t M>
object_cost(F, std::span<Task, N>, std::span<Gpu, M>)
    -> object_cost<F, std::remove_const_t<Task>, std::remove_const_t<Gpu>>;

/// A view of a matrix of costs.
struct matrix_cost {
    matrix_view<const double> costs;  ///< a row for each task, a column for each GPU

    /// The cost of a pair.
    [[nodiscard]] double operator()(task_index task, gpu_index gpu) const noexcept {
        return costs(task.value(), gpu.value());
    }
};

/// A matrix of costs that owns its elements. Made by `materialise`.
class cost_table {
public:
    /// The cost of a pair.
    [[nodiscard]] double operator()(task_index task, gpu_index gpu) const noexcept {
        return view()(task.value(), gpu.value());
    }
    /// A row for each task, a column for each GPU.
    [[nodiscard]] matrix_view<const double> view() const noexcept { return {values_.data(), tasks_, gpus_}; }

private:
    template <cost_model C>
    friend result<cost_table> materialise(const C& model, matrix_view<const double> tasks,
                                          matrix_view<const double> gpus);
    cost_table(std::size_t tasks, std::size_t gpus) : tasks_{tasks}, gpus_{gpus}, values_(tasks * gpus) {}

    std::size_t tasks_;
    std::size_t gpus_;
    std::vector<double> values_;
};

static_assert(pair_cost<matrix_cost> && pair_cost<cost_table>);

/// Checks costs that come from outside. Fails at the first one that is not a number or -inf; the error names task and
/// GPU. +inf forbids a pair. O(tasks × GPUs).
[[nodiscard]] inline result<void> check_costs(matrix_view<const double> costs) {
    for (std::size_t t = 0; t < costs.rows(); ++t) {
        for (std::size_t g = 0; g < costs.cols(); ++g) {
            if (costs(t, g) > -std::numeric_limits<double>::infinity()) continue;
            return detail::refuse(
                error_code::invalid_value,
                {"cost of task ", t, " on GPU ", g, std::isnan(costs(t, g)) ? ": not a number" : ": minus infinity"});
        }
    }
    return {};
}

/// Evaluates every pair once, into tasks × GPUs doubles. Fails if a cost is not a number or -inf; the error names task
/// and GPU.
///
/// @param model  the cost model
/// @param tasks  features of the tasks, one row each
/// @param gpus   features of the GPUs, one row each
template <cost_model C>
[[nodiscard]] result<cost_table> materialise(const C& model, matrix_view<const double> tasks,
                                             matrix_view<const double> gpus) {
    cost_table table{tasks.rows(), gpus.rows()};
    fill_costs(model, tasks, gpus, matrix_view<double>{table.values_.data(), table.tasks_, table.gpus_});
    if (auto ok = check_costs(table.view()); !ok) return ok.error();
    return table;
}

}  // namespace berth::inline v0
