// SPDX-License-Identifier: Apache-2.0
// The figures of docs/cuda.md, as a table: evaluation of populations and whole generations on a device, beside their
// bars. Needs only the toolkit. Exit code 77: there is no device.
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/genetic.cuh"
#include "berth/objective/terms/gpu_loads.hpp"

#include "berth_bench/device_evaluation.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

namespace {

struct instance {
    std::size_t tasks;
    std::size_t gpus;
    std::vector<double> costs;
    std::vector<berth::amount> loads;
    std::vector<berth::amount> capacities;

    instance(std::size_t tasks_wanted, std::size_t gpus_wanted) : tasks{tasks_wanted}, gpus{gpus_wanted} {
        berth::xoshiro256 random{1};
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            costs.push_back(1.0 + bounded(random, 100));
            loads.push_back(1 + static_cast<berth::amount>(bounded(random, 100)));
        }
        capacities.assign(gpus, static_cast<berth::amount>(101 * tasks / (2 * gpus)) + 1);
    }
    [[nodiscard]] auto problem() const {
        return berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                         berth::matrix_load{{loads.data(), tasks, gpus}},
                                         std::span<const berth::amount>{capacities}};
    }
};

int faults = 0;

void print_row(const char* what, std::size_t tasks, std::size_t gpus, std::size_t individuals, double seconds,
               double roofline, double bar, const char* layout) {
    const double genes = static_cast<double>(tasks) * static_cast<double>(individuals) / seconds;
    std::printf("%-16s %7zu x %-7zu %7zu %11.1f %13.3g %9.0f%% %11.2g %6s  %s\n", what, tasks, gpus, individuals,
                seconds * 1e6, genes, roofline > 0.0 ? 100.0 * genes / roofline : 0.0, bar,
                bar == 0.0 ? "" : (genes >= bar ? "met" : "MISSED"), layout);
    std::fflush(stdout);
}

/// The fastest of some rounds; the first individuals are compared with the host.
double evaluate(std::size_t tasks, std::size_t gpus, std::size_t individuals, double bar, double bar_of_features) {
    const instance made{tasks, gpus};
    const auto packed = pack_assignments(made.problem());
    std::vector<std::uint16_t> genes(tasks * individuals);
    berth::xoshiro256 random{2};
    for (std::uint16_t& g : genes) g = static_cast<std::uint16_t>(bounded(random, static_cast<std::uint32_t>(gpus)));
    const berth::population_view<std::uint16_t> population{genes.data(), individuals, tasks};
    const auto report = bench::evaluate_on_device(*packed, population, 9, gpus <= 1000);
    if (!report) {
        std::printf("FAILED: %zu x %zu: %s\n", tasks, gpus, report.error().message.c_str());
        ++faults;
        return 0.0;
    }
    std::vector<berth::assignment_value> expected(std::min<std::size_t>(individuals, 256));
    auto host = berth::tiled_evaluator{}.prepare(*packed);
    host.evaluate(berth::population_view<std::uint16_t>{genes.data(), expected.size(), tasks}, expected);
    if (!std::equal(expected.begin(), expected.end(), report->paths[0].values.begin())) {
        std::printf("FAILED: %zu x %zu: values are not those of the host\n", tasks, gpus);
        ++faults;
    }
    double table_seconds = 0.0;
    for (const bench::device_path& path : report->paths) {
        const double best = *std::min_element(path.seconds.begin(), path.seconds.end());
        const bool is_table = &path == report->paths.data();
        if (is_table) table_seconds = best;
        print_row(is_table ? "table" : "features", tasks, gpus, individuals, best, path.roofline,
                  is_table ? bar : bar_of_features, path.layout.c_str());
    }
    return table_seconds;
}

/// Time of a whole generation divided by that of its evaluation.
void breed(std::size_t tasks, std::size_t gpus, std::size_t individuals, double evaluation_seconds) {
    const instance made{tasks, gpus};
    const auto packed = pack_assignments(made.problem());
    berth::lagrangian_bound none;
    none.prices.assign(gpus, 0.0);
    const berth::candidate_lists lists{made.problem(), none, 8};
    auto run = berth::cuda::genetic{{.seed = 1, .population = individuals}}.prepare(*packed, lists, {}, nullptr);
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
    const bool events = cudaEventCreate(&begin) == cudaSuccess && cudaEventCreate(&end) == cudaSuccess;
    if (!run || !events || !run->advance(20, nullptr)) {
        std::printf("FAILED: generations: %s\n", run ? "not queued" : run.error().message.c_str());
        ++faults;
        return;
    }
    constexpr int generations = 100;
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
        (void)cudaEventRecord(begin, nullptr);
        const auto queued = run->advance(generations, nullptr);
        (void)cudaEventRecord(end, nullptr);
        if (!queued || !berth::cuda::wait_for(nullptr)) ++faults;
        float milliseconds = 0.0F;
        (void)cudaEventElapsedTime(&milliseconds, begin, end);
        best = std::min(best, static_cast<double>(milliseconds) / 1000.0 / generations);
    }
    print_row("generation", tasks, gpus, individuals, best, 0.0, 0.0, "");
    if (evaluation_seconds > 0.0) {
        const double ratio = best / evaluation_seconds;
        std::printf("%-16s %.2f times the evaluation alone, bar 2: %s\n", "", ratio, ratio <= 2.0 ? "met" : "MISSED");
    }
}

}  // namespace

int main() {
    if (!berth::cuda::device_available()) {
        std::printf("SKIPPED: no device\n");
        return 77;
    }
    if (const auto device = berth::cuda::describe_device()) {
        std::printf("%s: %zu multiprocessors, %.2f GHz, %.2f TB/s, %zu MiB of second-level cache\n",
                    device->name.c_str(), device->multiprocessors, device->clock / 1e9, device->memory_bandwidth / 1e12,
                    device->second_level_cache >> 20U);
    }
    std::printf("%-16s %7s x %-7s %7s %11s %13s %10s %11s\n", "", "tasks", "GPUs", "indiv.", "us", "genes/s",
                "roofline", "bar");
    const double seconds = evaluate(1000, 100, 8192, 2e11, 1e11);
    breed(1000, 100, 8192, seconds);
    (void)evaluate(10'000, 1000, 8192, 5e10, 0.0);
    (void)evaluate(1000, 100, 65'536, 0.0, 0.0);
    (void)evaluate(8000, 4000, 4096, 0.0, 0.0);
    std::printf(faults == 0 ? "values are those of the host\n" : "%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
