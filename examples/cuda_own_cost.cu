// SPDX-License-Identifier: Apache-2.0
// A cost functor of your own, written once for CPU and GPU: the matrix of costs and the plan are the same on both.
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/evaluate.hpp"
#include "berth/cuda/cost_matrix.cuh"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/genetic.cuh"

#include <cmath>
#include <cstdio>
#include <span>
#include <vector>

/// Duration of a task plus a delay for the heat of the GPU, in whole milliseconds. `BERTH_HD` compiles it for host and
/// device.
struct slowed_by_heat {
    double milliseconds_per_degree = 3.0;

    BERTH_HD double operator()(berth::device_row task, berth::device_row gpu) const {
        const double work = 1000.0 * task[0] / gpu[0];
        return std::floor(work) + std::floor(milliseconds_per_degree * gpu[1]);
    }
};
static_assert(berth::cost_model<slowed_by_heat> && berth::device_cost_model<slowed_by_heat>);

constexpr std::size_t tasks = 300, gpus = 12;

/// Loads of the tasks and capacities of the GPUs, the same for both halves.
struct loads_of_tasks {
    std::vector<berth::amount> loads = std::vector<berth::amount>(tasks * gpus);
    std::vector<berth::amount> capacities = std::vector<berth::amount>(gpus, 8000);

    berth::priced_problem problem(const std::vector<double>& costs) const {
        return berth::priced_problem{berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                                               berth::matrix_load{{loads.data(), tasks, gpus}},
                                                               std::span<const berth::amount>{capacities}}};
    }
};

int main() {
    berth::xoshiro256 random{1};
    std::vector<double> task_features, gpu_features;  // gigaFLOP; gigaFLOPS and degrees
    loads_of_tasks demand;
    for (std::size_t t = 0; t < tasks; ++t) {
        task_features.push_back(100.0 + bounded(random, 900));
        const berth::amount load = 100 + bounded(random, 400);
        for (std::size_t g = 0; g < gpus; ++g) demand.loads[t * gpus + g] = load;
    }
    for (std::size_t g = 0; g < gpus; ++g) {
        gpu_features.push_back(200.0 + bounded(random, 800));
        gpu_features.push_back(40.0 + bounded(random, 50));
    }
    const slowed_by_heat cost;
    const berth::philox_genetic policy{.seed = 1, .population = 256, .max_generations = 100};

    std::vector<double> costs(tasks * gpus);
    berth::fill_costs(cost, {task_features.data(), tasks, 1}, {gpu_features.data(), gpus, 2},
                      {costs.data(), tasks, gpus});
    const berth::assignment_plan plan = policy.run(demand.problem(costs));
    std::printf("CPU: %.0f ms, %.2f %% above the bound, %s\n", plan.cost, plan.gap(),
                plan.feasible() ? "feasible" : "infeasible");

    if (!berth::cuda::device_available()) return std::puts("GPU: skipped: no device"), 0;
    const auto failed = [](const berth::error& what) { return std::printf("GPU: %s\n", what.message.c_str()), 1; };
    const auto task_rows = berth::cuda::to_device(std::span<const double>{task_features}, nullptr);
    if (!task_rows) return failed(task_rows.error());
    const auto gpu_rows = berth::cuda::to_device(std::span<const double>{gpu_features}, nullptr);
    if (!gpu_rows) return failed(gpu_rows.error());
    auto matrix = berth::cuda::device_buffer<double>::allocate(tasks * gpus);
    if (!matrix) return failed(matrix.error());
    const auto filled = berth::cuda::fill_costs(cost, {task_rows->data(), tasks, 1}, {gpu_rows->data(), gpus, 2},
                                                {matrix->data(), tasks, gpus}, nullptr);
    if (!filled) return failed(filled.error());
    std::vector<double> costs_there(tasks * gpus);
    if (auto copied = matrix->download(costs_there, nullptr); !copied) return failed(copied.error());
    if (auto done = berth::cuda::wait_for(nullptr); !done) return failed(done.error());

    const auto plan_there = berth::cuda::genetic{policy}.run(demand.problem(costs_there), {}, nullptr);
    if (!plan_there) return failed(plan_there.error());
    std::printf("GPU: %.0f ms; costs are %s, the plan is %s\n", plan_there->cost,
                costs_there == costs ? "the same" : "NOT the same",
                plan_there->gpu_of == plan.gpu_of ? "the same" : "NOT the same");
    return costs_there == costs && plan_there->gpu_of == plan.gpu_of ? 0 : 1;
}
