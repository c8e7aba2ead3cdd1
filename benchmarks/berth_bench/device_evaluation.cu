// SPDX-License-Identifier: Apache-2.0
#include "berth/core/random.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/evaluator.cuh"

#include "berth_bench/device_evaluation.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

/// A cost in whole numbers from eight features of a task and eight of a GPU, about the work of the article's cost
/// model.
struct eight_features {
    static constexpr std::size_t width = 8;

    BERTH_HD berth::pair_units operator()(const float* task, const float* gpu) const noexcept {
        float cost = 0.0F;
        for (std::size_t i = 0; i < width; ++i) cost += task[i] * gpu[i];
        return {static_cast<std::int64_t>(static_cast<int>(cost)), static_cast<std::uint32_t>(task[0] + gpu[0])};
    }
};

/// Upper bound of genes per second from the bytes that one evaluation moves and the bandwidth of the device. Per clock
/// and multiprocessor: one pass through shared memory (32 banks), and 24 bytes of the second-level cache, which is 5.5
/// TB/s on an H200.
double roofline(const berth::cuda::device_description& d, const berth::detail::evaluation::evaluation_shape& s,
                std::size_t gene_bytes, std::size_t gpus, std::size_t individuals, std::size_t word_bytes,
                bool in_table) {
    const double clocks = static_cast<double>(d.multiprocessors) * d.clock;
    if (clocks == 0.0 || d.memory_bandwidth == 0.0) return 0.0;
    double seconds = static_cast<double>(gene_bytes) / d.memory_bandwidth;  // of a gene
    if (s.layout == berth::evaluation_layout::few_gpus) {
        // A read of a random word conflicts with 3.4 others in its bank; reads and writes of loads do not conflict.
        const double passes = (in_table ? 3.4 : 0.0) + 2.0;
        seconds = std::max(seconds, passes / 32.0 / clocks);
        if (in_table) {
            const double row = static_cast<double>(gpus * word_bytes) / static_cast<double>(s.individuals);
            seconds = std::max(seconds, row / (24.0 * clocks));
        }
    } else if (in_table) {
        seconds = std::max(seconds, 32.0 / (24.0 * clocks));  // a sector for every read
        if (s.layout == berth::evaluation_layout::large_table) {
            const double row = static_cast<double>(gpus * word_bytes) / static_cast<double>(individuals);
            seconds += row / d.memory_bandwidth;
        }
    }
    return 1.0 / seconds;
}

std::string layout_of(const berth::detail::evaluation::evaluation_shape& s) {
    const char* name = "few GPUs";
    if (s.layout == berth::evaluation_layout::many_gpus) name = "many GPUs";
    if (s.layout == berth::evaluation_layout::large_table) name = "large table";
    return std::string{name} + ", " + std::to_string(s.individuals) + " x " + std::to_string(s.parts) + " threads";
}

/// Rounds of one state, timed by the device; several evaluations a round, so that launches overlap with kernels.
template <class Gene, class State>
berth::result<device_path> time_state(const char* name, State& state, const berth::cuda::device_description& device,
                                      berth::population_view<Gene> population, std::size_t rounds,
                                      std::size_t word_bytes, bool in_table) {
    namespace cuda = berth::cuda;
    constexpr int evaluations = 10;
    auto values = cuda::device_buffer<berth::assignment_value>::allocate(population.rows());
    if (!values) return values.error();
    cudaEvent_t begin = nullptr;
    cudaEvent_t end = nullptr;
    if (const auto status = cudaEventCreate(&begin); status != cudaSuccess) return cuda::failure(status, {"an event"});
    if (const auto status = cudaEventCreate(&end); status != cudaSuccess) return cuda::failure(status, {"an event"});
    device_path path;
    path.name = name;
    const auto& shape = state.template shape<Gene>();
    path.layout = layout_of(shape);
    path.roofline = roofline(device, shape, sizeof(Gene), state.gpus(), population.rows(), word_bytes, in_table);
    for (std::size_t round = 0; round <= rounds; ++round) {
        (void)cudaEventRecord(begin, nullptr);
        for (int i = 0; i < evaluations; ++i) {
            if (auto ok = state.evaluate(population, values->span()); !ok) return ok.error();
        }
        (void)cudaEventRecord(end, nullptr);
        if (auto ok = cuda::wait_for(nullptr); !ok) return ok.error();
        float milliseconds = 0.0F;
        (void)cudaEventElapsedTime(&milliseconds, begin, end);
        if (round > 0) path.seconds.push_back(std::max(1e-9, static_cast<double>(milliseconds) / 1000.0 / evaluations));
    }
    path.values.resize(population.rows());
    if (auto ok = values->download(path.values, nullptr); !ok) return ok.error();
    if (auto ok = cuda::wait_for(nullptr); !ok) return ok.error();
    (void)cudaEventDestroy(begin);
    (void)cudaEventDestroy(end);
    return path;
}

}  // namespace

berth::result<std::string> device_name() {
    const auto device = berth::cuda::describe_device();
    if (!device) return berth::error{device.error().code, "there is no device to use: " + device.error().message};
    return device->name;
}

template <class Gene>
berth::result<device_report> evaluate_on_device(const berth::packed_problem& packed,
                                                berth::population_view<Gene> population, std::size_t rounds,
                                                bool features) {
    namespace cuda = berth::cuda;
    const auto device = cuda::describe_device();
    if (!device) return device.error();
    device_report report;
    report.device = device->name;
    const std::size_t count = population.rows() * population.cols();
    const auto genes = cuda::to_device(std::span<const Gene>{population.data(), count}, nullptr);
    if (!genes) return genes.error();
    const berth::population_view<Gene> there{genes->data(), population.rows(), population.cols()};

    const cuda::evaluator evaluator{.individuals = population.rows()};
    auto state = evaluator.prepare(packed);
    if (!state) return state.error();
    auto table = time_state<Gene>("cuda", *state, *device, there, rounds, packed.word_bits() / 8, true);
    if (!table) return table.error();
    report.paths.push_back(std::move(*table));
    if (!features) return report;

    std::vector<float> of_tasks(packed.tasks() * eight_features::width);
    std::vector<float> of_gpus(packed.gpus() * eight_features::width);
    berth::xoshiro256 random{1};
    for (float& f : of_tasks) f = static_cast<float>(1 + bounded(random, 9));
    for (float& f : of_gpus) f = static_cast<float>(1 + bounded(random, 9));
    const berth::feature_problem problem{
        eight_features{}, berth::matrix_view<const float>{of_tasks.data(), packed.tasks(), eight_features::width},
        berth::matrix_view<const float>{of_gpus.data(), packed.gpus(), eight_features::width}, packed.capacities()};
    auto computed = evaluator.prepare(problem);
    if (!computed) return computed.error();
    auto path = time_state<Gene>("cuda features", *computed, *device, there, rounds, 4, false);
    if (!path) return path.error();
    path->values.clear();  // another problem
    report.paths.push_back(std::move(*path));
    return report;
}

template berth::result<device_report> evaluate_on_device<std::uint16_t>(const berth::packed_problem&,
                                                                        berth::population_view<std::uint16_t>,
                                                                        std::size_t, bool);
template berth::result<device_report> evaluate_on_device<std::uint32_t>(const berth::packed_problem&,
                                                                        berth::population_view<std::uint32_t>,
                                                                        std::size_t, bool);

}  // namespace bench
