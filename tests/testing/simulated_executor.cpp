// SPDX-License-Identifier: Apache-2.0
#include "berth/testing/simulated_executor.hpp"

#include "berth/migrate/order/costs/restart.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace berth;
using namespace berth_test;
using enum migration_action;

namespace {

move_world one_of_two() {
    move_world world = hand_world(2, {60, 60});
    world.initial[0] = on(0);
    return world;
}

/// Sends commands as a scheduler would, right or wrong.
struct commander {
    simulated_executor<>& executor;
    migration_job job{{task_index{0}, on(0), on(1)}, {1, 0}, 0, 0};
    double now = 0.0;

    action_status command(migration_action action) {
        ++job.token.serial;
        executor.start(action, job, now);
        while (executor.poll(action, job, now) == action_status::pending) now = executor.next_event();
        return executor.poll(action, job, now);
    }
    void command_all(std::initializer_list<migration_action> actions) {
        for (const migration_action action : actions) CHECK(command(action) == action_status::done);
    }
};

}  // namespace

TEST_CASE("a move without faults by hand") {
    const move_world world = one_of_two();
    const problem p = world.problem();
    simulated_executor<> executor{p, world.initial};
    commander h{executor};
    CHECK(executor.next_event() == std::numeric_limits<double>::infinity());
    h.command_all({reserve, lock, checkpoint, transfer, restore, unlock});
    CHECK(executor.ledger().free(gpu_index{0})[1] == 20);
    CHECK(executor.ledger().free(gpu_index{1})[1] == 20);
    CHECK(executor.location(task_index{0}) == on(1));
    CHECK(executor.query(h.job, h.now).task == task_location::runs_at_target);
    h.command_all({release});
    CHECK(executor.ledger().free(gpu_index{0})[1] == 80);
    CHECK(executor.at_rest(task_index{0}));
    CHECK(executor.releases() == 1);
    CHECK(h.now == doctest::Approx(1.0));
    CHECK(executor.query(h.job, h.now) == migration_state{.task = task_location::runs_at_target, .target_held = true});
    CHECK(executor.violations() == 0);
}

TEST_CASE("lost work is downtime and makes no action longer") {
    const move_world world = one_of_two();
    const problem p = world.problem();
    const restart<> cost{.checkpoint_interval = 600.0};
    simulated_executor<restart<>> executor{p, world.initial, {}, cost};
    migration_job job{{task_index{0}, on(0), on(1)}, {1, 0}, 0, 0};
    double now = 100.0;
    for (const migration_action action : {reserve, lock, checkpoint, transfer, restore, unlock, release}) {
        ++job.token.serial;
        executor.start(action, job, now);
        CHECK(executor.next_event() >= now);
        now = executor.next_event();
        CHECK(executor.poll(action, job, now) == action_status::done);
    }
    CHECK(now - 100.0 == doctest::Approx(cost(p, job.move).duration));
}

TEST_CASE("every violation is counted") {
    const move_world world = one_of_two();
    const problem p = world.problem();
    const auto counted = [&](std::initializer_list<migration_action> right, migration_action wrong,
                             migration_violation kind) {
        simulated_executor<> executor{p, world.initial};
        commander h{executor};
        h.command_all(right);
        CHECK(executor.violations() == 0);
        CHECK(h.command(wrong) == action_status::failed);
        CHECK(executor.violations() == 1);
        CHECK(executor.violations(kind) == 1);
    };
    using enum migration_violation;
    counted({reserve, lock}, release, killed);
    counted({reserve, lock, checkpoint, transfer, restore}, cancel, killed);
    counted({reserve, lock, checkpoint, transfer, restore}, restore, double_run);
    counted({reserve, lock, checkpoint, transfer, restore, unlock}, restore_back, double_run);
    counted({reserve, lock, checkpoint, transfer, restore, unlock}, unlock_back, double_run);
    counted({lock, checkpoint, transfer}, restore, unreserved);
    counted({reserve}, reserve, out_of_order);
    counted({reserve}, checkpoint, out_of_order);
    counted({lock}, cancel, released_twice);
    counted({reserve, lock, checkpoint, transfer, restore, unlock, release}, release, out_of_order);
}

TEST_CASE("missing room and overlapping actions are violations") {
    move_world world = one_of_two();
    world.initial[1] = on(1);
    const problem p = world.problem();
    simulated_executor<> executor{p, world.initial};
    commander h{executor};
    CHECK(h.command(reserve) == action_status::failed);
    CHECK(executor.violations(migration_violation::overflow) == 1);
    ++h.job.token.serial;
    executor.start(lock, h.job, h.now);
    ++h.job.token.serial;
    executor.start(checkpoint, h.job, h.now);
    CHECK(executor.violations(migration_violation::overlapping) == 1);
}

TEST_CASE("stale and duplicate commands are ignored") {
    const move_world world = one_of_two();
    const problem p = world.problem();
    simulated_executor<> executor{p, world.initial};
    commander h{executor};
    h.command_all({reserve});
    executor.start(reserve, h.job, h.now);
    CHECK(executor.violations() == 0);
    migration_job newer = h.job;
    newer.token = {2, 0};
    CHECK(executor.query(newer, h.now).target_held);
    h.job.token.serial = 9;
    executor.start(lock, h.job, h.now);
    CHECK(executor.refused() == 1);
    CHECK(executor.poll(lock, h.job, h.now) == action_status::failed);
    CHECK(executor.query(newer, 100.0).task == task_location::runs_at_source);
}

TEST_CASE("actions that hang, are misreported or are fatal") {
    const move_world world = one_of_two();
    const problem p = world.problem();
    simulated_faults faults;
    faults.of[static_cast<std::size_t>(reserve)].misreported = 1.0;
    faults.of[static_cast<std::size_t>(lock)].hangs = 1.0;
    simulated_executor<> executor{p, world.initial, faults};
    commander h{executor};
    CHECK(h.command(reserve) == action_status::failed);
    CHECK(executor.query(h.job, h.now).target_held);
    ++h.job.token.serial;
    executor.start(lock, h.job, h.now);
    CHECK(executor.poll(lock, h.job, 1e12) == action_status::pending);
    CHECK(executor.query(h.job, 1e12).busy);
    executor.abort(lock, h.job, 1e12);
    CHECK(executor.poll(lock, h.job, 1e12 + 2.0) == action_status::failed);
    CHECK_FALSE(executor.query(h.job, 1e12 + 2.0).busy);

    faults = {};
    faults.of[static_cast<std::size_t>(restore)] = {.refused = 1.0, .fatal = 1.0};
    simulated_executor<> fatal{p, world.initial, faults};
    commander g{fatal};
    g.command_all({reserve, lock, checkpoint, transfer});
    CHECK(g.command(restore) == action_status::failed);
    CHECK(fatal.query(g.job, g.now).task == task_location::lost);
    CHECK(fatal.lost(task_index{0}));
    g.command_all({cancel, release});
    CHECK(fatal.ledger() == ledger{p.fleet()});
    CHECK(fatal.violations() == 0);
    CHECK(fatal.query(g.job, g.now).task == task_location::lost);
}

TEST_CASE("the outcome does not depend on how often it is polled") {
    const move_world world = one_of_two();
    const problem p = world.problem();
    const auto run = [&](double tick) {
        simulated_executor<> executor{p, world.initial, simulated_faults::everywhere(0.5, 0.5, 11)};
        migration_job job{{task_index{0}, on(0), on(1)}, {1, 1}, 0, 0};
        executor.start(reserve, job, 0.0);
        for (double now = 0.0; now < 1.0; now += tick) (void)executor.poll(reserve, job, now);
        return executor.query(job, 1.0);
    };
    CHECK(run(0.5) == run(0.001));
}

TEST_CASE("a task that arrives takes its room and can be moved") {
    move_world world = hand_world(3, {60, 60, 60});
    world.initial[0] = on(0);
    const problem p = world.problem();
    simulated_executor<> executor{p, world.initial};
    executor.arrive(task_index{1}, on(1));
    CHECK(executor.ledger().free(gpu_index{1})[1] == 20);
    executor.arrive(task_index{2}, on(1));
    CHECK(executor.violations(migration_violation::overflow) == 1);
    commander h{executor};
    h.job.move = {task_index{1}, on(1), on(2)};
    h.command_all({reserve, lock, checkpoint, transfer, restore, unlock, release});
    CHECK(executor.location(task_index{1}) == on(2));
}

TEST_CASE(
    "on a cluster: nodes that leave take with them what was there, and another task at a position is another task") {
    cluster c{{.gpu = {"share", "memory"}, .node = {}, .domain = {}}};
    const amount capacity[] = {1000, 80};
    const gpu_description gpu[] = {{.model = "H100", .capacity = capacity}};
    for (const char* name : {"a", "b", "c"}) (void)need(c.join(node_description{.name = name, .gpus = gpu}));
    const amount demand[] = {1, 60};
    const task_handle first = need(c.admit(task_description{.gpu_demand = demand}));
    REQUIRE(c.place(first, on(0)));
    simulated_executor<> executor{c};
    CHECK(executor.ledger() == c.ledger());
    commander h{executor};
    h.job.task = first;
    h.command_all({reserve, lock, checkpoint});
    REQUIRE(c.leave(c.handle(node_index{1})));
    CHECK(executor.query(h.job, h.now) ==
          migration_state{.task = task_location::suspended, .source_held = true, .image_at_source = true});
    REQUIRE(c.leave(c.handle(node_index{0})));
    CHECK(executor.query(h.job, h.now).task == task_location::lost);
    CHECK(executor.lost(*c.find(first)));
    CHECK(executor.at_rest(*c.find(first)));
    CHECK(executor.ledger() == c.ledger());

    executor.depart(*c.find(first));
    REQUIRE(c.retire(first));
    const task_handle second = need(c.admit(task_description{.gpu_demand = demand}));
    REQUIRE(c.place(second, on(2)));
    executor.arrive(*c.find(second), on(2));
    executor.start(reserve, h.job, h.now);  // a late command about the first
    CHECK(executor.refused() == 1);
    CHECK(executor.query(h.job, h.now).task == task_location::elsewhere);
    CHECK(executor.location(*c.find(second)) == on(2));
    CHECK(executor.ledger() == c.ledger());
    CHECK(executor.violations() == 0);
}
