// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/concepts.hpp"
#include "berth/migrate/movability.hpp"
#include "berth/migrate/payback.hpp"

namespace berth {

struct choice_options {
    double cooldown =
        300.0;              ///< seconds for which a task that was chosen is left alone, but by triggers that are urgent
    double min_gain = 0.0;  ///< the least gain a second, in the triggers' unit
};

/// How a balancer chooses: which relocations are worth their price, and which are allowed at all.
///
/// ```
/// relocation_choice{payback{}, same_gpu_model{&fleet}, {.cooldown = 900.0}}
/// relocation_choice<>{.options = {.cooldown = 900.0}}
/// ```
template <class Pricing = payback<>, class Movable = all_movable>
struct relocation_choice {
    static_assert(relocation_pricing<Pricing>, "berth: a pricing has estimate(problem, relocation), gain(rate, "
                                               "remaining) and price(estimate), as payback has");
    static_assert(movability<Movable>, "berth: what may move is a callable bool(const relocation&)");

    Pricing pricing{};
    Movable movable{};
    choice_options options{};
};
relocation_choice() -> relocation_choice<>;
template <class Pricing>
relocation_choice(Pricing) -> relocation_choice<Pricing>;
template <class Pricing, class Movable>
relocation_choice(Pricing, Movable) -> relocation_choice<Pricing, Movable>;
template <class Pricing, class Movable>
relocation_choice(Pricing, Movable, choice_options) -> relocation_choice<Pricing, Movable>;

}  // namespace berth
