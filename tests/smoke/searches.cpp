// SPDX-License-Identifier: Apache-2.0
// One short run of every search, so that compilers and modes which build no other test instantiate them: clang 14, and g++
// without exceptions and run-time types.
#include "berth/search.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace {

struct card {
    const char* model = "A100";
};
struct host {
    std::array<card, 2> gpus;
};
struct job {
    int gpu_demand = 0;
};

constexpr std::size_t tasks = 12;
constexpr std::size_t gpus = 3;
constexpr berth::run_control<> budget{.max_evaluations = 20'000};

bool search_assignments() {
    std::vector<double> costs;
    std::vector<berth::amount> loads;
    for (std::size_t i = 0; i < tasks * gpus; ++i) {
        costs.push_back(static_cast<double>(10 + i * 7 % 23));
        loads.push_back(static_cast<berth::amount>(5 + i * 5 % 11));
    }
    const std::vector<berth::amount> capacities(gpus, 60);
    const berth::priced_problem priced{berth::assignment_problem{tasks, berth::matrix_cost{{costs.data(), tasks, gpus}},
                                                                 berth::matrix_load{{loads.data(), tasks, gpus}},
                                                                 std::span<const berth::amount>{capacities}}};
    const berth::assignment_plan best = berth::exact{}.run(priced);
    const auto no_better = [&](const berth::assignment_plan& plan) {
        return plan.feasible() && plan.cost >= best.cost && plan.gpu_of.size() == tasks;
    };
    const berth::makespan_plan even = berth::makespan_search{}.run(
        berth::makespan_problem{tasks, gpus, berth::matrix_load{{loads.data(), tasks, gpus}}}, {}, budget);
    return best.stopped == berth::stop_reason::completed && no_better(berth::priced_greedy{}.run(priced)) &&
           no_better(berth::block_search{}.run(priced, {}, budget)) &&
           no_better(berth::dive{}.run(priced, {}, budget)) && no_better(berth::genetic<>{}.run(priced, {}, budget)) &&
           no_better(berth::portfolio{}.run(priced, {}, budget)) && even.makespan >= even.lower_bound;
}

bool search_slots() {
    const std::vector<host> hosts(4);
    std::vector<job> jobs;
    jobs.reserve(12);
    for (int i = 0; i < 12; ++i) jobs.push_back({300 + 50 * (i % 3)});
    const auto machines = berth::make_fleet(hosts);
    if (!machines) return false;
    const auto work = berth::make_workload(jobs, *machines);
    if (!work) return false;
    const berth::problem problem{*machines, *work};
    const auto cost = [](berth::task_index t, berth::gpu_index g) {
        return static_cast<double>((t.value() * 31 + g.value() * 17) % 101);
    };
    const berth::objective wish{berth::tier(berth::capacity_excess{}, berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost})};
    const berth::plan start = berth::sampled_greedy{}.run(problem, cost);
    const berth::plan better = berth::local_search{}.run(problem, wish, start.assignment, budget);
    const berth::plan parts = berth::partitioned_search{berth::local_search{}}.run(problem, wish, better.assignment,
                                                                                   berth::sequential{}, budget);
    return better.by_term.back().value >= parts.by_term.back().value && parts.left_out.empty();
}

}  // namespace

bool run_every_search() { return search_assignments() && search_slots(); }
