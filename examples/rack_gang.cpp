// SPDX-License-Identifier: Apache-2.0
// A gang that needs one rack: it takes the tightest one that fits, waits where none does, and a second job stays away from it.
#include "berth/scheduler/decision_text.hpp"
#include "berth/scheduler/scheduler.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>
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
    constexpr berth::domain_level rack = 0;
    berth::scheduler engine{berth::scheduler_policies<>{}.with_preemption(berth::share_rules{})};
    const std::vector<berth::gpu_description> gpus(4);
    // Rack A has three nodes, rack B two; those of B have the new network.
    for (const char* name : {"A", "B"}) {
        if (!engine.domain(name, rack)) return 1;
    }
    for (const char* node : {"A1", "A2", "A3", "B1", "B2"}) {
        const std::string_view domain[] = {std::string_view{node}.substr(0, 1)};
        if (!engine.node(0.0, berth::node_description{.name = node, .gpus = gpus, .domains = domain})) return 1;
        const std::array<std::string_view, 1> labels{"new-network"};
        if (node[0] == 'B' && !engine.labels(0.0, node, labels)) return 1;
    }

    if (!engine.job(10.0, {.name = "train", .task_count = 2, .gpus = 4, .terms = {.place = {.within = rack}}}))
        return 1;
    decide(engine, 10.0, "two tasks of four GPUs in one rack: the smaller rack takes them, the larger one stays whole");

    if (!engine.job(20.0, {.name = "wide", .task_count = 4, .gpus = 4, .terms = {.place = {.within = rack}}})) return 1;
    decide(engine, 20.0, "four such tasks fit the fleet, but no rack");

    if (!engine.job(30.0,
                    {.name = "replicas", .task_count = 3, .gpus = 1, .terms = {.place = {.apart = berth::host_level}}}))
        return 1;
    decide(engine, 30.0, "three replicas, no two on one node");

    const std::string_view whom[] = {"train"};
    const std::string_view network[] = {"new-network"};
    if (!engine.job(40.0, {.name = "quiet",
                           .gpus = 1,
                           .terms = {.place = {.required_labels = network, .away = {.jobs = whom, .level = rack}}}}))
        return 1;
    decide(engine, 40.0, "one that needs the new network and may not share a rack with train");

    if (!engine.finish(50.0, "train")) return 1;
    decide(engine, 50.0, "train ends");
    return 0;
}
