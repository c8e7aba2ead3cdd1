// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/candidate_lists.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/cost/pair_costs.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"
#include "berth/objective/objective.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/gpu_loads.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace bench {

/// The search for any objective, on an assignment problem: excess load in the first tier, cost in the second. Annealed
/// ejection chains over the two GPUs of least reduced cost of each task, at temperatures in proportion to the mean
/// difference of those two; a start that is not given has every task on the first of them.
struct general_search {
    std::uint64_t seed = 1;          ///< of all random draws
    std::size_t candidates = 2;      ///< GPUs of each task
    double first_temperature = 1.0;  ///< in mean differences between a task's two least reduced costs
    double last_temperature = 0.3;   ///< the same

    template <class Stop = berth::never_stop, class Observer = berth::no_observer>
    [[nodiscard]] berth::assignment_plan run(const berth::priced_problem& p, berth::warm_start start = {},
                                             berth::run_control<Stop, Observer> control = {}) const {
        berth::fleet_builder machines;
        const berth::gpu_description gpu{};
        for (std::size_t g = 0; g < p.gpus(); ++g) (void)machines.add_node({.gpus = {&gpu, 1}});
        const auto fleet = std::move(machines).build();
        berth::workload_builder tasks{*fleet};
        for (std::size_t t = 0; t < p.tasks(); ++t) (void)tasks.add_task({.gpus = 1});
        const auto work = std::move(tasks).build();

        const auto table = p.tables();
        const berth::candidate_lists lists{table, p.bound(), candidates};
        const berth::gpu_assignment given =
            start.empty() ? first_candidates(p, lists) : berth::complete_start(p, start);
        berth::assignment from;
        for (const berth::gpu_index g : given) from.push_back({berth::node_index{g.value()}, 1});

        const auto excess = [&p](berth::gpu_index g, berth::amount load) -> berth::amount {
            const berth::amount room = p.capacities()[g.value()];
            return load > room ? load - room : 0;
        };
        const berth::objective wish{berth::tier(berth::gpu_load_sum{table.load, excess}),
                                    berth::tier(berth::assignment_cost_term{table.cost})};
        const double unit = spread(p, lists);
        const berth::local_search search{
            berth::neighbourhoods{berth::ejection_chain{.depth = 5, .samples = 15, .by_penalty = true}},
            berth::adaptive_penalty{
                berth::annealing{berth::geometric_cooling{first_temperature * unit, last_temperature * unit}}, 2.0,
                1.02},
            berth::listed_gpus{&lists},
            {.seed = seed,
             .patience = berth::local_search_options::without_end,
             .max_restarts = berth::local_search_options::without_end}};
        const berth::plan found = search.run(berth::problem{*fleet, *work}, wish, from, std::move(control));
        berth::gpu_assignment gpu_of;
        for (const berth::slot& where : found.assignment) gpu_of.emplace_back(where.node.value());
        berth::assignment_plan plan = p.plan_of(std::move(gpu_of));
        plan.evaluations = found.counters.evaluations;
        plan.accepted = found.counters.accepted;
        plan.stopped = found.stopped;
        return plan;
    }

private:
    [[nodiscard]] static berth::gpu_assignment first_candidates(const berth::priced_problem& p,
                                                                const berth::candidate_lists& lists) {
        berth::gpu_assignment first;
        for (std::size_t t = 0; t < p.tasks(); ++t) first.push_back(lists.of(berth::task_index{t})[0]);
        return first;
    }
    /// The mean difference between a task's two least reduced costs; 1 if there is none.
    [[nodiscard]] static double spread(const berth::priced_problem& p, const berth::candidate_lists& lists) {
        double sum = 0.0;
        for (std::size_t t = 0; t < p.tasks() && lists.width() > 1; ++t) {
            const auto list = lists.of(berth::task_index{t});
            sum += p.reduced(t, list[1].value()) - p.reduced(t, list[0].value());
        }
        return sum > 0.0 ? sum / static_cast<double>(p.tasks()) : 1.0;
    }
};

}  // namespace bench
