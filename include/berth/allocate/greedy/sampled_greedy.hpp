// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/plan.hpp"
#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/random.hpp"
#include "berth/core/run_control.hpp"
#include "berth/cost/concepts.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/workload.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Greedy by cost over a few random nodes: each task, as listed, goes to the cheapest of `samples` random nodes where
/// it fits, on the GPUs that `tightest_gpu` picks there. If it fits on none of them, it goes to the first node where it
/// fits, from a random node on. Gangs are placed all or none.
///
/// When to use: for costs of task and node together, where no index helps, and more pairs than there is time for; as
/// the start of a search. `greedy{cost_score{cost}}` evaluates every node. O(tasks × samples), and O(nodes) for each
/// task that hardly fits. Deterministic per seed.
struct sampled_greedy {
    std::uint64_t seed = 1;    ///< decides which nodes are sampled
    std::size_t samples = 24;  ///< nodes compared for each task, at least 1

    /// Places a whole workload.
    ///
    /// @param cost     of a task on a GPU; summed over the GPUs of a slot
    /// @param control  polled every 64 tasks; `max_evaluations` counts nodes compared
    template <pair_cost Cost, class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] plan run(const problem& p, const Cost& cost, run_control<Stop, Observer> control = {}) const {
        const workload& tasks = p.workload();
        plan plan;
        plan.assignment.assign(tasks.task_count(), unplaced);
        ledger ledger{p.fleet()};
        xoshiro256 random{seed};
        detail::flat<std::uint8_t> gang_seen(tasks.group_count());
        progress progress{.total = tasks.task_count()};
        const auto place = [&](task_index t) {
            const slot where = best_of_samples(p, ledger, cost, t, random, plan.counters.evaluations);
            plan.assignment[t.value()] = where;
            if (where.placed()) ledger.place(tasks.demand(t), where);
            return where.placed();
        };
        const auto leave_out = [&](task_index t) {
            plan.assignment[t.value()] = unplaced;
            plan.left_out.push_back(t);
        };
        notify::begin(control.observer, progress);
        for (std::size_t i = 0; i < tasks.task_count(); ++i) {
            if (i % 64 == 0) {
                plan.stopped = control.check(plan.counters.evaluations);
                if (plan.stopped != stop_reason::completed) break;
            }
            const task_index t{i};
            const group_index group = tasks.group(t);
            if (!group.valid() || !tasks.is_gang(group)) {
                if (!place(t)) leave_out(t);
            } else if (gang_seen[group.value()]++ == 0) {
                bool whole = true;
                ledger.checkpoint();
                for (const task_index member : tasks.members(group)) whole = whole && place(member);
                if (whole) {
                    ledger.commit();
                } else {
                    ledger.rollback();
                    for (const task_index member : tasks.members(group)) leave_out(member);
                }
            }
            ++progress.done;
            progress.evaluations = plan.counters.evaluations;
            notify::step(control.observer, progress);
        }
        plan.counters.rejected = plan.left_out.size();
        for (const slot& where : plan.assignment) plan.counters.placed += where.placed() ? 1 : 0;
        notify::end(control.observer, progress);
        return plan;
    }

private:
    template <class Cost>
    [[nodiscard]] slot best_of_samples(const problem& p, const ledger& ledger, const Cost& cost, task_index t,
                                       xoshiro256& random, std::uint64_t& evaluations) const {
        const demand_view demand = p.workload().demand(t);
        const std::size_t nodes = p.fleet().node_count();
        if (nodes == 0) return unplaced;
        slot best = unplaced;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < samples; ++i) {
            const slot here = slot_on(ledger, demand, node_index{bounded(random, static_cast<std::uint32_t>(nodes))});
            ++evaluations;
            if (!here.placed()) continue;
            double sum = 0.0;
            for (gpu_mask rest = here.gpus; rest != 0; rest &= rest - 1) {
                sum += static_cast<double>(cost(t, p.fleet().gpu(here.node, lowest_gpu(rest))));
            }
            if (best.placed() && sum >= least) continue;
            best = here;
            least = sum;
        }
        if (best.placed()) return best;
        const std::size_t first = bounded(random, static_cast<std::uint32_t>(nodes));
        for (std::size_t i = 0; i < nodes && !best.placed(); ++i) {
            best = slot_on(ledger, demand, node_index{(first + i) % nodes});
            ++evaluations;
        }
        return best;
    }
    [[nodiscard]] static slot slot_on(const ledger& ledger, const demand_view& demand, node_index n) {
        if (!ledger.host_fits(demand, n)) return unplaced;
        if (demand.gpus == 0) return {n, 0};
        const gpu_mask fitting = ledger.fitting_gpus(demand, n);
        if (!has_gpus(fitting, demand.gpus)) return unplaced;
        return {n, tightest_gpu{}(ledger.node(n), demand, fitting)};
    }
};

}  // namespace berth::inline v0
