// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/migration_plan.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// What became of a task that room was looked for.
enum class eviction_outcome : std::uint8_t {
    fits,       ///< there is room as things are: nothing moves
    evicted,    ///< there is room after the moves of the plan
    no_node,    ///< no node would take it if it were empty
    not_worth,  ///< `least_share` allows no step for it, or no way that was found is worth the price of its steps
    not_found,  ///< no set of moves within the options was found
};

[[nodiscard]] constexpr const char* to_string(eviction_outcome outcome) noexcept {
    switch (outcome) {
        case eviction_outcome::fits: return "fits";
        case eviction_outcome::evicted: return "rescued";
        case eviction_outcome::no_node: return "no node would take it empty";
        case eviction_outcome::not_worth: return "not worth its moves";
        case eviction_outcome::not_found: return "no room within the moves allowed";
    }
    return "unknown";
}

/// The answer of `defragment`: a plain value.
struct eviction_plan {
    eviction_outcome outcome = eviction_outcome::not_found;
    slot where{};         ///< the task's slot once the plan is carried out; `unplaced` if there is none
    migration_plan plan;  ///< in waves that always fit, both ends held; empty if nothing has to move
    /// Every set of moves of distinct tasks that could do it with fewer steps was looked at, and if none was found, every set
    /// up to the size allowed. Known for up to two steps; where steps have a price, of a eviction_plan only for one.
    bool proven = false;
    double fragmentation = 0.0;  ///< by how much the fragmentation of the nodes concerned grows, in the unit of the fragmentation policy
    std::uint64_t evaluations = 0;

    [[nodiscard]] bool placed() const noexcept { return where.placed(); }
};

}  // namespace berth::inline v0
