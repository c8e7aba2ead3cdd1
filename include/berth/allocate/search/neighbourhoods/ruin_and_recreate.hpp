// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"
#include "berth/objective/tier_values.hpp"

#include <cstddef>
#include <utility>

namespace berth::inline v0 {

/// Takes a few tasks out, half of them from the node of a random task and half from a node that could host that task,
/// and puts them back one by one, largest GPU share first, each at the best of a few slots. Unplaced tasks take part,
/// except members of gangs (`shift` places those). `tasks * (samples + 1)` deltas of one move each.
///
/// Schrimpf, Schneider, Stamm-Wilbrandt, Dueck, "Record breaking optimization results using the ruin and recreate
/// principle", Journal of Computational Physics 159, 2000.
struct ruin_and_recreate {
    std::size_t tasks = 6;    ///< taken out at once, at least 1
    std::size_t samples = 8;  ///< slots compared for each task, besides its old one; at least 1

    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        using values = typename Space::values;
        const task_index first = space.any_task(random);
        if (!free_to_go(space, first)) return false;
        const node_index here = space.where(first).node;
        const node_index there = space.any_slot(first, random).node;
        out.push(space.to(first, unplaced));
        for (std::size_t i = 1; i < 2 * tasks && out.size() < tasks; ++i) {
            const node_index n = i % 2 == 1 ? there : here;
            const task_index t = n.valid() ? space.any_task_on(n, random) : space.any_task(random);
            if (!t.valid() || out.has(t) || !free_to_go(space, t)) continue;
            out.push(space.to(t, unplaced));
        }
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (out[i].from.placed()) space.go(out[i]);
        }
        for (std::size_t i = 1; i < out.size(); ++i) {
            for (std::size_t j = i; j > 0 && wants_more(space, out[j].task, out[j - 1].task); --j) {
                std::swap(out[j], out[j - 1]);
            }
        }
        for (std::size_t i = 0; i < out.size(); ++i) {
            task_move& r = out[i];
            r.to = r.from;
            values best{};
            if (r.from.placed()) best = space.delta(space.to(r.task, r.from));
            for (std::size_t s = 0; s < samples; ++s) {
                const slot target = space.any_slot(r.task, random);
                if (!target.placed() || target == r.to) continue;
                const values delta = space.delta(space.to(r.task, target));
                if (r.to.placed() && !improves(delta - best)) continue;
                best = delta;
                r.to = target;
            }
            if (r.to.placed()) space.go(space.to(r.task, r.to));
        }
        space.back();
        out.drop_idle();
        return !out.empty();
    }

private:
    template <class Space>
    [[nodiscard]] static bool free_to_go(const Space& space, task_index t) {
        return space.where(t).placed() || space.gang_of(t).empty();
    }
    template <class Space>
    [[nodiscard]] static bool wants_more(const Space& space, task_index a, task_index b) {
        const auto& work = space.problem().workload();
        return work.demand(a).total_share() > work.demand(b).total_share();
    }
};

static_assert(neighbourhood<ruin_and_recreate>);

}  // namespace berth::inline v0
