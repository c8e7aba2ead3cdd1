// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/search/neighbourhoods/concepts.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// One task goes to another slot. If the task belongs to a gang of which members are nowhere, those are placed, all at once.
/// One delta, O(1) apart from that; O(members) for such a gang.
struct shift {
    template <class Space>
    bool propose(Space& space, xoshiro256& random, move_list& out) const {
        const task_index t = space.any_task(random);
        if (space.where(t).placed() || space.gang_of(t).empty()) {
            const slot target = space.any_slot(t, random);
            if (!target.placed() || target == space.where(t)) return false;
            out.push(space.to(t, target));
            return true;
        }
        // One after the other, so that each sees the GPUs that those before it have taken.
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

/// All placed members of one group go to one node, each to the GPUs that suit it there. One delta, O(members). Proposes nothing if
/// the node does not admit every one of them.
struct shift_group {
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

/// A task is left out, or a whole gang. Sensible only where the objective has a price for that (`left_out`), in a tier at
/// least as important as what is gained: everything else is cheaper without tasks. One delta.
struct take_out {
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
