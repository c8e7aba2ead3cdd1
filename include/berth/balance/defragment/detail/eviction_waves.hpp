// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/defragment/detail/eviction_order.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/ledger.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <span>

namespace berth::inline v0::detail {

/// The downtime of parked tasks between their steps: the waves in between.
[[nodiscard]] inline double parked_downtime(const migration_plan& plan) {
    double sum = 0.0;
    for (std::size_t w = 0; w < plan.wave_count(); ++w) {
        for (const migration_step& parked : plan.wave(w)) {
            if (parked.kind != step_kind::park) continue;
            bool back = false;
            for (std::size_t v = w + 1; v < plan.wave_count() && !back; ++v) {
                double longest = 0.0;
                for (const migration_step& s : plan.wave(v)) {
                    back = back || s.task == parked.task;
                    if (s.duration > longest) longest = s.duration;
                }
                if (!back) sum += longest;
            }
        }
    }
    return sum;
}

/// Writes ordered moves as a plan in waves. A wave grows as long as all targets have room with every source of the wave
/// held. The ledger stands before the first move, and does again afterwards.
template <class Cost>
void write_waves(const problem& p, ledger& ledger, task_moves moves, std::span<const eviction_order::ordered> order,
                 const Cost& cost, migration_plan& plan) {
    const auto demand = [&p](task_index t) { return p.workload().demand(t); };
    std::size_t released = 0;  // steps whose source is given back
    double longest = 0.0;
    const auto end_wave = [&] {
        for (; released < plan.steps.size(); ++released) {
            const migration_step& s = plan.steps[released];
            if (s.from.placed()) ledger.remove(demand(s.task), s.from);
        }
        plan.wave_ends.push_back(plan.steps.size());
        plan.duration += longest;
        longest = 0.0;
    };
    const auto in_wave = [&](task_index t) {
        for (std::size_t i = released; i < plan.steps.size(); ++i) {
            if (plan.steps[i].task == t) return true;
        }
        return false;
    };
    for (const eviction_order::ordered& o : order) {
        const task_move& r = moves[o.which];
        const slot from = o.kind == step_kind::fetch ? unplaced : r.from;
        const slot to = o.kind == step_kind::park ? unplaced : r.to;
        if (in_wave(r.task) || (to.placed() && !ledger.has_room(demand(r.task), to))) end_wave();
        if (to.placed()) ledger.place(demand(r.task), to);
        const migration_estimate e = cost(p, {r.task, from, to});
        plan.steps.push_back({r.task, from, to, o.kind, e.duration, e.downtime});
        plan.downtime += e.downtime;
        plan.extra_steps += o.kind == step_kind::park ? 1 : 0;
        if (e.duration > longest) longest = e.duration;
    }
    if (plan.steps.size() > released) end_wave();
    for (const task_move& r : moves) ledger.remove(demand(r.task), r.to);
    for (const task_move& r : moves) put_back(ledger, demand(r.task), r.from);
    plan.downtime += parked_downtime(plan);
}

}  // namespace berth::inline v0::detail
