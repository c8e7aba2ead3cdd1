// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// Why a step is in a plan.
enum class step_kind : std::uint8_t {
    move_task,  ///< to the slot that was wanted
    stage,     ///< to a third slot, to make room; a later step brings the task where it was wanted
    park,      ///< into host memory, to make room: `to` is `unplaced`, and the task does not run until it is fetched
    fetch,     ///< out of host memory to the slot that was wanted: `from` is `unplaced`
};

[[nodiscard]] constexpr const char* to_string(step_kind kind) noexcept {
    constexpr const char* names[] = {"move", "stage", "park", "fetch"};
    return names[static_cast<std::size_t>(kind)];
}

/// One task changes its place. While it does, it holds both ends: what it takes at `from` until the step ends, and the same at
/// `to` from the step's beginning.
struct migration_step {
    task_index task{};
    slot from{};
    slot to{};
    step_kind kind = step_kind::move_task;
    double duration = 0.0;  ///< seconds from reserving the target to releasing the source
    double downtime =
        0.0;  ///< seconds in which the task does not run or catches up; a parked task's wait is not in here

    [[nodiscard]] constexpr task_move move() const noexcept { return {task, from, to}; }
    friend constexpr bool operator==(const migration_step&, const migration_step&) noexcept = default;
};

/// Why a move that was wanted is not in the plan.
enum class drop_reason : std::uint8_t {
    no_room,        ///< its target never has room, whatever else moves
    cycle,          ///< it waits for a move that waits for it, and no breaker was free or cheap enough
    not_movable,    ///< the task may not leave its slot, or is on its way already
    limit_reached,  ///< the link or node allows no move at all
};

[[nodiscard]] constexpr const char* to_string(drop_reason why) noexcept {
    constexpr const char* names[] = {"no room", "cycle", "not movable", "limit reached"};
    return names[static_cast<std::size_t>(why)];
}

/// A move that was wanted and does not happen.
struct dropped_move {
    task_move wanted{};
    drop_reason reason = drop_reason::cycle;

    friend constexpr bool operator==(const dropped_move&, const dropped_move&) noexcept = default;
};

/// Steps in an order that always fits: waves one after the other; the steps of a wave happen at the same time, in any order and
/// at any speed, and no counter goes below zero whatever the interleaving, with both ends held. A plain value.
struct migration_plan {
    std::vector<migration_step> steps;        ///< wave by wave
    std::vector<std::size_t> wave_ends;       ///< where each wave ends in `steps`
    std::vector<dropped_move> dropped;  ///< in the order of tasks
    std::size_t extra_steps = 0;              ///< stages and parks: steps beyond one for each move
    double duration = 0.0;                    ///< seconds, each wave as long as its longest step
    double downtime = 0.0;                    ///< seconds over all tasks, the waits of parked tasks included
    /// No cheaper set of moves could have been staged or parked, for the prices that the order was made with. What was dropped
    /// is not part of this, nor that tasks without a move might step aside.
    bool proven = false;

    [[nodiscard]] std::size_t wave_count() const noexcept { return wave_ends.size(); }
    [[nodiscard]] std::span<const migration_step> wave(std::size_t i) const noexcept {
        BERTH_ASSERT(i < wave_ends.size(), "berth: a wave of the plan");
        const std::size_t begin = i == 0 ? 0 : wave_ends[i - 1];
        return {steps.data() + begin, wave_ends[i] - begin};
    }

    friend bool operator==(const migration_plan&, const migration_plan&) = default;
};

}  // namespace berth::inline v0
