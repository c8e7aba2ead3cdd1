// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/why_not.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/objective/term_value.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace berth::inline v0 {

/// How much a run did.
struct run_counters {
    std::uint64_t evaluations = 0;  ///< candidates scored
    std::uint64_t accepted = 0;     ///< changes that a search carried out
    std::size_t placed = 0;         ///< tasks with a slot
    std::size_t rejected = 0;       ///< tasks that were tried and have no slot
    std::size_t skipped = 0;        ///< entries of a task order that name no task of the workload, or one listed before

    /// Equal in every counter.
    friend bool operator==(const run_counters&, const run_counters&) = default;
};

/// The answer of an allocator: a plain value without policy types. Valid whatever `stopped` is.
struct plan {
    berth::assignment assignment;                  ///< a slot or `unplaced` for every task
    run_counters counters;                         ///< for comparing runs
    stop_reason stopped = stop_reason::completed;  ///< why the run ended
    std::vector<task_index> left_out;              ///< tasks without a slot, in the order in which they were tried
    std::vector<why_not> explanations;             ///< one per task left out, if requested
    std::vector<group_index> undecided_gangs;      ///< gangs left out without proof that they have no place
    std::vector<task_move> moves;  ///< of a search: the changes from its start, one per task, in the order of tasks
    std::vector<term_value>
        by_term;  ///< of a search: every term's value of the assignment, as written in the objective
    /// Of a search that checks itself: names the first term whose incremental value was wrong. Ends the search.
    std::string disagreement;
};

/// The moves that lead from one assignment to another: one for each task whose slots differ, in the order of tasks.
/// With `plan::assignment` as `to` and the initial assignment as `from` it works wherever the search started. O(tasks).
///
/// @param from  a slot or `unplaced` per task
/// @param to    the same; a task that only one of the two lists has is unplaced in the other
[[nodiscard]] inline std::vector<task_move> moves_between(std::span<const slot> from, std::span<const slot> to) {
    std::vector<task_move> all;
    for (std::size_t t = 0; t < from.size() || t < to.size(); ++t) {
        const slot before = t < from.size() ? from[t] : unplaced;
        const slot after = t < to.size() ? to[t] : unplaced;
        if (!(before == after)) all.push_back({task_index{t}, before, after});
    }
    return all;
}

}  // namespace berth::inline v0
