// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/ledger.hpp"
#include "berth/objective/task_move.hpp"

#include <optional>
#include <span>

namespace berth::inline v0 {

/// Which tasks of a problem a door (`to_assignment_problem`, `to_makespan_problem`, `to_reassignment_problem`) takes
/// along. All others stay where they are, and take their room. Views: read while the door is made, not kept.
/// `cluster_scope` makes one of a cluster.
struct search_scope {
    /// The tasks that take part, each once. Not set: every task with a slot; without a current placement every task.
    /// Tasks without a slot that are not listed are never looked at, so a workload may have vacant positions.
    std::optional<std::span<const task_index>> tasks{};
    /// Moves that are being carried out, each task once: both ends are held, and the answer has their target.
    task_moves in_flight{};
    /// What is free while everything holds its room: tasks where they are, moves at both ends, and whatever else is
    /// held, such as reservations. Of the same fleet. Null: what the current placement and `in_flight` leave.
    const ledger* free = nullptr;
    /// What becomes of a task that the narrower problem cannot express, or that fits nowhere: false: the door is
    /// refused with a sentence that names it; true: it stays where it is, and `left_out` of the door lists it.
    bool inexpressible_stay = false;
};

}  // namespace berth::inline v0
