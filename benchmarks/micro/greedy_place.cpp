// SPDX-License-Identifier: Apache-2.0
//
// Placements per second of the greedy policies that matter most, on the project's openb trace in its golden order: best
// fit, FGD and scarcity, beside FGD as a plain loop that scores every node at every arrival. The loop's placements are
// compared with those of `fgd`. Preparation is outside the clock.

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/allocate/greedy/tie_break.hpp"

#include "berth_bench/naive_fgd.hpp"
#include "support/openb.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

template <class T>
T or_exit(berth::result<T> read) {
    if (read) return *std::move(read);
    std::fprintf(stderr, "greedy_place: %s\n", read.error().message.c_str());
    std::exit(2);
}

const bench::experiment& trace() {
    static const bench::experiment input = [] {
        const std::string folder = std::string{BERTH_DATA_DIR} + "/openb/";
        const auto nodes = or_exit(bench::read_openb_nodes(folder + "openb_node_list_gpu_node.csv"));
        const auto pods = or_exit(bench::read_openb_pods(folder + "openb_pod_list_default.csv"));
        const auto order =
            or_exit(bench::read_order(folder + "orders/order_default_42.txt", pods.pods.size(), nodes.nodes.size()));
        return or_exit(bench::make_experiment(nodes, pods, order));
    }();
    return input;
}

template <class Placer>
void place_trace(Placer& placer, std::vector<berth::slot>& slots) {
    const auto& arrivals = trace().arrivals;
    for (std::size_t i = 0; i < arrivals.size(); ++i) slots[i] = placer.place(arrivals[i]);
}

/// Places the whole trace in each iteration, on a fleet that is empty again.
/// @param start  makes a placer
template <class Start>
std::vector<berth::slot> place_again(benchmark::State& state, const Start& start) {
    std::vector<berth::slot> slots(trace().arrivals.size());
    for (auto _ : state) {
        state.PauseTiming();
        {
            auto placer = start();
            state.ResumeTiming();
            place_trace(placer, slots);
            benchmark::DoNotOptimize(slots.data());
            state.PauseTiming();
        }
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(slots.size()));
    return slots;
}

template <class Score, class GpuSelection>
auto policy(Score score, GpuSelection selection) {
    return berth::greedy{score, selection, berth::priority_order{trace().priorities}};
}

void place_best_fit(benchmark::State& state) {
    const auto best_fit = policy(berth::best_fit{}, berth::tightest_gpu{});
    place_again(state, [&] { return best_fit.start(trace().problem()); });
}

void place_fgd(benchmark::State& state) {
    const auto fgd = policy(berth::fgd{}, berth::best_scored_gpu{});
    place_again(state, [&] { return fgd.start(trace().problem()); });
}

void place_scarcity(benchmark::State& state) {
    const auto scarcity = policy(berth::scarcity{}, berth::best_scored_gpu{});
    place_again(state, [&] { return scarcity.start(trace().problem()); });
}

void place_fgd_naive(benchmark::State& state) {
    const auto slots = place_again(state, [] { return bench::naive_fgd{trace()}; });
    std::vector<berth::slot> by_fgd(slots.size());
    auto placer = policy(berth::fgd{}, berth::best_scored_gpu{}).start(trace().problem());
    place_trace(placer, by_fgd);
    if (slots != by_fgd) state.SkipWithError("fgd and the plain loop place differently");
}

BENCHMARK(place_best_fit)->Unit(benchmark::kMillisecond);
BENCHMARK(place_fgd)->Unit(benchmark::kMillisecond);
BENCHMARK(place_scarcity)->Unit(benchmark::kMillisecond);
BENCHMARK(place_fgd_naive)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
