// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
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
    move_task,  ///< to the wanted slot
    stage,      ///< cycle-breaking, to a temporary host; a later step brings the task to the wanted slot
    /// Into host memory, cycle-breaking or because `unplaced` was wanted: `to` is `unplaced`, and the task does not run
    /// until it is fetched.
    park,
    fetch,  ///< out of host memory to the wanted slot: `from` is `unplaced`
};

/// The kind as a word: `move`, `stage`, `park` or `fetch`.
[[nodiscard]] constexpr const char* to_string(step_kind kind) noexcept {
    constexpr const char* names[] = {"move", "stage", "park", "fetch"};
    return names[static_cast<std::size_t>(kind)];
}

/// A move of one task, as part of a plan. While it is carried out the task holds both ends: what it takes at `from`
/// until the step ends, and the same at `to` from the step's beginning.
struct migration_step {
    task_index task{};                      ///< the task that moves
    slot from{};                            ///< its slot before, `unplaced` for host memory
    slot to{};                              ///< its slot afterwards, `unplaced` for host memory
    step_kind kind = step_kind::move_task;  ///< why the step is there
    double duration = 0.0;                  ///< seconds from reserving the target to releasing the source
    double downtime = 0.0;  ///< seconds in which the task does not run or catches up, without the wait of a parked task

    [[nodiscard]] constexpr task_move move() const noexcept { return {task, from, to}; }  ///< without kind and times
    friend constexpr bool operator==(const migration_step&, const migration_step&) noexcept = default;
};

/// Why a wanted move is not in the plan.
enum class drop_reason : std::uint8_t {
    no_room,        ///< its target never has room, whatever else moves
    cycle,          ///< it waits for a move that waits for it, and no cycle-breaking move was possible or cheap enough
    not_movable,    ///< the task is in flight to another slot
    limit_reached,  ///< the limit of its link, its nodes or the wave is zero
    /// On a cluster: its target is closed or not healthy, or its GPUs are not of the models that the task wants.
    not_admissible,
};

/// The reason as words, for messages.
[[nodiscard]] constexpr const char* to_string(drop_reason why) noexcept {
    constexpr const char* names[] = {"no room", "cycle", "not movable", "limit reached", "not admissible"};
    return names[static_cast<std::size_t>(why)];
}

/// A wanted move that is not in the plan.
struct dropped_move {
    task_move wanted{};                       ///< the whole move, from the initial slot
    drop_reason reason = drop_reason::cycle;  ///< why

    friend constexpr bool operator==(const dropped_move&, const dropped_move&) noexcept = default;
};

/// Steps in an order that always fits: waves one after the other; the steps of a wave happen at the same time, in any
/// order and at any speed, and no counter goes below zero whatever the interleaving, with both ends held. A plain
/// value.
struct migration_plan {
    std::vector<migration_step> steps;   ///< wave by wave
    std::vector<std::size_t> wave_ends;  ///< where each wave ends in `steps`
    std::vector<dropped_move> dropped;   ///< in the order of tasks
    std::size_t extra_steps = 0;         ///< cycle-breaking moves (stages and parks): steps beyond one for each move
    double duration = 0.0;               ///< seconds, each wave as long as its longest step
    double downtime = 0.0;               ///< seconds over all tasks, the waits of parked tasks included
    /// No cheaper set of cycle-breaking moves exists, by the weights that the order was made with: for the moves in the
    /// plan, and without tasks that were not to move.
    bool proven = false;
    std::uint64_t evaluations = 0;  ///< moves put in order by the search for fewer cycle-breaking moves
    /// `cancelled` or `deadline_reached` if the run was asked to stop, `budget_exhausted` if a search ended by its
    /// budget and not by a proof. The plan is valid and complete in every case.
    stop_reason stopped = stop_reason::completed;

    [[nodiscard]] std::size_t wave_count() const noexcept { return wave_ends.size(); }  ///< number of waves
    /// The steps of a wave.
    ///
    /// @param i  below `wave_count()`
    [[nodiscard]] std::span<const migration_step> wave(std::size_t i) const noexcept {
        BERTH_ASSERT(i < wave_ends.size(), "berth: migration_plan::wave takes a number below wave_count()");
        const std::size_t begin = i == 0 ? 0 : wave_ends[i - 1];
        return {steps.data() + begin, wave_ends[i] - begin};
    }

    friend bool operator==(const migration_plan&, const migration_plan&) = default;
};

}  // namespace berth::inline v0
