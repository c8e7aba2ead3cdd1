// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"
#include "berth/objective/tier_values.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// Moves a task to the best of a few slots, even if that is worse than before; then one of the tasks on that node to
/// the best of a few slots, and so on. Proposes the prefix of the chain with the best total. No task moves twice.
/// `depth * samples` deltas of one move each.
///
/// With `by_penalty` the chain begins with any slot instead of the best, and compares as an acceptance rule with a
/// penalty does (`adaptive_penalty`), not tier by tier: for tight capacities, together with short candidate lists.
///
/// Glover, "Ejection chains, reference structures and alternating path methods", Discrete Applied Mathematics 65, 1996.
struct ejection_chain {
    std::size_t depth = 5;    ///< largest number of moves, at least 1
    std::size_t samples = 6;  ///< pairs of task and slot compared at each step, at least 1
    bool by_penalty = false;  ///< see above

    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        using values = typename Space::values;
        const task_index first = space.any_task(random);
        if (!space.where(first).placed() && !space.gang_of(first).empty()) return false;
        values sum{};
        values best_sum{};
        std::size_t best_size = 0;
        while (out.size() < depth) {
            task_move best{};
            values best_delta{};
            const std::size_t compared = by_penalty && out.empty() ? 1 : samples;
            for (std::size_t i = 0; i < compared; ++i) {
                task_index t = first;
                if (!out.empty()) {
                    t = space.any_task_on(out[out.size() - 1].to.node, random);
                    if (!t.valid() || out.has(t)) continue;
                }
                const slot target = space.any_slot(t, random);
                if (!target.placed() || target == space.where(t)) continue;
                const task_move r = space.to(t, target);
                const values delta = space.delta(r);
                if (best.task.valid() && !better(space, delta, best_delta)) continue;
                best = r;
                best_delta = delta;
            }
            if (!best.task.valid()) break;
            out.push(best);
            space.go(best);
            sum = sum + best_delta;
            if (best_size > 0 && !better(space, sum, best_sum)) continue;
            best_sum = sum;
            best_size = out.size();
        }
        space.back();
        out.shorten(best_size);
        return best_size > 0;
    }

private:
    template <class Space>
    [[nodiscard]] bool better(const Space& space, const typename Space::values& one,
                              const typename Space::values& other) const {
        return by_penalty ? space.prefers(one, other) : improves(one - other);
    }
};

static_assert(neighbourhood<ejection_chain>);

}  // namespace berth::inline v0
