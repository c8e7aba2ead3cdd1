// SPDX-License-Identifier: Apache-2.0
// A task of 100 GB and 5,000 GFLOP on four GPUs of 20 GFLOPS and 300 W that are busy already: a small task goes to the
// least loaded GPU, the large one is split over all four, and when one of them turns out to be the bottleneck, its
// piece moves to another.
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/cost/divisible/split.hpp"
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

int main() {
    constexpr double gflops = 20.0, watts = 300.0, work = 5000.0;
    constexpr berth::amount gigabytes = 100;
    const auto policies =
        berth::scheduler_policies<>{}.with_placement(berth::greedy{berth::worst_fit{}, berth::loosest_gpu{}});
    berth::scheduler engine{policies, {.gpu = {"share", "memory"}, .node = {}}};
    for (const char* name : {"gpu-0", "gpu-1", "gpu-2", "gpu-3"}) {
        const berth::amount capacity[] = {1000, 80};  // thousandths of the GPU, GB
        const berth::gpu_description gpu[] = {{.model = "A100", .capacity = capacity, .uuid = name}};
        if (!engine.node(0.0, berth::node_description{.name = name, .gpus = gpu})) return 1;
    }
    const auto decide = [&](double now) {
        const auto decisions = engine.decide(now);
        for (const berth::decision& d : *decisions) std::printf("%4.0f s  %s\n", now, describe(d, engine).c_str());
        return decisions->size();
    };

    // What runs there already: 60, 10, 30 and 40 % of a GPU.
    const int busy[] = {600, 100, 300, 400};
    for (int g = 0; g < 4; ++g) {
        const berth::amount share[] = {busy[g], 10};
        const std::string name = "other-" + std::to_string(g), node = "gpu-" + std::to_string(g);
        const std::string_view gpus[] = {node};
        if (!engine.job(0.0, {.name = name, .gpu_demand = share})) return 1;
        if (!engine.running(0.0, name, 0, node, gpus)) return 1;
    }
    // A small task: the least loaded GPU is gpu-1.
    const berth::amount little[] = {100, 5};
    if (!engine.job(0.0, {.name = "small", .gpu_demand = little})) return 1;
    (void)decide(0.0);

    // The large one, in pieces that end at the same time.
    std::vector<berth::split_target> targets(4, {.speed = gflops});
    const auto split = berth::split_load(static_cast<berth::amount>(1000.0 * work), targets);
    if (!split) return std::printf("%s\n", split.error().message.c_str()), 1;
    const double alone = work / gflops, together = split->finish / 1000.0;
    std::printf("one GPU: %.1f s and %.0f kJ; split over %zu: %.1f s and %.0f kJ\n", alone, watts * alone / 1000.0,
                split->pieces.size(), together, watts * together * static_cast<double>(split->pieces.size()) / 1000.0);
    const berth::amount piece[] = {400, gigabytes / static_cast<berth::amount>(split->pieces.size())};
    if (!engine.job(
            1.0,
            {.name = "large", .task_count = split->pieces.size(), .gpu_demand = piece, .terms = {.work = together}}))
        return 1;
    (void)decide(1.0);

    // A piece shares its GPU with what is too much for it: that GPU is the bottleneck of all four.
    (void)engine.threshold(20.0, {.load = 0.95});
    (void)engine.reading(20.0, {"gpu-0", "gpu-0"}, {.load = 1.0});
    const std::size_t moves = decide(20.0);
    (void)engine.finish(70.0, "large");
    return moves == 1 ? 0 : 1;
}
