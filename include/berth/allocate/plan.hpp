// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
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

/// What a run did.
struct run_counters {
    std::uint64_t evaluations = 0;  ///< candidates scored
    std::uint64_t accepted = 0;     ///< changes that a search carried out
    std::size_t placed = 0;
    std::size_t rejected = 0;  ///< tasks that were looked at and had no place

    friend bool operator==(const run_counters&, const run_counters&) = default;
};

/// The answer of an allocator: a plain value without policy types. Valid whatever `stopped` says.
struct plan {
    berth::assignment assignment;  ///< a slot or `unplaced` for every task
    run_counters counters;
    stop_reason stopped = stop_reason::completed;
    std::vector<task_index> left_out;   ///< tasks without a place, in the order in which they were looked at
    std::vector<why_not> explanations;  ///< one per task left out, if asked for
    std::vector<task_move>
        moves;  ///< of a search: what changed from its start, one per task, in the order of tasks
    std::vector<term_value>
        by_term;  ///< of a search: what every term says of the assignment, as written in the objective
    /// Of a search that checks itself: the first term whose incremental value was wrong, in a sentence. Ends the search.
    std::string disagreement;
};

/// What has to happen to get from one assignment to another: one move for each task whose slots differ, in the order of
/// tasks. Also for `plan::assignment` against the observed placement, wherever the search started. O(tasks).
[[nodiscard]] inline std::vector<task_move> moves_between(std::span<const slot> from, std::span<const slot> to) {
    BERTH_ASSERT(from.size() == to.size(), "berth: both assignments have a slot for every task");
    std::vector<task_move> all;
    for (std::size_t t = 0; t < from.size(); ++t) {
        if (!(from[t] == to[t])) all.push_back({task_index{t}, from[t], to[t]});
    }
    return all;
}

}  // namespace berth::inline v0
