// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_report.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

TEST_CASE("a report of one step of each outcome") {
    migration_progress p{.actions = 40, .retries = 2, .stopped = stop_reason::cancelled};
    const auto add = [&](std::size_t task, slot from, slot to, migration_outcome outcome, double downtime) {
        p.plan.steps.push_back({.task = task_index{task}, .from = from, .to = to});
        migration_record r;
        r.outcome = outcome;
        r.phase = outcome == migration_outcome::open ? migration_phase::acting : migration_phase::ended;
        r.downtime = downtime;
        r.failure = migration_failure::failed;
        r.failed = migration_action::restore;
        p.records.push_back(r);
    };
    add(0, on(0), on(1), migration_outcome::done, 1.0);
    add(1, on(0), on(1), migration_outcome::rolled_back, 2.0);
    add(2, on(0), on(1), migration_outcome::lost, 4.0);
    add(3, on(0), unplaced, migration_outcome::done, 8.0);
    add(4, on(0), unplaced, migration_outcome::done, 0.0);
    add(4, unplaced, on(2), migration_outcome::done, 0.0);
    add(5, on(0), unplaced, migration_outcome::done, 0.0);
    add(5, unplaced, on(2), migration_outcome::invalid, 0.0);
    add(6, on(0), on(1), migration_outcome::unresolved, 0.0);
    add(7, on(0), on(1), migration_outcome::open, 0.0);
    const migration_report report = detail::report_of(p, detail::steps_before(p.plan, 8));
    CHECK(report[migration_outcome::done] == 5);
    CHECK(report[migration_outcome::lost] == 1);
    CHECK(report.downtime == 15.0);
    CHECK(report.lost == std::vector<task_index>{task_index{2}});
    CHECK(report.parked == std::vector<task_index>{task_index{3}, task_index{5}});
    CHECK(report.in_flight == std::vector<task_move>{p.plan.steps[8].move(), p.plan.steps[9].move()});
    REQUIRE(report.undone.size() == 4);
    CHECK(report.undone[0] == undone_step{1, p.plan.steps[1].move(), migration_outcome::rolled_back,
                                          migration_failure::failed, migration_action::restore});
    CHECK(report.undone[2].step == 7);
    CHECK(report.stopped == stop_reason::cancelled);
    CHECK(report.actions == 40);
}
