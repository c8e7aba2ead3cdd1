// SPDX-License-Identifier: Apache-2.0
// An order of my own: is it better than those of the library, on days like mine? It is simulated on equal nodes, with
// preemption, and then given to the scheduler that would run it, unchanged, in virtual time.
#include "berth/berth.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <vector>

namespace {

// Short jobs first, but what a job has waited and run so far counts for it.
struct short_and_patient {
    static constexpr bool ages = true;  // the key depends on how long a job has waited
    double patience = 3600.0;           // seconds that make it count as half as long

    berth::queue_key operator()(const berth::queued_job& job) const noexcept {
        return job.remaining_seconds * job.gpus / (1.0 + (job.waited_seconds + job.attained_seconds) / patience);
    }
};
static_assert(berth::queue_order<short_and_patient>);

// Some days: many short jobs, some long ones, some gangs of whole nodes.
std::vector<berth::simulated_job> days(std::uint64_t seed) {
    berth::xoshiro256 draw{seed};
    std::vector<berth::simulated_job> jobs;
    for (int j = 0; j < 500; ++j) {
        berth::simulated_job job;
        job.arrival_s = 620.0 * j;
        job.steps = std::round(60.0 * std::pow(600.0, berth::uniform01(draw)));  // a minute to ten hours
        job.gpus = std::uint32_t{1} << berth::bounded(draw, 5);                  // 1 to 16
        job.restart_s = 30.0;
        jobs.push_back(job);
    }
    return jobs;
}

void print(const char* name, const std::vector<berth::simulated_job>& jobs, const berth::simulation_run& run) {
    const berth::completion_times times = berth::completion(jobs, run.jobs);
    std::printf("%-34s %7.0f %7.0f %8.0f %8.0f %9llu %7.1f %%\n", name, times.mean_s, times.p50_s, times.p99_s,
                times.longest_s, static_cast<unsigned long long>(run.preemptions),
                100.0 * berth::utilisation(jobs, run, 64.0));
}

template <class Order>
bool simulate(const char* name, const std::vector<berth::simulated_job>& jobs, const Order& order) {
    const auto run = berth::event_simulation<>{.jobs = jobs, .nodes = 8, .gpus_per_node = 8}.run(order);
    if (!run) {
        std::printf("%s: %s\n", name, run.error().message.c_str());
        return false;
    }
    print(name, jobs, *run);
    return true;
}

}  // namespace

int main() {
    const std::vector<berth::simulated_job> jobs = days(1);
    std::printf("%-34s %7s %7s %8s %8s %9s %9s\n", "500 jobs on 8 nodes of 8 GPUs", "mean s", "p50 s", "p99 s",
                "longest", "preempted", "GPUs busy");
    bool good = simulate("fifo", jobs, berth::fifo{});
    good = simulate("shortest_service", jobs, berth::shortest_service{}) && good;
    good = simulate("least_attained", jobs, berth::least_attained{}) && good;
    good = simulate("short_and_patient, my own", jobs, short_and_patient{}) && good;

    // The same order in the scheduler that would run the fleet: no preemption here, and nodes with names.
    berth::scheduler scheduler{
        berth::scheduler_policies<>{}.with_order(short_and_patient{}), {}, {.waits = berth::wait_reports::none}};
    const std::vector<berth::gpu_description> gpus(8, berth::gpu_description{.model = "V100"});
    for (const char* name : {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"}) {
        if (!scheduler.node(0.0, {.name = name, .gpus = gpus})) return 1;
    }
    berth::scheduler_engine engine{scheduler, std::span<const berth::simulated_job>{jobs}};
    const auto run = berth::virtual_time{jobs}.run(engine);
    if (!run) {
        std::printf("%s\n", run.error().message.c_str());
        return 1;
    }
    print("the same, in the scheduler", jobs, *run);
    return good ? 0 : 1;
}
