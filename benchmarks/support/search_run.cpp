// SPDX-License-Identifier: Apache-2.0
#include "support/search_run.hpp"

#include <cmath>

namespace bench {

namespace {

std::string disagreement(const search_run& run) {
    const berth::assignment_plan& plan = run.plan;
    if (!run.verdict.complete) return "the assignment does not name an agent for every task";
    const auto differs = [](const char* what, double said, double is) {
        return std::string{what} + " is " + std::to_string(is) + ", the allocator reports " + std::to_string(said);
    };
    const auto cost = static_cast<double>(run.verdict.cost);
    if (plan.cost != cost) return differs("the cost", plan.cost, cost);
    if (plan.excess != run.verdict.excess) {
        return differs("the load beyond the capacities", static_cast<double>(plan.excess),
                       static_cast<double>(run.verdict.excess));
    }
    const double slack = 1e-6 * (std::abs(cost) + 1.0);
    if (!run.verdict.feasible()) {
        return run.trajectory.empty() ? std::string{} : "the assignment is infeasible, a feasible one was reported";
    }
    if (plan.lower_bound > cost + slack) return differs("a feasible cost", plan.lower_bound, cost) + " at least";
    if (!run.trajectory.empty() && run.trajectory.back().cost < cost - slack) {
        return differs("the best cost", run.trajectory.back().cost, cost) + " on its way";
    }
    return {};
}

}  // namespace

berth::pricing_options pricing_within(std::size_t agents, std::size_t tasks, double seconds) noexcept {
    berth::pricing_options options;
    if (!std::isfinite(seconds)) return options;
    constexpr double share = 0.4;
    constexpr double seconds_per_pair = 2e-9;
    constexpr double fewest = 60.0;
    const double rounds = share * seconds / (seconds_per_pair * static_cast<double>(agents * tasks));
    if (rounds < static_cast<double>(options.bound.max_iterations)) {
        options.bound.max_iterations = static_cast<std::size_t>(rounds > fewest ? rounds : fewest);
    }
    return options;
}

search_run run_search(const named_allocator& allocator, const gap_instance& instance,
                      const berth::priced_problem& problem, const search_budget& budget, progress_line& progress,
                      const std::string& label) {
    if (allocator.accepts) {
        if (const auto ok = allocator.accepts(problem); !ok) {
            search_run none;
            none.refused = ok.error().message;
            return none;
        }
    }
    const cpu_deadline deadline{budget.origin + budget.seconds, budget.threads};
    trajectory seen{budget.origin};
    seen.show_on(progress, label, budget.seconds, problem.bound().value);
    berth::thread_pool threads{budget.threads};
    search_setup setup{.seed = budget.seed, .threads = &threads};
    setup.control.stop = search_stop{&deadline};
    setup.control.max_evaluations = budget.evaluations;
    setup.control.observer = search_observer{&seen};

    search_run run;
    run.plan = allocator.run(problem, setup);
    run.seconds = cpu_seconds() - budget.origin;
    progress.clear();
    run.verdict = check_assignment(instance, run.plan.gpu_of);
    if (run.plan.feasible()) seen.see(run.plan.cost);
    run.trajectory = seen.points();
    run.fault = disagreement(run);
    return run;
}

}  // namespace bench
