// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/movability.hpp"
#include "berth/balance/payback.hpp"

namespace berth::inline v0 {

struct choice_options {
    double cooldown =
        300.0;              ///< seconds for which a task that was chosen is left alone, but by triggers that are urgent
    double min_gain = 0.0;  ///< the least gain a second, in the triggers' unit
};

/// How a balancer chooses: which moves are worth their price, and which are allowed at all.
///
/// ```
/// move_choice{payback{}, same_gpu_model{&fleet}, {.cooldown = 900.0}}
/// move_choice<>{.options = {.cooldown = 900.0}}
/// ```
template <class Pricing = payback<>, class Movable = all_movable>
struct move_choice {
    static_assert(move_valuation<Pricing>, "berth: a pricing has estimate(problem, move), gain(rate, "
                                               "remaining) and price(estimate), as payback has");
    static_assert(movability<Movable>, "berth: what may move is a callable bool(const move&)");

    Pricing pricing{};
    Movable movable{};
    choice_options options{};
};
move_choice() -> move_choice<>;
template <class Pricing>
move_choice(Pricing) -> move_choice<Pricing>;
template <class Pricing, class Movable>
move_choice(Pricing, Movable) -> move_choice<Pricing, Movable>;
template <class Pricing, class Movable>
move_choice(Pricing, Movable, choice_options) -> move_choice<Pricing, Movable>;

}  // namespace berth::inline v0
