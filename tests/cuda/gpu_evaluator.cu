// SPDX-License-Identifier: Apache-2.0
// Populations evaluated on a device equal the definition, bit for bit. Exit code 77: there is no device. With
// BERTH_SMALL in the environment the largest shapes are left out, for tools that make every access slow.
#include "berth/allocate/assignment/batch/packed_problem.hpp"
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/cuda/device.cuh"
#include "berth/cuda/device_buffer.cuh"
#include "berth/cuda/evaluator.cuh"

#include "cuda/evaluation_cases.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

namespace {

using namespace berth_test;

int faults = 0;

void expect(bool ok, const char* what) {
    if (ok) return;
    std::printf("FAILED: %s\n", what);
    ++faults;
}

const char* name_of(berth::evaluation_layout layout) {
    switch (layout) {
        case berth::evaluation_layout::few_gpus: return "few GPUs";
        case berth::evaluation_layout::many_gpus: return "many GPUs";
        case berth::evaluation_layout::large_table: return "large table";
    }
    return "?";
}

/// Values, measures and loads of the population of a case, from a device.
template <berth::gene Gene, class State>
void compare(const char* what, State& state, const evaluation_case& c, const evaluation_outcome& expected) {
    const std::vector<Gene> genes = c.genes_as<Gene>();
    cudaStream_t stream = nullptr;
    expect(cudaStreamCreate(&stream) == cudaSuccess, "a stream");
    auto on_device = berth::cuda::to_device<Gene>(genes, stream);
    auto values = berth::cuda::device_buffer<berth::assignment_value>::allocate(c.individuals);
    auto measures = berth::cuda::device_buffer<berth::assignment_measures>::allocate(c.individuals);
    auto loads = berth::cuda::device_buffer<berth::amount>::allocate(c.individuals * c.gpus);
    if (!on_device || !values || !measures || !loads) return expect(false, "memory of the device");
    const berth::population_view<Gene> population{on_device->data(), c.individuals, c.tasks};
    evaluation_outcome outcome{std::vector<berth::assignment_measures>(c.individuals),
                               std::vector<berth::amount>(c.individuals * c.gpus)};
    std::vector<berth::assignment_value> said_values(c.individuals);
    for (int round = 0; round < 2; ++round) {
        expect(state.evaluate(population, values->span(), {}, stream).has_value(), "an evaluation is queued");
        expect(state
                   .measure(population, measures->span(),
                            berth::matrix_view<berth::amount>{loads->data(), c.individuals, c.gpus}, stream)
                   .has_value(),
               "measures are queued");
        expect(values->download(said_values, stream).has_value(), "values come back");
        expect(measures->download(outcome.measures, stream).has_value(), "measures come back");
        expect(loads->download(outcome.loads, stream).has_value(), "loads come back");
        const auto done = berth::cuda::wait_for(stream);
        if (!done) std::printf("%s\n", done.error().message.c_str());
        expect(done.has_value(), "the kernels end well");
        bool same = outcome == expected;
        for (std::size_t i = 0; i < c.individuals; ++i) same = same && said_values[i] == expected.measures[i].value;
        expect(same, what);
    }
    const auto& shape = state.template shape<Gene>();
    std::printf("%-10s %5zu tasks, %5zu GPUs, %5zu individuals, %zu-bit genes: %s, %u individuals a block, loads %s\n",
                what, c.tasks, c.gpus, c.individuals, 8 * sizeof(Gene), name_of(shape.layout), shape.individuals,
                shape.loads_shared ? "shared" : "in memory");
    (void)cudaStreamDestroy(stream);
}

void compare_tables(const evaluation_case& c) {
    const evaluation_outcome expected = plain_outcome(c);
    for (const bool narrow : {true, false}) {
        const auto packed = pack_assignments(c.problem(), {.narrow_words = narrow});
        if (!packed) return expect(false, packed.error().message.c_str());
        const berth::cuda::evaluator evaluator{.individuals = c.individuals};
        auto state = evaluator.prepare(*packed, nullptr, {c.initial, c.weights});
        if (!state) return expect(false, state.error().message.c_str());
        const char* what = narrow ? "table" : "wide table";
        if (packed->gene_bits() == 16) compare<std::uint16_t>(what, *state, c, expected);
        compare<std::uint32_t>(what, *state, c, expected);
    }
}

void compare_features(const evaluation_case& c) {
    const feature_tables tables{c};
    auto state = berth::cuda::evaluator{.individuals = 100}.prepare(tables.problem(c), nullptr, {c.initial, c.weights});
    if (!state) return expect(false, state.error().message.c_str());
    compare<std::uint16_t>("features", *state, c, tables.outcome(c));
}

/// A user's kernel with one thread for each individual.
__global__ void evaluate_alone(berth::evaluation_ref<std::uint32_t> problem, const std::uint16_t* genes,
                               std::size_t individuals, std::uint32_t* scratch, berth::assignment_value* values) {
    const std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x;
    if (i < individuals) values[i] = problem.value_of(genes + i * problem.tasks(), scratch + i, individuals);
}

void use_ref(const evaluation_case& c) {
    const auto packed = pack_assignments(c.problem());
    const auto state = berth::cuda::evaluator{}.prepare(*packed);
    const auto genes = berth::cuda::to_device<std::uint16_t>(c.genes_as<std::uint16_t>(), nullptr);
    auto scratch = berth::cuda::device_buffer<std::uint32_t>::allocate(c.individuals * c.gpus);
    auto values = berth::cuda::device_buffer<berth::assignment_value>::allocate(c.individuals);
    if (!state || !genes || !scratch || !values) return expect(false, "memory of the device");
    evaluate_alone<<<static_cast<unsigned>(c.individuals / 64 + 1), 64>>>(
        state->ref<std::uint32_t>(), genes->data(), c.individuals, scratch->data(), values->data());
    std::vector<berth::assignment_value> outcome(c.individuals);
    expect(values->download(outcome, nullptr).has_value() && berth::cuda::wait_for(nullptr).has_value(),
           "a user's kernel");
    const evaluation_outcome expected = plain_outcome(c);
    for (std::size_t i = 0; i < c.individuals; ++i)
        expect(outcome[i] == expected.measures[i].value, "a user's kernel agrees");
}

}  // namespace

int main() {
    if (!berth::cuda::device_available()) {
        std::printf("SKIPPED: no device\n");
        return 77;
    }
    const bool small = std::getenv("BERTH_SMALL") != nullptr;
    compare_tables({1, 1000, 100, small ? 70U : 1000U});
    compare_tables({2, 1, 1, 1});
    compare_tables({3, 257, 1, 33});
    compare_tables({4, 129, 37, small ? 193U : 8193U});
    compare_tables({5, 1001, 1000, 301});
    compare_tables({6, 9, 65'535, 40});
    compare_tables({7, 300, 100, 0});
    compare_tables({8, 63, 5000, 131});
    compare_tables({9, 3, 70'000, 17});
    compare_tables({10, 4001, 17, 129});
    if (!small)
        compare_tables({11, 1500, 9001, 20});  // 54 MB or more: larger than the second-level cache of most devices
    compare_tables({12, 77, 13, 45, 4'000'000'000U, 4'000'000'000U});
    compare_features({13, 1000, 100, small ? 70U : 1000U});
    compare_features({14, 333, 3001, 77});
    compare_features({15, 65, 60'001, 9});
    use_ref({16, 101, 21, 300});

    const evaluation_case c{17, 10, 3, 1};
    const auto packed = pack_assignments(c.problem());
    const std::vector<std::uint32_t> short_list(9, 0);
    const auto refused = berth::cuda::evaluator{}.prepare(*packed, nullptr, {short_list, {}});
    expect(!refused && refused.error().code == berth::error_code::inconsistent,
           "a placement of other tasks is refused");
    // The refused allocation is an error to a tool that watches calls.
    const auto too_much =
        small ? berth::result<berth::cuda::device_buffer<double>>{berth::error{berth::error_code::limit_exceeded, ""}}
              : berth::cuda::device_buffer<double>::allocate(std::size_t{1} << 50U);
    expect(!too_much && too_much.error().code == berth::error_code::limit_exceeded, "too little memory is an error");
    expect(berth::cuda::evaluator{}.prepare(*packed).has_value(), "and leaves the device usable");
    std::printf(faults == 0 ? "all values are those of the host\n" : "%d faults\n", faults);
    return faults == 0 ? 0 : 1;
}
