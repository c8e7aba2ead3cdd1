// SPDX-License-Identifier: Apache-2.0
// Two hosts, three jobs: the package's headers are found and place them all.
#include <berth/place.hpp>

#include <cstdio>
#include <string>
#include <vector>

struct gpu {
    std::string model;
};
struct host {
    std::string name;
    std::vector<gpu> gpus;
};
struct job {
    int gpus;
    int gpu_demand;
};

int main() {
    const std::vector<host> hosts{{"rhea", {{"A100"}, {"A100"}}}, {"juno", {{"T4"}}}};
    const std::vector<job> jobs{{2, 1000}, {1, 250}, {1, 500}};
    const auto fleet = berth::make_fleet(hosts);
    if (!fleet) return std::puts(fleet.error().message.c_str()), 1;
    const auto work = berth::make_workload(jobs, *fleet);
    if (!work) return std::puts(work.error().message.c_str()), 1;
    const berth::plan plan = berth::greedy{berth::best_fit{}}.run({*fleet, *work}, berth::largest_first{});
    std::printf("berth: %zu of %zu tasks placed\n", plan.counters.placed, jobs.size());
    return plan.counters.placed == jobs.size() ? 0 : 1;
}
