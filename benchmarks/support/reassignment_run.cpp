// SPDX-License-Identifier: Apache-2.0
#include "support/reassignment_run.hpp"

#include "berth/allocate/reassignment/reassignment_search.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/thread_pool.hpp"

#include "support/cpu_deadline.hpp"
#include "support/mrp_instance.hpp"

#include <algorithm>
#include <utility>

namespace bench {

using berth::amount;
using berth::node_index;
using berth::reassignment_input;

namespace {

std::string text_of(const berth::reassignment_cost& cost) {
    return std::to_string(cost.total()) + " (load " + std::to_string(cost.load) + ", balance " +
           std::to_string(cost.balance) + ", tasks " + std::to_string(cost.tasks) + ", groups " +
           std::to_string(cost.groups) + ", pairs " + std::to_string(cost.pairs) + ")";
}

std::string disagreement(const reassignment_run& run) {
    const berth::reassignment_plan& plan = run.plan;
    if (!run.verdict.complete) return "the assignment does not name a node for every task";
    if (!(plan.cost == run.verdict.cost)) {
        return "the cost is " + text_of(run.verdict.cost) + ", the search reports " + text_of(plan.cost);
    }
    if (plan.violations.none() != run.verdict.violations.none()) {
        return run.verdict.feasible() ? "the assignment is feasible, the search reports infeasible"
                                      : "the assignment is infeasible, the search reports feasible; " +
                                            to_text(run.verdict.broken.front());
    }
    if (plan.moved != run.verdict.moved) {
        return std::to_string(run.verdict.moved) + " tasks are moved, the search reports " + std::to_string(plan.moved);
    }
    if (!run.initial.feasible()) return {};
    if (!run.verdict.feasible()) return "the start is feasible, the assignment is not";
    if (run.verdict.cost.total() > run.initial.cost.total()) return "the assignment costs more than the start";
    const auto cost = static_cast<double>(run.verdict.cost.total());
    if (!run.trajectory.empty() && run.trajectory.back().cost < cost) {
        return "a cost of " + std::to_string(run.trajectory.back().cost) + " was reported on the way to " +
               std::to_string(cost);
    }
    return {};
}

}  // namespace

reassignment_run run_reassignment(const reassignment_input& input, const berth::reassignment_problem& problem,
                                  const run_clock& clock, const reassignment_budget& budget, double bound,
                                  progress_line& progress, const std::string& label) {
    reassignment_run run;
    const std::vector<node_index> start = observed_nodes(input);
    run.initial = check_mrp_assignment(input, start);

    trajectory seen{clock};
    seen.show_on(progress, label, clock.seconds(), bound);
    if (run.initial.feasible()) seen.see(static_cast<double>(run.initial.cost.total()));
    berth::thread_pool threads{budget.threads};
    berth::run_control<timed_stop, search_observer> control;
    control.stop = timed_stop{&clock};
    control.max_evaluations = budget.evaluations;
    control.observer = search_observer{&seen};

    const run_clock wall;
    const double before = cpu_seconds();
    auto found =
        berth::reassignment_search{berth::reassignment_search_options{.seed = budget.seed, .islands = budget.islands}}
            .run(problem, start, control, threads);
    run.search_seconds = cpu_seconds() - before;
    run.wall_seconds = wall.used();
    run.seconds = clock.used();
    progress.clear();
    if (!found) {
        run.fault = found.error().message;
        return run;
    }
    run.plan = std::move(*found);
    run.verdict = check_mrp_assignment(input, run.plan.assignment);
    if (run.verdict.feasible()) seen.see(static_cast<double>(run.verdict.cost.total()));
    run.trajectory = seen.points();
    run.fault = disagreement(run);
    return run;
}

line_chart load_chart(const reassignment_input& input, std::span<const node_index> assignment,
                      const std::string& name) {
    const std::size_t nodes = input.location.size();
    const std::size_t resources = input.resources.size();
    const auto loads = [&](const auto& where) {
        std::vector<amount> used(input.capacity.size(), 0);
        for (std::size_t t = 0; t < input.group.size(); ++t) {
            for (std::size_t r = 0; r < resources; ++r) {
                used[where(t) * resources + r] += input.demand[t * resources + r];
            }
        }
        std::vector<double> percent(nodes, 0.0);
        for (std::size_t i = 0; i < used.size(); ++i) {
            if (input.safety_capacity[i] <= 0) continue;
            const double share = 100.0 * static_cast<double>(used[i]) / static_cast<double>(input.safety_capacity[i]);
            percent[i / resources] = std::max(percent[i / resources], share);
        }
        std::sort(percent.begin(), percent.end());
        return percent;
    };
    line_chart chart{.title = "Load of each node, " + name,
                     .subtitle = "the resource that is nearest to its safety capacity, or furthest beyond it",
                     .x = {.label = "nodes, in ascending order of load"},
                     .y = {.label = "load, % of the safety capacity"},
                     .series = {}};
    const auto add = [&](const char* what, const std::vector<double>& percent, bool emphasised) {
        chart_series series{.name = what, .points = {}, .emphasised = emphasised};
        for (std::size_t n = 0; n < nodes; ++n) series.points.emplace_back(static_cast<double>(n + 1), percent[n]);
        chart.series.push_back(std::move(series));
    };
    add("before", loads([&](std::size_t t) { return std::size_t{input.initial[t]}; }), false);
    add("after", loads([&](std::size_t t) { return assignment[t].value(); }), true);
    add("safety capacity", std::vector<double>(nodes, 100.0), false);
    return chart;
}

}  // namespace bench
