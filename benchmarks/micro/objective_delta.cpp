// SPDX-License-Identifier: Apache-2.0
//
// The cost of composition in a search: the deltas of assignment cost and load over capacity for random moves, from a
// composed objective and from a hand-written loop for these two terms (the same algorithm). 1000 tasks, 100 bare GPUs
// (a node each), the same tables, the same moves. Both must agree on every move before they are timed.

#include "berth/berth.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t tasks = 1000;
constexpr std::size_t gpus = 100;

/// A task and a target GPU.
struct candidate_move {
    std::uint32_t task;
    std::uint32_t gpu;
};

struct tables {
    std::vector<float> costs;
    std::vector<std::int32_t> loads;
    std::vector<berth::amount> capacities;
    std::vector<std::uint32_t> start;
    std::vector<candidate_move> moves;
};

const tables& input() {
    static const tables made = [] {
        tables all;
        berth::xoshiro256 g{1};
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            all.costs.push_back(static_cast<float>(1 + berth::bounded(g, 100)));
            all.loads.push_back(static_cast<std::int32_t>(1 + berth::bounded(g, 100)));
        }
        all.capacities.assign(gpus, 510);  // the mean load of a random assignment is 505
        for (std::size_t t = 0; t < tasks; ++t) all.start.push_back(berth::bounded(g, gpus));
        for (std::size_t i = 0; i < (std::size_t{1} << 16U); ++i) {
            const std::uint32_t task = berth::bounded(g, tasks);
            const std::uint32_t gpu = berth::bounded(g, gpus);
            all.moves.push_back({task, gpu});
        }
        return all;
    }();
    return made;
}

// ---- by hand --------------------------------------------------------------------------------------------------------

struct change {
    double excess;
    double cost;
};

class hand_written {
public:
    explicit hand_written(const tables& input) : input_{&input}, gpu_of_{input.start}, load_(gpus, 0) {
        for (std::size_t t = 0; t < tasks; ++t) load_[gpu_of_[t]] += input.loads[t * gpus + gpu_of_[t]];
    }
    [[nodiscard]] change delta(const candidate_move& m) const {
        const std::size_t row = std::size_t{m.task} * gpus;
        const std::size_t from = gpu_of_[m.task];
        const std::size_t to = m.gpu;
        if (from == to) return {0.0, 0.0};
        const double cost =
            static_cast<double>(input_->costs[row + to]) - static_cast<double>(input_->costs[row + from]);
        const berth::amount excess = over(to, load_[to] + input_->loads[row + to]) - over(to, load_[to]) +
                                     over(from, load_[from] - input_->loads[row + from]) - over(from, load_[from]);
        return {static_cast<double>(excess), cost};
    }

private:
    [[nodiscard]] berth::amount over(std::size_t g, berth::amount load) const {
        const berth::amount more = load - input_->capacities[g];
        return more > 0 ? more : 0;
    }

    const tables* input_;
    std::vector<std::uint32_t> gpu_of_;
    std::vector<berth::amount> load_;
};

// ---- composed -------------------------------------------------------------------------------------------------------

struct table_cost {
    const float* costs;
    double operator()(berth::task_index t, berth::gpu_index g) const {
        return static_cast<double>(costs[t.value() * gpus + g.value()]);
    }
};
struct table_load {
    const std::int32_t* loads;
    berth::amount operator()(berth::task_index t, berth::gpu_index g) const {
        return loads[t.value() * gpus + g.value()];
    }
};

struct bare_gpus {
    berth::fleet machines = [] {
        berth::fleet_builder builder;
        const berth::gpu_description gpu{};
        for (std::size_t g = 0; g < gpus; ++g) {
            if (!builder.add_node({.gpus = {&gpu, 1}})) std::exit(2);
        }
        return std::move(builder).build().value();
    }();
    berth::workload work = [this] {
        berth::workload_builder builder{machines};
        for (std::size_t t = 0; t < tasks; ++t) {
            if (!builder.add_task({.gpus = 1})) std::exit(2);
        }
        return std::move(builder).build().value();
    }();
};

berth::slot on(std::size_t gpu) { return {berth::node_index{gpu}, 1}; }

auto composed_state() {
    static const bare_gpus bare;
    berth::assignment start;
    for (const std::uint32_t g : input().start) start.push_back(on(g));
    const berth::objective wish{
        berth::tier(berth::gpu_load_sum{table_load{input().loads.data()}, berth::over_limit{input().capacities}}),
        berth::tier(berth::assignment_cost_term{table_cost{input().costs.data()}})};
    return wish.prepare(berth::problem{bare.machines, bare.work}, start);
}

// ---- timing ---------------------------------------------------------------------------------------------------------

/// The sum of all deltas, in registers.
template <class Delta>
void ask_all(benchmark::State& state, const Delta& delta) {
    const std::span<const candidate_move> moves = input().moves;
    for (auto _ : state) {
        double excess = 0.0;
        double cost = 0.0;
        for (const candidate_move& m : moves) {
            const auto [more_excess, more_cost] = delta(m);
            excess += more_excess;
            cost += more_cost;
        }
        benchmark::DoNotOptimize(excess + cost);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(moves.size()));
}

void delta_by_hand(benchmark::State& state) {
    const hand_written hand{input()};
    ask_all(state, [&](const candidate_move& m) { return hand.delta(m); });
}

void delta_composed(benchmark::State& state) {
    const auto composed = composed_state();
    ask_all(state, [&](const candidate_move& m) {
        const auto c = composed.delta(composed.to(berth::task_index{m.task}, on(m.gpu)));
        return change{c[0], c[1]};
    });
}

BENCHMARK(delta_by_hand)->Unit(benchmark::kMicrosecond);
BENCHMARK(delta_composed)->Unit(benchmark::kMicrosecond);

/// Checks that the two agree.
const bool agree = [] {
    const hand_written hand{input()};
    const auto composed = composed_state();
    for (const candidate_move& m : input().moves) {
        const change by_hand = hand.delta(m);
        const auto c = composed.delta(composed.to(berth::task_index{m.task}, on(m.gpu)));
        if (c[0] != by_hand.excess || c[1] != by_hand.cost) {
            std::fprintf(stderr, "objective_delta: task %u to GPU %u is valued differently\n", m.task, m.gpu);
            std::exit(1);
        }
    }
    return true;
}();

}  // namespace
