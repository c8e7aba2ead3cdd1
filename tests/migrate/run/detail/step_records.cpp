// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/detail/step_records.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace berth;
using namespace berth::detail;
using namespace berth_test;

namespace {

/// Task 0 goes 0 -> 1 -> 2 -> 3, each in its wave.
migration_progress three_steps() {
    migration_progress p;
    for (std::size_t i = 0; i < 3; ++i) {
        p.plan.steps.push_back({.task = task_index{0}, .from = on(i), .to = on(i + 1)});
        p.plan.wave_ends.push_back(i + 1);
    }
    p.records.resize(3);
    return p;
}

void set(migration_progress& p, std::size_t step, migration_outcome outcome) {
    p.records[step].outcome = outcome;
    p.records[step].phase = outcome == migration_outcome::open ? migration_phase::acting : migration_phase::ended;
}

std::vector<slot> held_by(const migration_progress& p) {
    std::vector<slot> slots;
    for (const task_hold& h : held_slots(p, steps_before(p.plan, 1))) {
        if (h.where.placed()) slots.push_back(h.where);
        if (h.to.placed()) slots.push_back(h.to);
    }
    return slots;
}

}  // namespace

TEST_CASE("where a task is before each of its steps") {
    migration_progress p = three_steps();
    const auto before = steps_before(p.plan, 1);
    CHECK(before[0] == no_step);
    CHECK(before[2] == 1);
    CHECK(place_before(p, before, 0).where == on(0));
    CHECK_FALSE(place_before(p, before, 1).known);
    set(p, 0, migration_outcome::done);
    CHECK(place_before(p, before, 1).where == on(1));
    set(p, 1, migration_outcome::rolled_back);
    CHECK(place_before(p, before, 2).where == on(1));
    set(p, 1, migration_outcome::lost);
    CHECK_FALSE(place_before(p, before, 2).known);
    set(p, 0, migration_outcome::invalid);
    set(p, 1, migration_outcome::not_begun);
    CHECK(place_before(p, before, 2).where == on(0));
}

TEST_CASE("what a task holds") {
    migration_progress p = three_steps();
    CHECK(held_by(p) == std::vector<slot>{on(0)});
    set(p, 0, migration_outcome::open);
    CHECK(held_by(p) == std::vector<slot>{on(0), on(1)});
    set(p, 0, migration_outcome::done);
    CHECK(held_by(p) == std::vector<slot>{on(1)});
    set(p, 1, migration_outcome::unresolved);
    set(p, 2, migration_outcome::invalid);
    CHECK(held_by(p) == std::vector<slot>{on(1), on(2)});
    set(p, 1, migration_outcome::lost);
    CHECK(held_by(p).empty());
    p.plan.steps[1].to = unplaced;
    set(p, 1, migration_outcome::done);
    CHECK(held_by(p).empty());
}

TEST_CASE("names of tasks and nodes are the fingerprint") {
    const move_world world = hand_world(4, {10, 10});
    migration_progress p = three_steps();
    const std::uint64_t print = fingerprint(world.problem(), p.plan);
    CHECK(print == fingerprint(world.problem(), p.plan));
    p.plan.steps[2].task = task_index{1};
    CHECK(print != fingerprint(world.problem(), p.plan));
    p.plan.steps[2] = {.task = task_index{0}, .from = on(2), .to = unplaced};
    CHECK(print != fingerprint(world.problem(), p.plan));
}
