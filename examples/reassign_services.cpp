// SPDX-License-Identifier: Apache-2.0
// Evens out a running fleet of inference services: own structs, weights for GPU memory, CPU and moves, a search, an
// order of migrations that always fits, and an executor that carries them out. A GPU has failed, so its replicas leave.
#include "berth/operate.hpp"
#include "berth/search.hpp"
#include "berth/testing/simulated_executor.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

struct device {
    std::string model = "A100";
    std::array<int, 2> capacity{1000, 80};  // thousandths, GB
    bool healthy = true;
};
struct host {
    std::string name;
    std::array<int, 1> capacity{64};  // cores
    std::vector<device> gpus = std::vector<device>(4);
};
struct replica {
    std::string group;                // its service: replicas of one service never share a GPU
    std::array<int, 2> gpu_demand{};  // thousandths, GB
    std::array<int, 1> node_demand{};
    long long state_bytes = static_cast<long long>(gpu_demand[1]) << 30;
    int host = 0;
    int device = 0;
};

int main() {
    std::vector<host> hosts;
    for (int h = 0; h < 6; ++h) hosts.push_back({.name = "gpu-" + std::to_string(h)});
    hosts[1].gpus[2].healthy = false;

    // Services grew one after the other, each on the first GPUs that had room.
    std::vector<replica> replicas;
    std::array<std::array<int, 3>, 24> used{};  // share, memory and cores of each GPU
    std::array<int, 24> last{};                 // service that was placed there last
    berth::xoshiro256 random{5};
    for (int service = 1; service <= 12; ++service) {
        const int memory = 8 + static_cast<int>(berth::bounded(random, 20));
        for (int copy = 0; copy < 4; ++copy) {
            for (std::size_t g = 0; g < used.size(); ++g) {
                if (last[g] == service || used[g][0] > 750 || used[g][1] + memory > 80 || used[g][2] > 13) continue;
                replicas.push_back({.group = "service-" + std::to_string(service),
                                    .gpu_demand = {250, memory},
                                    .node_demand = {3},
                                    .host = static_cast<int>(g / 4),
                                    .device = static_cast<int>(g % 4)});
                used[g] = {used[g][0] + 250, used[g][1] + memory, used[g][2] + 3};
                last[g] = service;
                break;
            }
        }
    }
    const auto fleet = berth::make_fleet(hosts, {.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}});
    if (!fleet) return std::puts(fleet.error().message.c_str()), 1;
    const auto work = berth::make_workload(replicas, *fleet);
    if (!work) return std::puts(work.error().message.c_str()), 1;
    const berth::problem problem{*fleet, *work};
    berth::assignment placement;
    for (const replica& r : replicas) {
        placement.push_back({berth::node_index{static_cast<std::size_t>(r.host)},
                             berth::gpu_mask{1} << static_cast<unsigned>(r.device)});
    }

    // A GB beyond half of a GPU's memory costs 10, a core beyond half of its part of the host 4, a move 15.
    const berth::reassignment_wishes wishes{.divide_node_counters = true,
                                            .counters = {{.counter = "gpu.memory", .load_weight = 10, .safety = 0.5},
                                                         {.counter = "node.cpu", .load_weight = 4, .safety = 0.5}},
                                            .task_weight = 15,
                                            .groups_apart = true};
    const auto door = berth::to_reassignment_problem(problem, placement, wishes);
    if (!door) return std::puts(door.error().message.c_str()), 1;
    const auto start = berth::initial_assignment(door->problem());
    const auto before = berth::evaluate(door->problem(), start);
    const auto plan = berth::reassignment_search{{.seed = 1}}.run(door->problem(), start, {.max_evaluations = 200'000});
    if (!plan) return std::puts(plan.error().message.c_str()), 1;
    std::printf("%zu replicas, load costs %lld; after %zu moves %lld, and %lld for the moves\n", replicas.size(),
                static_cast<long long>(before.cost.load), plan->moved, static_cast<long long>(plan->cost.load),
                static_cast<long long>(plan->cost.tasks));

    // Back to slots, and in waves that fit at every instant.
    const auto wanted = door->slots(plan->assignment);
    if (!wanted) return std::puts(wanted.error().message.c_str()), 1;
    auto order = berth::migration_order{berth::order_options{.per_node = 4}}.run(problem, placement, *wanted);
    if (!order) return std::puts(order.error().message.c_str()), 1;
    std::printf("%zu steps in %zu waves, %.0f s of downtime\n", order->steps.size(), order->wave_count(),
                order->downtime);

    berth::ledger ledger = *berth::make_ledger(problem, placement);
    berth::ledger_adapter adapter{problem, ledger};
    berth::simulated_executor<> executor{problem, placement};
    auto run = berth::start_migration(problem, *std::move(order), 1);
    for (double now = 0.0; run.advance(executor, adapter, now);) {
        now = std::max(now + 0.001, std::min(executor.next_event(), run.wake_at()));
    }
    run.apply_to(placement);
    std::size_t on_failed = 0;
    for (const berth::slot& s : placement) on_failed += s == berth::slot{berth::node_index{1}, 4} ? 1 : 0;
    std::printf("%s; %zu replicas are left on the failed GPU\n",
                placement == *wanted ? "every replica is where it was wanted" : "some moves were not carried out",
                on_failed);
    return plan->violations.none() && placement == *wanted && ledger == *berth::make_ledger(problem, *wanted) &&
                   executor.violations() == 0 && on_failed == 0
               ? 0
               : 1;
}
