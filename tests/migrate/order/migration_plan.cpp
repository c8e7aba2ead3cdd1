// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/migration_plan.hpp"

#include <doctest/doctest.h>

#include <string_view>

using berth::drop_reason;
using berth::migration_plan;
using berth::step_kind;
using berth::task_index;

TEST_CASE("migration_plan: waves are parts of the steps") {
    migration_plan plan;
    CHECK(plan.wave_count() == 0);
    const berth::slot a{berth::node_index{0}, 1};
    const berth::slot b{berth::node_index{1}, 1};
    plan.steps = {{task_index{0}, a, b}, {task_index{1}, b, berth::unplaced, step_kind::park}, {task_index{2}, b, a}};
    plan.wave_ends = {2, 3};
    REQUIRE(plan.wave_count() == 2);
    CHECK(plan.wave(0).size() == 2);
    REQUIRE(plan.wave(1).size() == 1);
    CHECK(plan.wave(1)[0].move() == berth::task_move{task_index{2}, b, a});
    migration_plan other = plan;
    CHECK(other == plan);
    other.dropped.push_back({plan.steps[0].move(), drop_reason::no_room});
    CHECK_FALSE(other == plan);
}

TEST_CASE("migration_plan: kinds and reasons have names") {
    CHECK(to_string(step_kind::move_task) == std::string_view{"move"});
    CHECK(to_string(step_kind::fetch) == std::string_view{"fetch"});
    CHECK(to_string(drop_reason::no_room) == std::string_view{"no room"});
    CHECK(to_string(drop_reason::limit_reached) == std::string_view{"limit reached"});
}
