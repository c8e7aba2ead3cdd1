// SPDX-License-Identifier: Apache-2.0
// Why is a task pending? For each task left out: whether it is never or not now, the reasons counted over all nodes,
// and the nearest miss.
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

int main() {
    const std::vector<host> hosts{{"ada", std::vector<gpu>(4, {"A100"}), {32, 256}},
                                  {"bea", std::vector<gpu>(4, {"A100"}), {32, 256}, false},
                                  {"cis", std::vector<gpu>(4, {"T4"}), {16, 64}}};
    const std::vector<job> jobs{{"train", 2, {16, 128}, "A100"},
                                {"wide", 3, {4, 32}, "A100"},
                                {"hungry", 1, {20, 16}, ""},
                                {"huge", 1, {64, 16}, ""},
                                {"newest", 1, {4, 16}, "H200"}};
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};
    const berth::greedy policy{berth::best_fit{}};
    const auto plan = policy.run(problem, berth::arrival_order{}, {}, berth::explain_left_out::yes);

    // A sentence for people, and numbers for programs.
    std::size_t never = 0;
    for (const berth::why_not& why : plan.explanations) {
        std::puts(describe(why, problem).c_str());
        never += why.never() ? 1 : 0;
    }
    return plan.explanations.size() == 4 && plan.explanations[1].nearest.available == 16 && never == 2 ? 0 : 1;
}
