// SPDX-License-Identifier: Apache-2.0
//
// The cost of a genetic algorithm besides the evaluation of its individuals: 1000 tasks on 100 GPUs, one thread.
//
//   scalar_evaluation   evaluation alone, hand-written: one individual after the other, cost and demand tables of
//                       float. The baseline of the others
//   textbook            the whole loop of textbook_genetic: selection, crossover, mutation, evaluation, replacement
//   textbook_one_point  the same with one-point crossover
//   operators           the same without evaluation
//
// items_per_second are individuals.

#include "berth/allocate/genetic/genetic.hpp"
#include "berth/berth.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

constexpr std::size_t tasks = 1000;
constexpr std::size_t gpus = 100;

/// Costs and loads of type C: loads 5..25, costs 10..50, capacities of four fifths of an even share.
struct instance {
    std::vector<double> costs;
    std::vector<berth::amount> loads;
    std::vector<berth::amount> capacities;
    std::vector<float> float_costs;
    std::vector<float> float_loads;
    std::unique_ptr<berth::priced_problem> priced;

    instance() {
        berth::xoshiro256 random{1};
        capacities.assign(gpus, 0);
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            loads.push_back(5 + berth::bounded(random, 21));
            costs.push_back(10 + berth::bounded(random, 41));
            capacities[i % gpus] += loads.back();
            float_costs.push_back(static_cast<float>(costs.back()));
            float_loads.push_back(static_cast<float>(loads.back()));
        }
        for (berth::amount& c : capacities) c = c * 8 / 10 / static_cast<berth::amount>(gpus);
        const berth::assignment_problem p{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                          berth::matrix_load{{loads.data(), tasks, gpus}},
                                          std::span<const berth::amount>{capacities}};
        priced = std::make_unique<berth::priced_problem>(p, berth::pricing_options{.bound = {.max_iterations = 50}});
    }
};
const instance& problem() {
    static const instance made;
    return made;
}

void scalar_evaluation(benchmark::State& state) {
    const instance& p = problem();
    const auto population = static_cast<std::size_t>(state.range(0));
    berth::xoshiro256 random{7};
    std::vector<std::uint32_t> genes;
    for (std::size_t i = 0; i < population * tasks; ++i) genes.push_back(berth::bounded(random, gpus));
    std::vector<float> load(gpus);
    std::vector<float> values(population);
    for (auto _ : state) {
        for (std::size_t i = 0; i < population; ++i) {
            load.assign(gpus, 0.0F);
            float cost = 0.0F;
            for (std::size_t t = 0; t < tasks; ++t) {
                const std::size_t at = t * gpus + genes[i * tasks + t];
                cost += p.float_costs[at];
                load[genes[i * tasks + t]] += p.float_loads[at];
            }
            float excess = 0.0F;
            for (std::size_t g = 0; g < gpus; ++g) {
                const float over = load[g] - static_cast<float>(p.capacities[g]);
                excess += over > 0.0F ? over : 0.0F;
            }
            values[i] = cost + 100.0F * excess;
        }
        benchmark::DoNotOptimize(values.data());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(population));
}

template <class Genetic>
void generations(benchmark::State& state, Genetic genetic) {
    genetic.population = static_cast<std::size_t>(state.range(0));
    auto run = genetic.start(*problem().priced);
    for (std::size_t i = 0; i < genetic.population; ++i) run.step();
    const std::uint64_t before = run.evaluations();
    for (auto _ : state) run.step();
    state.SetItemsProcessed(static_cast<std::int64_t>(run.evaluations() - before));
}

/// Gives every individual the same value.
struct no_evaluation {
    struct state {
        template <class Population, class... Loads>
        void evaluate(Population, std::span<berth::assignment_value> values, Loads...) const {
            for (std::size_t i = 0; i < values.size(); ++i) values[i] = {static_cast<double>(i), 0};
        }
    };
    [[nodiscard]] state prepare(const berth::packed_problem&) const { return {}; }
};

void textbook(benchmark::State& state) { generations(state, berth::textbook_genetic{}); }
void textbook_one_point(benchmark::State& state) {
    generations(state, berth::textbook_genetic{}.with_crossover(berth::one_point{}));
}
void operators(benchmark::State& state) {
    generations(state, berth::textbook_genetic{}.with_evaluator(no_evaluation{}));
}

BENCHMARK(scalar_evaluation)->Arg(200)->Arg(1024)->Unit(benchmark::kMillisecond);
BENCHMARK(textbook)->Arg(200)->Arg(1024)->Unit(benchmark::kMillisecond);
BENCHMARK(textbook_one_point)->Arg(1024)->Unit(benchmark::kMillisecond);
BENCHMARK(operators)->Arg(200)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
