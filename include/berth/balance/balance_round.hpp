// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/core/index.hpp"
#include "berth/core/run_control.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// Why a task was not moved off a place in alarm, ordered by the last check that its best target passed.
enum class stay_reason : std::uint8_t {
    in_flight,         ///< it is in flight, or already chosen
    cooling_down,      ///< it was chosen less than `choice_options::cooldown` seconds ago
    not_measured,      ///< its own load was not measured, and the trigger weighs loads
    no_improvement,    ///< every target would end up worse than the source is
    no_room,           ///< on every better target a counter is short, no GPU is healthy, or the gang's model is missing
    over_limit,        ///< the target would exceed a trigger's limit, or did so within the trigger's memory
    not_movable,       ///< the movability policy forbids the move
    gain_too_small,    ///< the gain is below `choice_options::min_gain`
    gain_below_cost,   ///< the move costs at least what it gains
    over_budget,       ///< the round's budget is spent
    group_incomplete,  ///< it could leave, but others that had to leave with it, of its gang or for a room, could not
};
/// The number of `stay_reason` values.
inline constexpr std::size_t stay_reason_count = 11;

/// The reason in words; "" for a value that is none.
[[nodiscard]] constexpr const char* to_string(stay_reason why) noexcept {
    switch (why) {
        case stay_reason::in_flight: return "in flight";
        case stay_reason::cooling_down: return "cooling down";
        case stay_reason::not_measured: return "load not measured";
        case stay_reason::no_improvement: return "no improvement";
        case stay_reason::no_room: return "no room";
        case stay_reason::over_limit: return "target over its limit";
        case stay_reason::not_movable: return "not movable";
        case stay_reason::gain_too_small: return "gain too small";
        case stay_reason::gain_below_cost: return "gain below cost";
        case stay_reason::over_budget: return "over budget";
        case stay_reason::group_incomplete: return "group incomplete";
    }
    return "";
}

/// A move that a balancer recommends, and why.
struct chosen_move {
    task_move move{};               ///< the task, its slot, and the target
    std::size_t alarm = 0;          ///< position in `balance_round::alarms` of the alarm that it answers
    double gain = 0.0;              ///< what it saves until the task ends or the horizon is reached
    double cost = 0.0;              ///< what it costs, in the unit of `gain`
    migration_estimate estimate{};  ///< its duration, downtime and bytes

    /// Equal in all members.
    friend constexpr bool operator==(const chosen_move&, const chosen_move&) noexcept = default;
};

/// Room made for a waiting task: it fits there once the chosen moves are carried out.
struct room_made {
    task_index task{};  ///< the waiting task
    slot where{};       ///< the slot kept for it

    /// Equal in all members.
    friend constexpr bool operator==(const room_made&, const room_made&) noexcept = default;
};

/// The answer of a balancer to one observation. A plain value. Choices are advisory; report those you started in
/// `in_flight`.
struct balance_round {
    /// In the order in which they were chosen. Carried out one after the other, each with both ends held, they fit.
    std::vector<chosen_move> chosen;
    std::vector<alarm> alarms;  ///< the active alarms, by trigger, then by place
    std::size_t answered =
        0;  ///< alarms that end once the moves are carried out; a lower bound if the round was stopped
    std::vector<room_made> rooms;  ///< slots kept for waiting tasks
    /// Per `stay_reason`: tasks that were not moved off a place in alarm. Places that a stopped round did not finish
    /// are not counted.
    std::array<std::size_t, stay_reason_count> staying{};
    std::uint64_t evaluations = 0;                 ///< moves evaluated: pairs of a task and a target
    stop_reason stopped = stop_reason::completed;  ///< why the round ended early, if it did

    /// The number of tasks that were not moved for this reason.
    [[nodiscard]] std::size_t stays(stay_reason why) const noexcept { return staying[static_cast<std::size_t>(why)]; }
    /// The name of the trigger whose alarm the move answers.
    [[nodiscard]] const char* reason(const chosen_move& c) const noexcept { return alarms[c.alarm].reason; }
    /// The chosen moves alone, in order.
    [[nodiscard]] std::vector<task_move> moves() const {
        std::vector<task_move> all;
        all.reserve(chosen.size());
        for (const chosen_move& c : chosen) all.push_back(c.move);
        return all;
    }

    /// Equal in all members.
    friend bool operator==(const balance_round&, const balance_round&) = default;
};

}  // namespace berth::inline v0
