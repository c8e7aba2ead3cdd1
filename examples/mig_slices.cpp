// SPDX-License-Identifier: Apache-2.0
// Slices of a GPU in MIG mode: they start in positions that leave most to come, one moves for a larger one, a
// second GPU is switched to MIG mode as advised, and all leave a sick one.
#include "berth/allocate/mig/mig_board.hpp"
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/mig_modes.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

template <class Engine>
void decide(Engine& engine, double time, const char* what) {
    std::printf("%4.0f s  %s\n", time, what);
    const auto decisions = engine.decide(time);
    if (!decisions) return;
    for (const berth::decision& d : *decisions) std::printf("        %s\n", describe(d, engine).c_str());
}

}  // namespace

int main() {
    // As `nvidia-smi mig -lgip` and `-lgipp` say on the machine: slices of compute and memory, starts, most on a GPU.
    auto board = berth::mig_board::make("A100-80", 7, 8,
                                        {{"1g.10gb", 1, 1, {0, 1, 2, 3, 4, 5, 6}, 7, 9728},
                                         {"2g.20gb", 2, 2, {0, 2, 4}, 3, 19968},
                                         {"3g.40gb", 3, 4, {0, 4}, 2, 40192},
                                         {"4g.40gb", 4, 4, {0}, 1, 40192},
                                         {"7g.80gb", 7, 8, {0}, 1, 80896}});
    if (!board) return 1;
    const auto policies = berth::scheduler_policies<>{}.with_preemption(berth::share_rules{});
    berth::scheduler engine{policies};
    if (!engine.mig_board(std::move(*board))) return 1;
    const std::vector<berth::gpu_description> gpus{{.uuid = "GPU-0", .mig_board = "A100-80"}, {.uuid = "GPU-1"}};
    if (!engine.node(0.0, berth::node_description{.name = "n0", .gpus = gpus})) return 1;

    const auto ask = [&](double time, const char* job, const char* profile) {
        return engine.job(time, {.name = job, .mig_profile = profile}).has_value();
    };
    if (!ask(10.0, "a", "1g.10gb") || !ask(10.0, "b", "1g.10gb") || !ask(10.0, "c", "2g.20gb") ||
        !ask(10.0, "d", "3g.40gb"))
        return 1;
    decide(engine, 10.0, "an order in which the driver's own positions leave none for the last: all four start");

    if (!engine.finish(20.0, "a") || !engine.finish(20.0, "c") || !engine.finish(20.0, "d")) return 1;
    if (!ask(20.0, "e", "4g.40gb")) return 1;
    decide(engine, 20.0, "six slices are free, but b lies where a 4g begins: it moves on its own GPU");

    if (!engine.job(30.0, {.name = "whole"})) return 1;
    decide(engine, 30.0, "a job for a whole GPU: not on the GPU in MIG mode");

    if (!engine.finish(40.0, "whole") || !ask(40.0, "f", "7g.80gb")) return 1;
    decide(engine, 40.0, "a slice that needs a GPU of its own: none in MIG mode is free");
    berth::mig_modes modes{*engine.find_mig_board("A100-80"), ""};  // GPUs of this example name no model
    for (const berth::mig_mode_advice& advice : modes.advise(engine)) {
        if (advice.step != berth::mig_mode_step::slice) continue;
        const berth::slot at = engine.cluster().find(advice.gpu);
        std::printf("        advice: switch %s to MIG mode\n",
                    engine.cluster().uuid(at.node, berth::lowest_gpu(at.gpus)).c_str());
    }

    const std::vector<berth::gpu_description> both{{.uuid = "GPU-0", .mig_board = "A100-80"},
                                                   {.uuid = "GPU-1", .mig_board = "A100-80"}};
    if (!engine.node(60.0, berth::node_description{.name = "n0", .gpus = both})) return 1;
    decide(engine, 60.0, "it is switched");

    if (!engine.finish(70.0, "f") || !engine.health(70.0, {"n0", "GPU-0"}, false)) return 1;
    decide(engine, 70.0, "the first GPU becomes sick");
    return 0;
}
