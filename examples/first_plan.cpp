// SPDX-License-Identifier: Apache-2.0
// A first plan: reads your own structs and prints a slot for every job.
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
    std::array<int, 2> capacity;  // cores, GiB
};
struct job {
    std::string name;
    int gpus;
    int gpu_demand;                  // thousandths of each of its GPUs
    std::array<int, 2> node_demand;  // cores, GiB
};

int main() {
    const std::vector<host> hosts{{"rhea", {{"A100"}, {"A100"}}, {64, 512}}, {"juno", {{"T4"}}, {16, 64}}};
    const std::vector<job> jobs{{"train", 2, 1000, {32, 256}},
                                {"serve", 1, 250, {4, 16}},
                                {"tune", 1, 500, {4, 16}},
                                {"big", 4, 1000, {8, 64}}};

    const auto fleet = berth::make_fleet(hosts);
    if (!fleet) return std::puts(fleet.error().message.c_str()), 1;
    const auto work = berth::make_workload(jobs, *fleet);
    if (!work) return std::puts(work.error().message.c_str()), 1;

    const berth::greedy policy{berth::best_fit{}};
    const berth::plan plan = policy.run({*fleet, *work}, berth::largest_first{});

    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const berth::slot at = plan.assignment[j];
        std::printf("%-6s%s", jobs[j].name.c_str(), at.placed() ? hosts[at.node.value()].name.c_str() : "no slot");
        for (auto rest = at.gpus; rest != 0; rest &= rest - 1) std::printf(" gpu%zu", berth::lowest_gpu(rest));
        std::puts("");
    }
    return plan.counters.placed == 3 ? 0 : 1;
}
