// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"

#include <cstddef>

namespace berth::inline v0 {

namespace detail {

/// The slot that a task gets when another one leaves it: the same GPUs where it wants as many, else some on that node.
template <class Space>
[[nodiscard]] slot slot_of_other(Space& space, task_index t, task_index other, xoshiro256& random) {
    const slot& place = space.where(other);
    const auto& tasks = space.problem().workload();
    if (tasks.demand(t).gpus == tasks.demand(other).gpus) return space.admits(t, place) ? place : unplaced;
    return space.slot_on(t, place.node, random);
}

/// A task on the node of a slot, if it can on the GPUs of that slot, that is not `t` nor in the list; not valid if none of a few
/// tries is.
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

/// Two tasks on different GPUs exchange their slots, the second one being on a node that is worth trying for the first. Tasks that
/// want different numbers of GPUs exchange nodes. One delta, O(1).
struct swap {
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

/// `length` tasks move up: the first into the slot of the second, the second into that of the third, ... and the last to a place
/// worth trying. Both ends are free, so that room moves from one GPU to another through tasks that fit in between. One delta.
struct chain {
    std::size_t length = 2;  ///< 2 or 3; 1 is a shift

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
