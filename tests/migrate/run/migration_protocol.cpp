// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_protocol.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace berth;
using namespace berth_test;
using enum migration_action;
using kind = protocol_step::kind;

namespace {

const task_move moves{task_index{0}, on(0), on(1)};
const task_move parks{task_index{0}, on(0), unplaced};
const task_move fetches{task_index{0}, unplaced, on(1)};

struct walk {
    std::vector<migration_action> actions;
    kind end = kind::wait;
};

/// What happens if everything succeeds.
walk walk_from(const task_move& r, migration_direction direction, migration_state seen) {
    walk all;
    for (;;) {
        const protocol_step next = next_action(r, direction, seen);
        direction = next.direction;
        if (next.what != kind::act) return all.end = next.what, all;
        all.actions.push_back(next.action);
        REQUIRE(all.actions.size() < 20);
        seen = after(next.action, seen);
    }
}

using actions = std::vector<migration_action>;

}  // namespace

TEST_CASE("the actions of a move when nothing fails") {
    const walk moved = walk_from(moves, migration_direction::forward, before_migration(moves));
    CHECK(moved.actions == actions{reserve, lock, checkpoint, transfer, restore, unlock, release});
    CHECK(moved.end == kind::done);
    const walk parked = walk_from(parks, migration_direction::forward, before_migration(parks));
    CHECK(parked.actions == actions{reserve, lock, checkpoint, transfer, release});
    CHECK(parked.end == kind::done);
    const walk fetched = walk_from(fetches, migration_direction::forward, before_migration(fetches));
    CHECK(fetched.actions == actions{reserve, transfer, restore, unlock, release});
    CHECK(fetched.end == kind::done);
}

TEST_CASE("every state before the restore can be taken back") {
    migration_state seen = before_migration(moves);
    const auto back = [&] { return walk_from(moves, migration_direction::back, seen); };
    CHECK(back().actions.empty());
    seen = after(reserve, seen);
    CHECK(back().actions == actions{cancel});
    seen = after(lock, seen);
    CHECK(back().actions == actions{unlock_back, cancel});
    seen = after(checkpoint, seen);
    CHECK(back().actions == actions{restore_back, unlock_back, cancel});
    seen = after(transfer, seen);
    CHECK(back().actions == actions{restore_back, unlock_back, cancel});
    CHECK(back().end == kind::undone);
    seen = after(restore, seen);
    CHECK(back().actions == actions{unlock, release});  // no image at the source is known
    seen.image_at_source = true;
    CHECK(back().actions == actions{restore_back, unlock_back, cancel});
    seen = after(unlock, seen);
    CHECK(back().actions == actions{release});
    CHECK(back().end == kind::done);
}

TEST_CASE("a parked task goes back into host memory if it cannot be fetched") {
    migration_state seen = after(transfer, after(reserve, before_migration(fetches)));
    const walk back = walk_from(fetches, migration_direction::back, seen);
    CHECK(back.actions == actions{cancel});
    CHECK(back.end == kind::undone);
    CHECK(walk_from(fetches, migration_direction::back, after(restore, seen)).actions == actions{unlock, release});
}

TEST_CASE("both ends of a lost task are given back") {
    migration_state seen = after(transfer, after(checkpoint, after(lock, after(reserve, before_migration(moves)))));
    seen.task = task_location::lost;
    for (const auto direction : {migration_direction::forward, migration_direction::back}) {
        const walk lost = walk_from(moves, direction, seen);
        CHECK(lost.actions == actions{cancel, release});
        CHECK(lost.end == kind::lost);
    }
}

TEST_CASE("a target that is not held any more turns a move back") {
    for (const migration_action last : {lock, checkpoint, transfer}) {
        migration_state seen = after(reserve, before_migration(moves));
        for (const migration_action a : {lock, checkpoint, transfer}) {
            seen = after(a, seen);
            if (a == last) break;
        }
        seen.target_held = false;
        CHECK(walk_from(moves, migration_direction::forward, seen).end == kind::undone);
    }
}

TEST_CASE("every state leads to an end by safe actions") {
    for (const task_move& r : {moves, parks, fetches}) {
        for (std::size_t bits = 0; bits < 8 * task_location_count * 2; ++bits) {
            migration_state seen{.task = static_cast<task_location>(bits / 16),
                                 .source_held = (bits & 1U) != 0,
                                 .target_held = (bits & 2U) != 0,
                                 .image_at_source = (bits & 4U) != 0};
            migration_direction direction = (bits & 8U) != 0 ? migration_direction::back : migration_direction::forward;
            std::size_t taken = 0;
            for (;;) {
                const protocol_step next = next_action(r, direction, seen);
                direction = next.direction;
                if (next.what != kind::act) break;
                REQUIRE(++taken < 12);
                const bool at_target = seen.task == task_location::runs_at_target;
                const bool safe_in_memory = seen.task == task_location::arrived && !r.to.placed();
                const bool lost = seen.task == task_location::lost;
                if (next.action == restore) CHECK(seen.target_held);
                if (next.action == lock) CHECK(seen.target_held);
                if (next.action == restore_back) CHECK(seen.source_held);
                if (next.action == restore_back) CHECK_FALSE(at_target);
                if (next.action == release) CHECK(seen.source_held);
                if (next.action == release) CHECK((at_target || safe_in_memory || lost));
                if (next.action == cancel) CHECK(seen.target_held);
                if (next.action == cancel) CHECK_FALSE(at_target);
                seen = after(next.action, seen);
            }
        }
    }
}

TEST_CASE("an unknown state is waited for and an impossible one is a contradiction") {
    migration_state seen = before_migration(moves);
    seen.busy = true;
    CHECK(next_action(moves, migration_direction::forward, seen).what == kind::wait);
    CHECK(next_action(moves, migration_direction::forward, {}).what == kind::wait);
    CHECK(next_action(moves, migration_direction::forward, {.task = task_location::elsewhere}).what == kind::not_here);
    CHECK(next_action(moves, migration_direction::forward, {.task = task_location::suspended}).what ==
          kind::contradiction);
    CHECK(next_action(moves, migration_direction::forward, {.task = task_location::runs_at_target}).what ==
          kind::contradiction);
    CHECK(runs(task_location::runs_at_source));
    CHECK_FALSE(runs(task_location::locked_at_target));
}
