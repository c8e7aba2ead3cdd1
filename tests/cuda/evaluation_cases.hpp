// SPDX-License-Identifier: Apache-2.0
#pragma once

// Shared by the tests of evaluation on host and device: random problems, and their values from the definition. Without
// doctest, which the machines with devices lack.

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/core/random.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/cuda/assignment_measures.hpp"
#include "berth/cuda/pair_functor.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth_test {

struct evaluation_case {
    std::size_t tasks;
    std::size_t gpus;
    std::size_t individuals;
    std::vector<double> costs;
    std::vector<berth::amount> loads;
    std::vector<berth::amount> capacities;
    std::vector<std::uint32_t> genes;
    std::vector<std::uint32_t> initial;
    std::vector<std::uint32_t> weights;

    evaluation_case(std::uint64_t seed, std::size_t tasks_wanted, std::size_t gpus_wanted,
                    std::size_t individuals_wanted, std::uint32_t most_cost = 100, std::uint32_t most_load = 100)
        : tasks{tasks_wanted}, gpus{gpus_wanted}, individuals{individuals_wanted} {
        berth::xoshiro256 random{seed};
        costs.reserve(tasks * gpus);
        loads.reserve(tasks * gpus);
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            costs.push_back(static_cast<double>(bounded(random, most_cost)) - most_cost / 3);
            loads.push_back(static_cast<berth::amount>(bounded(random, most_load)));
        }
        const std::size_t fair = gpus == 0 ? 0 : (tasks + 1) * most_load / 2 / gpus;
        for (std::size_t g = 0; g < gpus; ++g) {
            capacities.push_back(static_cast<berth::amount>(bounded(random, static_cast<std::uint32_t>(2 * fair + 1))));
        }
        const auto any_gpu = static_cast<std::uint32_t>(gpus);
        for (std::size_t i = 0; i < tasks * individuals; ++i) genes.push_back(bounded(random, any_gpu));
        for (std::size_t t = 0; t < tasks; ++t) {
            const bool runs = bounded(random, 4) > 0;
            initial.push_back(runs ? bounded(random, any_gpu) : berth::no_initial_gpu);
            weights.push_back(bounded(random, 1000));
        }
    }
    [[nodiscard]] auto problem() const {
        return berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                         berth::matrix_load{{loads.data(), tasks, gpus}},
                                         std::span<const berth::amount>{capacities}};
    }
    template <class Gene>
    [[nodiscard]] std::vector<Gene> genes_as() const {
        std::vector<Gene> all;
        all.reserve(genes.size());
        for (const std::uint32_t g : genes) all.push_back(static_cast<Gene>(g));
        return all;
    }
};

struct evaluation_outcome {
    std::vector<berth::assignment_measures> measures;
    std::vector<berth::amount> loads;

    friend bool operator==(const evaluation_outcome&, const evaluation_outcome&) = default;
};

/// From the definitions, with costs and loads as functions of task and GPU.
template <class Cost, class Load>
evaluation_outcome plain_outcome(const evaluation_case& c, const Cost& cost, const Load& load) {
    evaluation_outcome all;
    for (std::size_t i = 0; i < c.individuals; ++i) {
        berth::assignment_measures m;
        std::vector<berth::amount> carried(c.gpus, 0);
        for (std::size_t t = 0; t < c.tasks; ++t) {
            const std::size_t g = c.genes[i * c.tasks + t];
            m.value.cost += cost(t, g);
            carried[g] += load(t, g);
            if (c.initial[t] != berth::no_initial_gpu && c.initial[t] != g) m.moved_weight += c.weights[t];
        }
        for (std::size_t g = 0; g < c.gpus; ++g) {
            m.value.excess += carried[g] > c.capacities[g] ? carried[g] - c.capacities[g] : 0;
            m.largest_load = carried[g] > m.largest_load ? carried[g] : m.largest_load;
            m.least_load = g == 0 || carried[g] < m.least_load ? carried[g] : m.least_load;
            m.squared_loads += static_cast<std::uint64_t>(carried[g]) * static_cast<std::uint64_t>(carried[g]);
        }
        all.measures.push_back(m);
        all.loads.insert(all.loads.end(), carried.begin(), carried.end());
    }
    return all;
}
inline evaluation_outcome plain_outcome(const evaluation_case& c) {
    return plain_outcome(
        c, [&c](std::size_t t, std::size_t g) { return c.costs[t * c.gpus + g]; },
        [&c](std::size_t t, std::size_t g) { return c.loads[t * c.gpus + g]; });
}

/// A cost from features that a device can compute: in whole numbers, so that compilers agree.
struct distance_pair {
    std::int64_t price = 3;

    BERTH_HD berth::pair_units operator()(const float* task, const float* gpu) const noexcept {
        const auto work = static_cast<std::int64_t>(task[0]);
        const auto speed = static_cast<std::int64_t>(gpu[0]);
        const std::int64_t away = work > speed ? work - speed : speed - work;
        return {price * away - static_cast<std::int64_t>(task[1] * gpu[1]), static_cast<std::uint32_t>(away % 17)};
    }
};

struct feature_tables {
    std::vector<float> tasks;  ///< two each
    std::vector<float> gpus;   ///< two each

    explicit feature_tables(const evaluation_case& c) {
        berth::xoshiro256 random{c.tasks * 31 + c.gpus};
        for (std::size_t i = 0; i < 2 * c.tasks; ++i) tasks.push_back(static_cast<float>(bounded(random, 100)));
        for (std::size_t i = 0; i < 2 * c.gpus; ++i) gpus.push_back(static_cast<float>(bounded(random, 100)));
    }
    [[nodiscard]] auto problem(const evaluation_case& c) const {
        return berth::feature_problem{distance_pair{}, berth::matrix_view<const float>{tasks.data(), c.tasks, 2},
                                      berth::matrix_view<const float>{gpus.data(), c.gpus, 2},
                                      std::span<const berth::amount>{c.capacities}, 0.5};
    }
    [[nodiscard]] evaluation_outcome outcome(const evaluation_case& c) const {
        const distance_pair pair;
        return plain_outcome(
            c,
            [&](std::size_t t, std::size_t g) {
                return 0.5 * static_cast<double>(pair(tasks.data() + 2 * t, gpus.data() + 2 * g).cost);
            },
            [&](std::size_t t, std::size_t g) {
                return static_cast<berth::amount>(pair(tasks.data() + 2 * t, gpus.data() + 2 * g).load);
            });
    }
};

}  // namespace berth_test
