// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth::inline v0 {

/// Why a task stays on a place that load should leave. In the order of how far the best target came.
enum class stay_reason : std::uint8_t {
    in_flight,       ///< it is on its way already
    cooling_down,    ///< it was moved a short while ago
    no_improvement,  ///< no target would be better off with it than the place is now
    no_room,         ///< where things would improve a counter has no room, or no GPU is well
    over_limit,      ///< the target would not stay below its own limit, or was itself over it a short while ago
    not_movable,     ///< the movability policy forbids it
    gain_too_small,  ///< less than the minimum gain
    not_worth_it,    ///< the gain does not pay the price
    over_budget,     ///< the round's budget is spent
    no_company,      ///< it would have left, but others that had to leave with it could not
};
inline constexpr std::size_t stay_reason_count = 10;

[[nodiscard]] constexpr const char* to_string(stay_reason why) noexcept {
    switch (why) {
        case stay_reason::in_flight: return "in flight";
        case stay_reason::cooling_down: return "cooling down";
        case stay_reason::no_improvement: return "no improvement";
        case stay_reason::no_room: return "no room";
        case stay_reason::over_limit: return "target over its limit";
        case stay_reason::not_movable: return "not movable";
        case stay_reason::gain_too_small: return "gain too small";
        case stay_reason::not_worth_it: return "not worth its price";
        case stay_reason::over_budget: return "over budget";
        case stay_reason::no_company: return "others could not leave";
    }
    return "";
}

/// A move that a balancer wants, and why.
struct chosen_move {
    task_move move{};
    std::size_t alarm = 0;  ///< which of the round's alarms it answers
    double gain = 0.0;      ///< until the task ends or the horizon is reached
    double price = 0.0;     ///< in the same unit
    migration_estimate estimate{};

    friend constexpr bool operator==(const chosen_move&, const chosen_move&) noexcept = default;
};

/// Room that was made for a task that waits: it fits there when the moves are done.
struct room_made {
    task_index task{};
    slot where{};

    friend constexpr bool operator==(const room_made&, const room_made&) noexcept = default;
};

/// What a balancer answers to one observation. A plain value.
struct balance_round {
    /// In the order in which they were chosen. Carried out one after the other, each holding both its ends meanwhile, they fit.
    std::vector<chosen_move> chosen;
    std::vector<alarm> alarms;     ///< that were on, by trigger and place
    std::size_t answered = 0;      ///< alarms that end with what was chosen
    std::vector<room_made> rooms;  ///< for tasks that wait
    std::array<std::size_t, stay_reason_count>
        staying{};  ///< by `stay_reason`: tasks that stay where load should leave

    [[nodiscard]] std::size_t stays(stay_reason why) const noexcept { return staying[static_cast<std::size_t>(why)]; }
    [[nodiscard]] const char* reason(const chosen_move& c) const noexcept { return alarms[c.alarm].reason; }
    /// The moves alone, as an orderer takes them.
    [[nodiscard]] std::vector<task_move> moves() const {
        std::vector<task_move> all;
        all.reserve(chosen.size());
        for (const chosen_move& c : chosen) all.push_back(c.move);
        return all;
    }

    friend bool operator==(const balance_round&, const balance_round&) = default;
};

}  // namespace berth::inline v0
