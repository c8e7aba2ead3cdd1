// SPDX-License-Identifier: Apache-2.0
// Two teams share sixteen GPUs: one borrows what the other leaves idle, and gives it back when the other comes, with the numbers of
// each decision.
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstdio>
#include <string>
#include <vector>

namespace {

using engine_type = berth::scheduler<decltype(berth::scheduler_policies<>{}.with_preemption(berth::share_rules{}))>;

void decide(engine_type& engine, double time, const char* what) {
    std::printf("%4.0f s  %s\n", time, what);
    const auto decisions = engine.decide(time);
    if (!decisions) return;
    for (const berth::decision& d : *decisions) std::printf("        %s\n", describe(d, engine).c_str());
}

bool submit(engine_type& engine, double time, const std::string& name, const char* queue, std::size_t gpus,
            std::size_t tasks = 1, std::size_t least = 0) {
    const auto job = engine.job(
        time, {.name = name, .task_count = tasks, .min_tasks = least, .gpus = gpus, .terms = {.queue = queue}});
    if (!job) std::printf("%s\n", job.error().message.c_str());
    return job.has_value();
}

}  // namespace

int main() {
    engine_type engine{berth::scheduler_policies<>{}.with_preemption(berth::share_rules{})};
    const std::vector<berth::gpu_description> gpus(8);
    for (const char* node : {"n0", "n1"}) {
        if (!engine.node(0.0, berth::node_description{.name = node, .gpus = gpus})) return 1;
    }
    const berth::queue_amount half[] = {{"gpu", 8000}};  // thousandths of GPUs
    if (!engine.queue(0.0, {.name = "vision", .quota = half})) return 1;
    if (!engine.queue(0.0, {.name = "speech", .quota = half})) return 1;

    for (int i = 0; i < 3; ++i) {
        if (!submit(engine, 10.0, "vision-" + std::to_string(i), "vision", 4)) return 1;
    }
    // Two to four workers of one GPU: two start, the others come as there is room.
    if (!submit(engine, 10.0, "sweep", "vision", 1, 4, 2)) return 1;
    decide(engine, 10.0, "only vision has jobs: it runs on all sixteen GPUs, eight of them borrowed");

    if (!submit(engine, 60.0, "speech-0", "speech", 2)) return 1;
    decide(engine, 60.0, "speech comes for two: the workers that vision can spare go first, one by one");

    if (!submit(engine, 90.0, "speech-1", "speech", 4)) return 1;
    decide(engine, 90.0, "and for four: a whole job of vision has to wait");

    if (!submit(engine, 120.0, "speech-2", "speech", 4)) return 1;
    decide(engine, 120.0, "for four more it is not due: ten are above its half, and vision wants its own half");
    return 0;
}
