// SPDX-License-Identifier: Apache-2.0
// Who leaves for an important job, and who does not: priorities inside a queue, jobs that may not be stopped, a job too small to
// help, and one that moves instead.
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <cstdio>
#include <vector>

namespace {

using engine_type = berth::scheduler<decltype(berth::scheduler_policies<>{}.with_preemption(berth::share_rules{}))>;

void decide(engine_type& engine, double time, const char* what) {
    std::printf("%4.0f s  %s\n", time, what);
    const auto decisions = engine.decide(time);
    if (!decisions) return;
    for (const berth::decision& d : *decisions) std::printf("        %s\n", describe(d, engine).c_str());
}

}  // namespace

int main() {
    engine_type engine{berth::scheduler_policies<>{}.with_preemption(berth::share_rules{})};
    const std::vector<berth::gpu_description> four(4);
    for (const char* node : {"n0", "n1"}) {
        if (!engine.node(0.0, berth::node_description{.name = node, .gpus = four})) return 1;
    }
    const berth::queue_amount all[] = {{"gpu", 8000}};
    if (!engine.queue(0.0, {.name = "lab", .quota = all})) return 1;
    const auto submit = [&](double time, const char* name, std::size_t gpus, int priority, bool preemptible = true) {
        const auto job = engine.job(
            time,
            {.name = name, .gpus = gpus, .priority = priority, .terms = {.preemptible = preemptible, .queue = "lab"}});
        if (!job) std::printf("%s\n", job.error().message.c_str());
        return job.has_value();
    };
    if (!submit(0.0, "notebook", 1, 1) || !submit(0.0, "train", 3, 7) || !submit(0.0, "batch", 2, 2) ||
        !submit(0.0, "service", 2, 9, false))
        return 1;
    decide(engine, 0.0, "the fleet is full");

    if (!submit(60.0, "deadline", 2, 7)) return 1;
    decide(engine, 60.0, "two GPUs for priority 7: the notebook is lower, but too small to help; batch goes");

    if (!submit(120.0, "equal", 2, 7)) return 1;
    decide(engine, 120.0,
           "the same again: equal priorities never evict each other, and the service may not be stopped");

    for (const char* ended : {"train", "deadline", "equal", "batch"}) {
        if (!engine.cancel(180.0, ended)) return 1;
    }
    if (!submit(180.0, "whole", 4, 0)) return 1;
    decide(engine, 180.0, "five GPUs are free, four on no node: the notebook moves, and nobody is stopped");
    return 0;
}
