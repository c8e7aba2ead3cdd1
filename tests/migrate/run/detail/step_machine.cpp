// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/detail/step_machine.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// One step of task 0 from node 0 to `to`, decided by hand.
struct machine : detail::step_machine {
    using detail::step_machine::asked;
    using detail::step_machine::may_begin;

    explicit machine(const problem& p, const migration_limits& limits = {}, slot to = on(1), bool resumed = false)
        : step_machine{p, progress_of(to), limits, resumed} {}

    [[nodiscard]] const migration_record& r() const { return progress_.records[0]; }
    [[nodiscard]] const migration_progress& progress() const { return progress_; }
    [[nodiscard]] std::size_t failures() const { return failures_; }
    /// Lines that wait for the journal.
    [[nodiscard]] std::size_t lines() const {
        std::size_t found = 0;
        for (const char c : unwritten_.text()) found += c == '\n' ? 1 : 0;
        return found;
    }
    void start(double now) {
        REQUIRE(may_begin(0, now));
        begin(0, now);
    }
    /// The last action succeeds.
    void done(double now) {
        learn(0, after(r().action, r().known), now);
        decide(0, now);
    }
    /// The last action fails, and a query yields this.
    void failed(const migration_state& seen, double now) {
        note_failure(record(0), migration_failure::failed);
        settle_from(0, asked::about_failure, now);
        settle(0, seen, now);
    }
    /// The pause is over.
    void go_on(double now) {
        REQUIRE(r().phase == migration_phase::pausing);
        decide(0, now);
    }
    void stop(stop_reason why) { progress_.stopped = why; }
    void turn_back() { record(0).direction = migration_direction::back; }

private:
    static migration_progress progress_of(slot to) {
        migration_progress p;
        p.plan.steps.push_back({.task = task_index{0}, .from = on(0), .to = to});
        p.plan.wave_ends.push_back(1);
        p.records.resize(1);
        return p;
    }
};

const move_world& world() {
    static const move_world made = hand_world(4, {60, 60});
    return made;
}

}  // namespace

TEST_CASE("step machine: the seven actions in order, each with a larger serial and a line") {
    machine m{world().problem()};
    m.start(10.0);
    std::vector<migration_action> actions;
    for (double now = 11.0; m.r().phase == migration_phase::intended; now += 1.0) {
        CHECK(m.r().serial == actions.size() + 1);
        actions.push_back(m.r().action);
        CHECK(m.lines() == actions.size());
        m.done(now);
    }
    using enum migration_action;
    CHECK(actions == std::vector{reserve, lock, checkpoint, transfer, restore, unlock, release});
    CHECK(m.r().phase == migration_phase::ended);
    CHECK(m.r().outcome == migration_outcome::done);
    CHECK(m.r().ended == 17.0);
    CHECK(m.r().downtime == 5.0);  // from the decision to lock, at 11, to the end of unlock, at 16
    CHECK(m.progress().actions == 7);
    CHECK(m.progress().retries == 0);
    CHECK(m.failures() == 0);
}

TEST_CASE("step machine: a parked task ends in host memory, stopped") {
    machine m{world().problem(), {}, unplaced};
    m.start(0.0);
    double now = 0.0;
    while (m.r().phase == migration_phase::intended) m.done(now += 1.0);
    CHECK(m.r().outcome == migration_outcome::done);
    CHECK(m.r().known.task == task_location::arrived);
    CHECK(m.r().downtime == now - 1.0);  // the wait until it is fetched belongs to the fetch
}

TEST_CASE("step machine: a failed action pauses, is tried again, and is then taken back") {
    migration_limits limits{.pause = 2.0};
    limits[migration_action::lock].max_attempts = 2;
    machine m{world().problem(), limits};
    m.start(0.0);
    m.done(1.0);
    REQUIRE(m.r().action == migration_action::lock);
    const migration_state unchanged = m.r().known;
    m.failed(unchanged, 2.0);
    CHECK(m.r().phase == migration_phase::pausing);
    CHECK(m.r().since == 4.0);
    m.failed(unchanged, 5.0);
    CHECK(m.r().direction == migration_direction::back);
    CHECK(m.r().action == migration_action::cancel);
    CHECK(m.r().phase == migration_phase::intended);
    m.done(6.0);
    CHECK(m.r().outcome == migration_outcome::rolled_back);
    CHECK(m.r().failure == migration_failure::failed);
    CHECK(m.r().failed == migration_action::lock);
    CHECK(m.failures() == 1);
}

TEST_CASE("step machine: an action that failed by its report and had its effect counts as done") {
    machine m{world().problem()};
    m.start(0.0);
    m.failed(after(migration_action::reserve, m.r().known), 1.0);
    CHECK(m.r().action == migration_action::lock);
    CHECK(m.r().attempts == 0);
}

TEST_CASE("step machine: an impossible state leaves the step unresolved, a lost task frees both ends") {
    machine odd{world().problem()};
    odd.start(0.0);
    odd.failed({.task = task_location::suspended, .source_held = false}, 1.0);
    odd.go_on(3.0);
    CHECK(odd.r().outcome == migration_outcome::unresolved);
    CHECK(odd.r().failure == migration_failure::contradiction);
    machine lost{world().problem()};
    lost.start(0.0);
    lost.failed({.task = task_location::lost, .source_held = true, .target_held = true}, 1.0);
    CHECK(lost.r().failure == migration_failure::terminal);
    CHECK(lost.r().action == migration_action::cancel);
    lost.done(2.0);
    CHECK(lost.r().action == migration_action::release);
    lost.done(3.0);
    CHECK(lost.r().outcome == migration_outcome::lost);
}

TEST_CASE("step machine: after a stop nothing begins, and a step that is turned back ends where it was") {
    machine m{world().problem()};
    m.stop(stop_reason::cancelled);
    CHECK_FALSE(m.may_begin(0, 3.0));
    CHECK(m.r().outcome == migration_outcome::not_begun);
    CHECK(m.r().failure == migration_failure::interrupted);
    machine back{world().problem()};
    back.start(0.0);
    back.done(1.0);
    back.done(2.0);
    REQUIRE(back.r().known.task == task_location::locked_at_source);
    back.turn_back();
    double now = 2.0;
    while (back.r().phase != migration_phase::ended) back.done(now += 1.0);
    CHECK(back.r().outcome == migration_outcome::rolled_back);
    CHECK(back.r().known == before_migration(back.progress().plan.steps[0].move()));
}

TEST_CASE("step machine: after a restart a step queries before it acts, and too many failures give the run up") {
    machine resumed{world().problem(), {}, on(1), true};
    resumed.start(0.0);
    CHECK(resumed.r().phase == migration_phase::settling);
    CHECK(resumed.r().serial == 0);
    CHECK(resumed.lines() == 1);
    machine once{world().problem(), {.max_failures = 1}};
    once.start(0.0);
    once.failed({.task = task_location::elsewhere}, 1.0);
    once.go_on(3.0);
    CHECK(once.r().outcome == migration_outcome::unresolved);
    CHECK(once.progress().given_up);
}
