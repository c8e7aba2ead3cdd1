// SPDX-License-Identifier: Apache-2.0
// A rack that may draw 600 W with three GPUs of 300 W: which limit does each get, and what does energy cost in time?
#include "berth/search.hpp"

#include <cstdio>
#include <vector>

int main() {
    // Measured: limit in W, seconds for one epoch, watts drawn. `decode` is slower at 300 W than at 250 W, as happens.
    const std::vector<berth::power_profile> jobs{
        {"train", {{150, 40.0, 148.0}, {200, 30.0, 196.0}, {250, 26.0, 243.0}, {300, 24.0, 287.0}}},
        {"decode", {{150, 21.0, 139.0}, {200, 20.2, 160.0}, {250, 20.0, 171.0}, {300, 20.3, 173.0}}},
        {"embed", {{150, 12.0, 147.0}, {200, 10.5, 190.0}, {250, 10.0, 214.0}, {300, 9.9, 221.0}}}};

    // One job alone: the limit of least energy that makes it at most 5 % slower.
    for (const auto& job : jobs) {
        const auto& full = job.points.back();
        const auto& at = job.points[least_energy_within(job, 1.05 * full.seconds)];
        std::printf("%-7s alone: %3lld W, energy %5.1f %%, time %5.1f %%\n", job.name.c_str(),
                    static_cast<long long>(at.limit), 100 * at.joules() / full.joules(),
                    100 * at.seconds / full.seconds);
    }

    // The rack: 600 W for all three, with the least speed lost.
    std::vector<berth::gpu_limits> limits;
    for (const auto& job : jobs) limits.push_back(limits_of(job));
    const auto shared = berth::limit_sharing{}.run(limits, 600);
    if (!shared) return std::puts(shared.error().message.c_str()), 1;
    for (std::size_t g = 0; g < jobs.size(); ++g) {
        const auto& chosen = limits[g].options[shared->option[g]];
        std::printf("%-7s in the rack: %3lld W, %4.1f %% of its speed lost\n", jobs[g].name.c_str(),
                    static_cast<long long>(chosen.watts), 100 * chosen.loss);
    }
    std::printf("%lld W in all, %s\n", static_cast<long long>(shared->watts),
                shared->optimal ? "proven best" : "not proven");

    // All of it: energy against time, from the fastest choice to the most frugal.
    std::vector<berth::profiled_task> tasks;
    for (const auto& job : jobs) tasks.push_back({&job, 1000.0});
    const auto curve = berth::make_energy_curve(tasks);
    if (!curve) return std::puts(curve.error().message.c_str()), 1;
    for (const auto& point : curve->points()) {
        std::printf("%6.1f h  %5.2f kWh\n", point.seconds / 3600, point.joules / 3.6e6);
    }

    // The energy of a task on any GPU, as a cost like any other.
    const double task[] = {0.0, 5000.0, 0.0};   // GB in, GFLOP, GB out
    const double gpu[] = {20.0, 300.0, 250.0};  // GFLOPS, busy watts, limit
    const berth::energy_cost joules{berth::execution_time{}};
    std::printf("5000 GFLOP at 20 GFLOPS and 250 W: %.1f kJ\n", joules(task, gpu) / 1000);
    return shared->optimal ? 0 : 1;
}
