// SPDX-License-Identifier: Apache-2.0
// Observes a run and ends it early: by a stop token, or by a budget of evaluations, which gives the same plan every
// time.
#include "berth/place.hpp"

#include <cstdio>
#include <stop_token>
#include <string>
#include <vector>

struct gpu {
    std::string model = "V100";
};
struct host {
    std::vector<gpu> gpus;
};
struct job {
    int gpus;
};

/// Prints every quarter, and requests a stop at `stop_at` tasks. Any of on_begin, on_progress, on_end is enough.
/// The run copies its observer, so data that must outlive the run is held by pointer.
struct ticker {
    std::stop_source* source;
    std::size_t stop_at;

    void on_progress(const berth::progress& p) const {
        if (p.done * 4 % p.total == 0) std::printf("  %4zu of %zu tasks\n", p.done, p.total);
        if (p.done == stop_at) source->request_stop();
    }
};

int main() {
    const std::vector<host> hosts(300, host{std::vector<gpu>(8)});
    const std::vector<job> jobs(2'000, job{1});
    const auto fleet = berth::make_fleet(hosts);
    const auto work = berth::make_workload(jobs, *fleet);
    const berth::problem problem{*fleet, *work};
    const berth::greedy policy{berth::best_fit{}};
    const auto report = [&](const char* name, const berth::plan& plan) {
        std::printf("%s: %s after %zu placements\n", name, to_string(plan.stopped), plan.counters.placed);
        return berth::validate(problem, plan.assignment).has_value();  // the plan is valid for every stop reason
    };

    std::stop_source source;
    const berth::run_control<std::stop_token, ticker> watched{.stop = source.get_token(), .observer = {&source, 1'200}};
    const berth::plan cancelled = policy.run(problem, berth::arrival_order{}, watched);
    const berth::run_control<> budget{.max_evaluations = 1'000};
    const berth::plan once = policy.run(problem, berth::arrival_order{}, budget);
    const berth::plan again = policy.run(problem, berth::arrival_order{}, budget);

    const bool valid = report("stop token", cancelled) && report("budget", once) && report("budget again", again);
    return valid && cancelled.counters.placed == 1'200 && once.assignment == again.assignment ? 0 : 1;
}
