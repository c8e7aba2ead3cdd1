// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"

#include <cstddef>

namespace berth::inline v0 {

namespace detail {

/// The slot of a task in place of another: the same GPUs if both need as many, else any on that node.
template <class Space>
[[nodiscard]] slot slot_of_other(Space& space, task_index t, task_index other, xoshiro256& random) {
    const slot& place = space.where(other);
    const auto& tasks = space.problem().workload();
    if (tasks.demand(t).gpus == tasks.demand(other).gpus) return space.admits(t, place) ? place : unplaced;
    return space.slot_on(t, place.node, random);
}

/// A task on the node of a slot, preferably on its GPUs, other than `t` and those in the list; invalid if a few draws
/// find none.
template <class Space>
[[nodiscard]] task_index occupant(Space& space, task_index t, const slot& target, const move_list& out,
                                  xoshiro256& random) {
    task_index found{};
    for (int attempt = 0; attempt < 4; ++attempt) {
        const task_index other = space.any_task_on(target.node, random);
        if (!other.valid()) return found;
        if (other == t || out.has(other)) continue;
        found = other;
        if ((space.where(other).gpus & target.gpus) != 0 || target.gpus == 0) break;
    }
    return found;
}

}  // namespace detail

/// Two tasks exchange their slots; the second one is on a candidate node of the first. Tasks with different numbers of
/// GPUs exchange nodes. O(1), one delta.
struct swap {
    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        const task_index t = space.any_task(random);
        if (!space.where(t).placed()) return false;
        const slot target = space.any_slot(t, random);
        if (!target.placed()) return false;
        const task_index other = detail::occupant(space, t, target, out, random);
        if (!other.valid() || space.where(other) == space.where(t)) return false;
        const slot there = detail::slot_of_other(space, t, other, random);
        if (!there.placed()) return false;
        const slot here = detail::slot_of_other(space, other, t, random);
        if (!here.placed()) return false;
        out.push(space.to(t, there));
        out.push(space.to(other, here));
        out.drop_idle();
        return !out.empty();
    }
};

static_assert(neighbourhood<swap>);

/// `length` tasks move up: the first into the slot of the second, the second into that of the third, ..., the last into
/// a candidate slot. O(1), one delta.
struct chain {
    std::size_t length = 2;  ///< 2 or 3 tasks; 1 is a shift

    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        task_index t = space.any_task(random);
        if (!space.where(t).placed() && !space.gang_of(t).empty()) return false;
        for (std::size_t i = 1; i < length; ++i) {
            const slot target = space.any_slot(t, random);
            if (!target.placed()) return false;
            const task_index other = detail::occupant(space, t, target, out, random);
            if (!other.valid()) return false;
            const slot there = detail::slot_of_other(space, t, other, random);
            if (!there.placed()) return false;
            out.push(space.to(t, there));
            t = other;
        }
        const slot last = space.any_slot(t, random);
        if (!last.placed()) return false;
        out.push(space.to(t, last));
        out.drop_idle();
        return !out.empty();
    }
};

static_assert(neighbourhood<chain>);

}  // namespace berth::inline v0
