// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/payback.hpp"

namespace berth::inline v0 {

/// Limits that every chosen move has to respect.
struct choice_options {
    double cooldown =
        300.0;  ///< seconds after a choice in which only an urgent trigger may choose the task again, 0 or more
    double min_gain = 0.0;  ///< least gain per second, in the triggers' unit
};

/// How a balancer chooses among moves: their valuation, the movability policy, and limits.
///
/// ```
/// move_choice{payback{}, same_gpu_model{&fleet}, {.cooldown = 900.0}}
/// move_choice<>{.options = {.cooldown = 900.0}}
/// ```
template <class Valuation = payback<>, class Movable = all_movable>
struct move_choice {
    static_assert(move_valuation<Valuation>,
                  "berth: a move valuation has estimate(problem, move), gain(rate, remaining) "
                  "and cost(estimate), as payback has");
    static_assert(movability<Movable>, "berth: a movability policy is a callable bool(const task_move&)");

    Valuation valuation{};     ///< compares gain and cost
    Movable movable{};         ///< which moves are allowed
    choice_options options{};  ///< cooldown and least gain
};
move_choice() -> move_choice<>;
template <class Valuation>
move_choice(Valuation) -> move_choice<Valuation>;
template <class Valuation, class Movable>
move_choice(Valuation, Movable) -> move_choice<Valuation, Movable>;
template <class Valuation, class Movable>
move_choice(Valuation, Movable, choice_options) -> move_choice<Valuation, Movable>;

}  // namespace berth::inline v0
