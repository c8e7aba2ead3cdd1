// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/slot.hpp"

#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// Whether there is room for a task.
enum class eviction_outcome : std::uint8_t {
    fits,         ///< the task fits as things are; nothing moves
    evicted,      ///< the task fits once the plan is carried out
    no_node,      ///< no node would take the task if it were empty
    not_worth,    ///< `min_share_per_step` allows no step, or no plan that was found saves the cost of its steps
    not_found,    ///< no plan within the options was found
    not_waiting,  ///< the task or the demand is unknown, or the task is placed or in flight
};

/// The outcome in words.
[[nodiscard]] constexpr const char* to_string(eviction_outcome outcome) noexcept {
    switch (outcome) {
        case eviction_outcome::fits: return "fits";
        case eviction_outcome::evicted: return "evicted";
        case eviction_outcome::no_node: return "no node would take it empty";
        case eviction_outcome::not_worth: return "not worth its moves";
        case eviction_outcome::not_found: return "no room within the moves allowed";
        case eviction_outcome::not_waiting: return "not a waiting task";
    }
    return "unknown";
}

/// The answer of `defragment`: how to make room for one task. A plain value.
struct eviction_plan {
    eviction_outcome outcome = eviction_outcome::not_found;  ///< whether there is room
    slot where{};         ///< the task's slot once the plan is carried out; `unplaced` if there is no room
    migration_plan plan;  ///< in waves that always fit, with both ends held; empty if nothing has to move
    /// No set of moves of distinct tasks with fewer steps makes room; or, if none was found, none within the options
    /// does. Established by the complete search of up to two steps; with a `step_cost`, for plans of one step only.
    bool proven = false;
    /// Growth of the fragmentation of the nodes concerned, in the unit of the fragmentation cost
    double fragmentation = 0.0;
    std::uint64_t evaluations = 0;  ///< combinations of moves and slots evaluated
    /// Why the search ended early, if it did; the best plan so far is returned
    stop_reason stopped = stop_reason::completed;
    /// On a cluster, where positions are taken again: the task of each of `plan.steps`
    std::vector<task_handle> tasks;
    /// On a cluster: the node of each step's target, none for a task that is parked, and at the end that of `where`
    std::vector<node_handle> nodes;

    /// True if there is room for the task, at once or after the plan.
    [[nodiscard]] bool placed() const noexcept { return where.placed(); }
};

}  // namespace berth::inline v0
