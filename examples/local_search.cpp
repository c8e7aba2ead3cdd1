// SPDX-License-Identifier: Apache-2.0
// Improves the assignment of running tasks: an objective in tiers, a search that starts at the initial assignment, and
// a cost of moving.

#include "berth/search.hpp"

#include <cstdio>
#include <string>
#include <vector>

struct gpu {
    std::string model = "H100";
};
struct host {
    std::vector<gpu> gpus;
};
struct job {
    std::size_t gpus;
    int gpu_demand;
};

int main() {
    const std::vector<host> hosts(4, host{std::vector<gpu>(4)});
    std::vector<job> jobs;
    for (int i = 0; i < 14; ++i) jobs.push_back({1, 300 + 50 * (i % 5)});
    jobs.push_back({4, 1000});
    jobs.push_back({2, 1000});
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};

    // The initial assignment: a scheduler spread its shares over all nodes, so the two large jobs at the end have no
    // slot.
    berth::assignment initial(jobs.size(), berth::unplaced);
    for (std::size_t t = 0; t < 14; ++t) { initial[t] = {berth::node_index{t % 4}, berth::gpu_mask{1} << (t / 4)}; }

    // First tier: no counter is exceeded and no task is left out. Second: whole GPUs stay free in pairs, and few tasks
    // move.
    const berth::objective wish{berth::tier(berth::capacity_excess{}, 1000.0 * berth::left_out{}),
                                berth::tier(berth::node_sum{berth::whole_gpu_holes{2}, "free pairs of GPUs"},
                                            0.3 * berth::move_cost<>{initial})};
    const berth::local_search search{};
    const berth::plan plan = search.run(problem, wish, initial, berth::run_control<>{.max_evaluations = 200'000});

    for (const auto& part : plan.by_term)
        std::printf("tier %zu  %-20s %g x %g\n", part.tier, part.name, part.weight, part.value);
    for (const auto& r : plan.moves) {
        std::printf("%-8s node %zu GPUs %llx  (%s)\n", work->name(r.task).c_str(), r.to.node.value(),
                    static_cast<unsigned long long>(r.to.gpus), r.from.placed() ? "moved" : "new");
    }
    const bool all_placed = plan.left_out.empty() && berth::validate(problem, plan.assignment);

    // Neighbourhoods, acceptance rule and candidates are policies, too.
    const berth::local_search other{
        berth::neighbourhoods{2.0 * berth::shift{}, berth::swap{}, 0.2 * berth::ruin_and_recreate{.tasks = 8}},
        berth::record_to_record{.share = 0.01}};
    const berth::plan second = other.run(problem, wish, initial, berth::run_control<>{.max_evaluations = 200'000});
    std::printf("another search leaves out %zu and moves %zu\n", second.left_out.size(), second.moves.size());
    return all_placed && second.left_out.empty() ? 0 : 1;
}
