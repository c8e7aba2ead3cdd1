// SPDX-License-Identifier: Apache-2.0
// Why is a task pending? For each task left out: the reasons counted over all nodes, and the nearest miss.
#include "berth/place.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <vector>

struct gpu {
    std::string model;
};
struct host {
    std::string name;
    std::vector<gpu> gpus;
    std::array<int, 2> capacity;
    bool healthy = true;
};
struct job {
    std::string name;
    int gpus;
    std::array<int, 2> node_demand;
    std::string accepted_models;
};

/// One sentence for an event log.
std::string sentence(const berth::why_not& why, const berth::problem& p) {
    std::string text = p.workload().name(why.task) + ": refused by " + std::to_string(why.nodes) + " nodes (";
    for (std::size_t r = 0; r < berth::refusal_count; ++r) {
        const auto reason = static_cast<berth::refusal>(r);
        if (why[reason] > 0) text += to_string(reason) + (": " + std::to_string(why[reason]) + ", ");
    }
    text.replace(text.size() - 2, 2, "); nearest is ");
    const berth::near_miss& near = why.nearest;
    text += p.fleet().name(near.node) + ", " + to_string(near.reason);
    if (near.reason == berth::refusal::node_counter) text += ' ' + p.fleet().schema().node[near.counter];
    return text + ": wants " + std::to_string(near.wanted) + ", has " + std::to_string(near.available);
}

int main() {
    const std::vector<host> hosts{{"ada", std::vector<gpu>(4, {"A100"}), {32, 256}},
                                  {"bea", std::vector<gpu>(4, {"A100"}), {32, 256}, false},
                                  {"cis", std::vector<gpu>(4, {"T4"}), {16, 64}}};
    const std::vector<job> jobs{
        {"train", 2, {16, 128}, "A100"}, {"wide", 3, {4, 32}, "A100"}, {"hungry", 1, {20, 16}, ""}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};
    const berth::greedy policy{berth::best_fit{}};
    const auto plan = policy.run(problem, berth::arrival_order{}, {}, berth::explain_left_out::yes);

    for (const berth::why_not& why : plan.explanations) std::puts(sentence(why, problem).c_str());
    return plan.explanations.size() == 2 && plan.explanations[1].nearest.available == 16 ? 0 : 1;
}
