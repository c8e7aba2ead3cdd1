// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// Moves one task to another slot; places all unplaced members of a gang together. O(1), O(members) for a gang; one
/// delta.
struct shift {
    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        const task_index t = space.any_task(random);
        if (space.where(t).placed() || space.gang_of(t).empty()) {
            const slot target = space.any_slot(t, random);
            if (!target.placed() || target == space.where(t)) return false;
            out.push(space.to(t, target));
            return true;
        }
        // One after the other, so that each member sees the GPUs taken before it.
        bool whole = true;
        for (const task_index member : space.gang_of(t)) {
            if (space.where(member).placed()) continue;
            const slot target = space.any_slot(member, random);
            whole = target.placed();
            if (!whole) break;
            out.push(space.to(member, target));
            space.go(out[out.size() - 1]);
        }
        space.back();
        return whole;
    }
};

static_assert(neighbourhood<shift>);

/// Moves all placed members of a group to one node. O(members), one delta. Proposes nothing if the node does not admit
/// all of them.
struct shift_group {
    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        const task_index t = space.any_task(random);
        const group_index group = space.problem().workload().group(t);
        if (!group.valid() || !space.where(t).placed()) return false;
        const node_index n = space.any_slot(t, random).node;
        if (!n.valid()) return false;
        bool whole = true;
        for (const task_index member : space.problem().workload().members(group)) {
            if (!space.where(member).placed()) continue;
            const slot target = space.slot_on(member, n, random);
            whole = target.placed() && space.may_leave(member);
            if (!whole) break;
            if (space.where(member).node == n) continue;
            out.push(space.to(member, target));
            space.go(out[out.size() - 1]);
        }
        space.back();
        return whole && !out.empty();
    }
};

static_assert(neighbourhood<shift_group>);

/// Leaves out a task, or a whole gang. Only for objectives with `left_out` in a tier at least as important as the
/// others: all other terms fall when tasks are left out. One delta.
struct take_out {
    /// See `neighbourhood`.
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        const task_index t = space.any_task(random);
        if (!space.where(t).placed()) return false;
        if (space.gang_of(t).empty()) {
            out.push(space.to(t, unplaced));
            return true;
        }
        for (const task_index member : space.gang_of(t)) {
            if (!space.may_leave(member)) return false;
            if (space.where(member).placed()) out.push(space.to(member, unplaced));
        }
        return true;
    }
};

static_assert(neighbourhood<take_out>);

}  // namespace berth::inline v0
