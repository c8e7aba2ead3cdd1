// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/move_choice.hpp"

#include <doctest/doctest.h>

#include <type_traits>

TEST_CASE("move_choice: template arguments are deduced") {
    const berth::move_choice none{};
    static_assert(std::is_same_v<decltype(none), const berth::move_choice<berth::payback<>, berth::all_movable>>);
    CHECK(none.options.cooldown == 300.0);
    const auto stays = [](const berth::task_move&) { return false; };
    const berth::move_choice some{berth::payback{berth::uniform_migration{.seconds = 3.0}}, stays, {.cooldown = 1.0}};
    CHECK(some.valuation.cost_model.seconds == 3.0);
    CHECK_FALSE(some.movable({}));
    CHECK(some.options.cooldown == 1.0);
    CHECK(some.options.min_gain == 0.0);
    CHECK(berth::move_choice<>{.options = {.cooldown = 900.0}}.options.cooldown == 900.0);
}
