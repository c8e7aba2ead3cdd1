// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/migration_plan.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>

namespace berth {

/// What became of a task that room was looked for.
enum class rescue_outcome : std::uint8_t {
    fits,       ///< there is room as things are: nothing moves
    rescued,    ///< there is room after the relocations of the plan
    no_node,    ///< no node would take it if it were empty
    not_worth,  ///< `least_share` allows no step for it, or no way that was found is worth the price of its steps
    not_found,  ///< no set of relocations within the options was found
};

[[nodiscard]] constexpr const char* to_string(rescue_outcome outcome) noexcept {
    switch (outcome) {
        case rescue_outcome::fits: return "fits";
        case rescue_outcome::rescued: return "rescued";
        case rescue_outcome::no_node: return "no node would take it empty";
        case rescue_outcome::not_worth: return "not worth its relocations";
        case rescue_outcome::not_found: return "no room within the relocations allowed";
    }
    return "unknown";
}

/// The answer of `defragment`: a plain value.
struct rescue {
    rescue_outcome outcome = rescue_outcome::not_found;
    slot where{};         ///< the task's slot once the plan is carried out; `unplaced` if there is none
    migration_plan plan;  ///< in waves that always fit, both ends held; empty if nothing has to move
    /// Every set of relocations of distinct tasks that could do it with fewer steps was looked at, and if none was found, every set
    /// up to the size allowed. Known for up to two steps; where steps have a price, of a rescue only for one.
    bool proven = false;
    double waste = 0.0;  ///< by how much the waste of the nodes concerned grows, in the unit of the waste policy
    std::uint64_t evaluations = 0;

    [[nodiscard]] bool placed() const noexcept { return where.placed(); }
};

}  // namespace berth
