// SPDX-License-Identifier: Apache-2.0
// Costs that rise with load: 100 GB of data and 5000 GFLOP on four GPUs of 20 GFLOPS and 300 W. As a whole the task
// goes to the least loaded GPU and takes 250 s; split over the four it takes about a quarter of that, with the same
// energy.
#include "berth/search.hpp"

#include <cstdio>
#include <vector>

int main() {
    const double task[] = {100.0, 5000.0, 0.0};  // GB, GFLOP, GB
    const double gpu[] = {20.0};                 // GFLOPS
    const double watts = 300.0;
    const double seconds = berth::execution_time{}(task, gpu);

    // Loads are thousandths of a GFLOP: the present load of each GPU, and a maximum of 6000 GFLOP.
    const std::vector<berth::load_gpu> gpus{{.max_load = 6'000'000, .load = 1'200'000},
                                            {.max_load = 6'000'000, .load = 80'000},
                                            {.max_load = 6'000'000, .load = 160'000},
                                            {.max_load = 6'000'000, .load = 400'000}};
    const auto model = berth::make_load_cost({{.execution_cost = seconds, .load = 5'000'000}}, gpus);
    if (!model) return std::puts(model.error().message.c_str()), 1;

    berth::load_state state{*model};
    const berth::task_index whole{0};
    berth::gpu_index best{};
    for (std::size_t g = 0; g < gpus.size(); ++g) {
        const berth::gpu_index at{g};
        const bool admitted = state.admits(whole, at);
        std::printf("GPU %zu: load %6.0f GFLOP, cost %8.0f%s\n", g, state.load(at), state.cost(whole, at),
                    admitted ? "" : ", not admitted");
        if (admitted && (!best.valid() || state.cost(whole, at) < state.cost(whole, best))) best = at;
    }
    if (!best.valid()) return std::puts("no GPU takes it"), 1;
    std::printf("whole: on GPU %zu, %.1f s, %.0f kJ\n", best.value(), seconds, seconds * watts / 1000.0);

    const auto split = berth::split_load(5'000'000, berth::split_targets(state, gpu), {.min_piece = 500'000});
    if (!split) return std::puts(split.error().message.c_str()), 1;
    double joules = 0.0;
    for (const berth::load_piece& piece : split->pieces) {
        const double runs = static_cast<double>(piece.load) / 1000.0 / gpu[0];
        joules += runs * watts;
        std::printf("split: %7.1f GFLOP on GPU %zu, runs %.1f s, done after %.1f s\n",
                    static_cast<double>(piece.load) / 1000.0, piece.target, runs, piece.finish / 1000.0);
        state.place(berth::load_task{.load = piece.load}, berth::gpu_index{piece.target});
    }
    std::printf("split: %.0f kJ, %lld left over\n", joules / 1000.0, static_cast<long long>(split->left_over));
}
