// SPDX-License-Identifier: Apache-2.0
// Observes a local search, ends it by a stop token when the cost is low enough, and searches on several threads.
#include "berth/core/thread_pool.hpp"
#include "berth/search.hpp"

#include <cstdio>
#include <stop_token>
#include <string>
#include <vector>

struct gpu {
    std::string model = "H100";
};
struct host {
    std::vector<gpu> gpus;
};
struct job {
    int gpu_demand;
};

/// Prints progress, and requests a stop when the cost has fallen to `enough`. Copied into the run, so it holds
/// pointers.
struct watcher {
    std::stop_source* enough_found;
    double enough;
    std::size_t* reports;

    void on_progress(const berth::progress& p) const {
        if ((*reports)++ % 50 == 0) {
            std::printf("  %8llu evaluations  cost %g\n", static_cast<unsigned long long>(p.evaluations), p.objective);
        }
        if (p.objective <= enough) enough_found->request_stop();
    }
};

int main() {
    const std::vector<host> hosts(40, host{std::vector<gpu>(4)});
    std::vector<job> jobs;
    for (int i = 0; i < 400; ++i) jobs.push_back({200 + 40 * (i % 7)});
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};

    const auto cost = [](berth::task_index t, berth::gpu_index g) {
        return static_cast<double>((t.value() * 31 + g.value() * 17) % 101);
    };
    const berth::plan start = berth::sampled_greedy{}.run(problem, cost);
    const berth::objective wish{berth::tier(berth::capacity_excess{}, berth::left_out{}),
                                berth::tier(berth::assignment_cost_term{cost})};
    const double before = wish.prepare(problem, start.assignment).value()[1];

    std::stop_source source;
    std::size_t reports = 0;
    const berth::run_control<std::stop_token, watcher> watched{
        .stop = source.get_token(), .max_evaluations = 5'000'000, .observer = {&source, before / 2.0, &reports}};
    const berth::plan stopped = berth::local_search{}.run(problem, wish, start.assignment, watched);
    const auto cost_of = [](const berth::plan& plan) { return plan.by_term.back().value; };
    std::printf("from %g to %g: %s\n", before, cost_of(stopped), to_string(stopped.stopped));

    // Parts of the fleet side by side. A budget of evaluations gives the same plan whatever the number of threads.
    const berth::partitioned_search parts{berth::local_search{}, {.max_round_evaluations = 20'000}};
    const berth::run_control<> budget{.max_evaluations = 400'000};
    berth::thread_pool threads{2};
    const berth::plan by_two = parts.run(problem, wish, stopped.assignment, threads, budget);
    const berth::plan by_one = parts.run(problem, wish, stopped.assignment, berth::sequential{}, budget);
    std::printf("two threads: %g after %llu evaluations\n", cost_of(by_two),
                static_cast<unsigned long long>(by_two.counters.evaluations));
    return cost_of(stopped) <= before / 2.0 && by_two.assignment == by_one.assignment ? 0 : 1;
}
