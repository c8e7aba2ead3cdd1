// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/run/migration_run.hpp"

#include "berth/testing/simulated_executor.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

migration_plan plan_of(std::vector<std::vector<migration_step>> waves) {
    migration_plan plan;
    for (const auto& wave : waves) {
        plan.steps.insert(plan.steps.end(), wave.begin(), wave.end());
        plan.wave_ends.push_back(plan.steps.size());
    }
    return plan;
}

migration_step from_to(std::size_t task, slot from, slot to) {
    return {.task = task_index{task}, .from = from, .to = to};
}

simulated_faults failing(migration_action action, action_faults faults) {
    simulated_faults all;
    all[action] = faults;
    return all;
}

struct stop_flag {
    bool raised = false;
    [[nodiscard]] bool stop_requested() const { return raised; }
};

struct recorder {
    std::vector<std::size_t> done{};
    std::size_t begins = 0;
    std::size_t ends = 0;
    void on_begin(const progress&) { ++begins; }
    void on_progress(const progress& p) { done.push_back(p.done); }
    void on_end(const progress&) { ++ends; }
};

/// A run in simulated time.
struct stage {
    move_world world;
    problem p;
    berth::ledger ledger;
    simulated_executor<> executor;
    migration_run run;
    double now = 0.0;

    stage(move_world w, const migration_plan& plan, simulated_faults faults = {}, migration_limits limits = {})
        : world{std::move(w)},
          p{world.problem()},
          ledger{need(make_ledger(p, world.initial))},
          executor{p, world.initial, faults},
          run{start_migration(p, plan, 1, limits)} {}

    bool look() {
        ledger_adapter keeper{p, ledger};
        return run.advance(executor, keeper, now);
    }
    /// To the end, or to a time.
    migration_report finish(double until = 1e9) {
        while (now < until && look())
            now = std::min(until, std::max(now, std::min(executor.next_event(), run.wake_at())));
        CHECK(executor.violations() == 0);
        return run.report();
    }
    [[nodiscard]] bool consistent() const { return ledger == executor.ledger(); }
};

move_world placed(move_world world, std::vector<slot> initial) {
    world.initial = std::move(initial);
    return world;
}

/// Tasks of 60 GB on nodes 0 and 1; nodes 2 and 3 are free.
move_world two_of_four() { return placed(hand_world(4, {60, 60}), {on(0), on(1)}); }

}  // namespace

TEST_CASE("a plan of two waves by hand") {
    // Task 1 makes room for task 0.
    stage s{two_of_four(), plan_of({{from_to(1, on(1), on(2))}, {from_to(0, on(0), on(1))}})};
    const migration_report report = s.finish();
    CHECK(report[migration_outcome::done] == 2);
    CHECK(report.undone.empty());
    CHECK(report.actions == 14);
    CHECK(report.retries == 0);
    // uniform_migration: one second, all of it downtime.
    CHECK(s.now == doctest::Approx(2.0));
    CHECK(report.downtime == doctest::Approx(2.0));
    CHECK(s.consistent());
    CHECK(s.run.finished());
    s.run.apply_to(s.world.initial);
    CHECK(s.world.initial == assignment{on(1), on(2)});
    CHECK(s.executor.location(task_index{0}) == on(1));
}

TEST_CASE("an empty plan is finished at once") {
    stage s{two_of_four(), {}};
    CHECK_FALSE(s.look());
    CHECK(s.run.finished());
}

TEST_CASE("both ends are held until the source is released") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}})};
    while (s.look()) {
        CHECK(s.ledger.free(gpu_index{0})[1] == 20);
        CHECK(s.ledger.free(gpu_index{2})[1] == 20);
        s.now = std::max(s.now, s.executor.next_event());
    }
    CHECK(s.ledger.free(gpu_index{0})[1] == 80);
    CHECK(s.executor.releases() == 1);
}

TEST_CASE("a task is parked and fetched and its wait is downtime") {
    // Two tasks of 60 exchange their GPUs through host memory.
    stage s{placed(hand_world(2, {60, 60}), {on(0), on(1)}),
            plan_of({{from_to(0, on(0), unplaced)}, {from_to(1, on(1), on(0))}, {from_to(0, unplaced, on(1))}})};
    const migration_report report = s.finish();
    CHECK(report[migration_outcome::done] == 3);
    CHECK(report.parked.empty());
    CHECK(s.consistent());
    CHECK(s.executor.location(task_index{0}) == on(1));
    // Task 0 stops when it is locked and runs when it is unlocked at the end.
    CHECK(report.downtime == doctest::Approx(s.now + 1.0));
}

TEST_CASE("a failed lock is tried again and then the target is given back") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}}), failing(migration_action::lock, {.refused = 1.0})};
    const migration_report report = s.finish();
    CHECK(report[migration_outcome::rolled_back] == 1);
    REQUIRE(report.undone.size() == 1);
    CHECK(report.undone[0].failure == migration_failure::failed);
    CHECK(report.undone[0].action == migration_action::lock);
    CHECK(report.retries == 2);
    CHECK(report.downtime == 0.0);
    CHECK(s.consistent());
    CHECK(s.ledger.free(gpu_index{2})[1] == 80);
}

TEST_CASE("a failed restore whose image is intact is taken back to the source and not tried again") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}}), failing(migration_action::restore, {.refused = 1.0})};
    const migration_report report = s.finish();
    CHECK(report[migration_outcome::rolled_back] == 1);
    CHECK(report.retries == 0);
    CHECK(report.lost.empty());
    CHECK(s.executor.location(task_index{0}) == on(0));
    CHECK(report.downtime > 0.0);
    CHECK(s.consistent());
}

TEST_CASE("a failed restore that destroys the image loses the task and frees both ends") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}, {from_to(0, on(2), on(3))}}),
            failing(migration_action::restore, {.refused = 1.0, .fatal = 1.0})};
    const migration_report report = s.finish();
    CHECK(report[migration_outcome::lost] == 1);
    CHECK(report.lost == std::vector<task_index>{task_index{0}});
    REQUIRE(report.undone.size() == 2);
    CHECK(report.undone[0].failure == migration_failure::terminal);
    CHECK(report.undone[1].outcome == migration_outcome::invalid);
    CHECK(report.undone[1].failure == migration_failure::not_there);
    CHECK(s.consistent());
    CHECK(s.ledger.free(gpu_index{0})[1] == 80);
    CHECK(s.executor.lost(task_index{0}));
    s.run.apply_to(s.world.initial);
    CHECK(s.world.initial[0] == unplaced);
}

TEST_CASE("a task that cannot be unlocked at the target goes back if its image is still at the source") {
    for (const bool kept : {true, false}) {
        simulated_faults faults = failing(migration_action::unlock, {.refused = 1.0});
        faults.keeps_images = kept;
        stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}}), faults, {.max_attempts_back = 5}};
        const migration_report report = s.finish();
        CHECK(report[kept ? migration_outcome::rolled_back : migration_outcome::unresolved] == 1);
        CHECK(s.consistent());
    }
}

TEST_CASE("a release that fails is tried again and its effect is not repeated") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}}),
            failing(migration_action::release, {.misreported = 1.0})};
    CHECK(s.finish()[migration_outcome::done] == 1);
    CHECK(s.executor.releases() == 1);
    CHECK(s.consistent());
}

TEST_CASE("an action that hangs is aborted after its timeout") {
    stage s{two_of_four(),
            plan_of({{from_to(0, on(0), on(2))}}),
            failing(migration_action::checkpoint, {.hangs = 1.0}),
            {.pause = 0.0}};
    const migration_report report = s.finish();
    CHECK(report[migration_outcome::open] == 0);
    CHECK(s.now > 120.0);
    CHECK(s.run.progress().records[0].failure == migration_failure::timed_out);
    CHECK(s.consistent());
}

TEST_CASE("steps that depended on a failed one are invalid, with the reason") {
    // Task 1 stays, so there is no room for task 0; the second step of task 1 begins where it is not.
    simulated_faults faults = failing(migration_action::transfer, {.refused = 1.0});
    stage s{two_of_four(), plan_of({{from_to(1, on(1), on(2))}, {from_to(0, on(0), on(1)), from_to(1, on(2), on(3))}}),
            faults};
    const migration_report report = s.finish();
    REQUIRE(report.undone.size() == 3);
    CHECK(report.undone[0].outcome == migration_outcome::rolled_back);
    CHECK(report.undone[1].failure == migration_failure::no_room);
    CHECK(report.undone[1].move == task_move{task_index{0}, on(0), on(1)});
    CHECK(report.undone[2].failure == migration_failure::not_there);
    CHECK(s.consistent());
}

TEST_CASE("a run is given up at max_failures") {
    stage s{two_of_four(),
            plan_of({{from_to(1, on(1), on(2))}, {from_to(0, on(0), on(3))}}),
            failing(migration_action::transfer, {.refused = 1.0}),
            {.max_failures = 1}};
    const migration_report report = s.finish();
    CHECK(report.given_up);
    CHECK(report[migration_outcome::not_begun] == 1);
    CHECK(report.undone[1].failure == migration_failure::too_many_failed);
}

TEST_CASE("max_in_flight bounds the steps at the same time") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2)), from_to(1, on(1), on(3))}}), {}, {.max_in_flight = 1}};
    CHECK(s.finish()[migration_outcome::done] == 2);
    CHECK(s.now == doctest::Approx(2.0));
}

TEST_CASE("a stop completes or takes back what is under way and begins nothing") {
    for (const on_stop rule : {on_stop::finish, on_stop::roll_back}) {
        stage s{two_of_four(),
                plan_of({{from_to(0, on(0), on(2))}, {from_to(1, on(1), on(3))}}),
                {},
                {.when_stopped = rule}};
        ledger_adapter keeper{s.p, s.ledger};
        no_journal journal;
        run_control<stop_flag, recorder> control;
        while (s.run.advance(s.executor, keeper, s.now, journal, control)) {
            if (s.run.progress().records[0].action == migration_action::transfer) control.stop.raised = true;
            s.now = std::max(s.now, s.executor.next_event());
        }
        const migration_report report = s.run.report();
        CHECK(report.stopped == stop_reason::cancelled);
        CHECK(report[rule == on_stop::finish ? migration_outcome::done : migration_outcome::rolled_back] == 1);
        CHECK(report[migration_outcome::not_begun] == 1);
        CHECK(control.observer.done == std::vector<std::size_t>{1, 2});
        CHECK(control.observer.begins == 1);
        CHECK(control.observer.ends == 1);
        CHECK(s.consistent());
        CHECK(s.executor.violations() == 0);
    }
}

TEST_CASE("max_evaluations stops a run after so many actions") {
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}, {from_to(1, on(1), on(3))}})};
    ledger_adapter keeper{s.p, s.ledger};
    no_journal journal;
    run_control<> control{.max_evaluations = 3};
    while (s.run.advance(s.executor, keeper, s.now, journal, control)) s.now = std::max(s.now, s.executor.next_event());
    CHECK(s.run.report().stopped == stop_reason::budget_exhausted);
    CHECK(s.run.report()[migration_outcome::done] == 1);
}

TEST_CASE("an executor that does not know leaves a step unresolved until it is reopened") {
    struct silent : simulated_executor<> {
        using simulated_executor::simulated_executor;
        bool speaks = true;
        action_status poll(migration_action a, const migration_job& j, double now) {
            return speaks ? simulated_executor::poll(a, j, now) : action_status::pending;
        }
        migration_state query(const migration_job& j, double now) {
            return speaks ? simulated_executor::query(j, now) : migration_state{};
        }
    };
    static_assert(migration_executor<silent>);
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}, {from_to(1, on(1), on(3))}})};
    silent executor{s.p, s.world.initial};
    ledger_adapter keeper{s.p, s.ledger};
    executor.speaks = false;
    while (s.run.advance(executor, keeper, s.now)) s.now += 10.0;
    migration_report report = s.run.report();
    CHECK(report[migration_outcome::unresolved] == 2);
    CHECK(report.undone[0].failure == migration_failure::silent);
    CHECK(report.in_flight.size() == 2);
    CHECK(s.ledger.free(gpu_index{0})[1] == 20);
    CHECK(s.ledger.free(gpu_index{2})[1] == 20);

    executor.speaks = true;
    CHECK(s.run.reopen(s.now));
    CHECK_FALSE(s.run.finished());
    while (s.run.advance(executor, keeper, s.now)) s.now += 0.1;
    report = s.run.report();
    CHECK(report[migration_outcome::done] == 2);
    CHECK(s.ledger == executor.ledger());
    CHECK_FALSE(s.run.reopen(s.now));
}

TEST_CASE("an action that hung when the scheduler was restarted is aborted after its timeout") {
    migration_limits limits;
    limits[migration_action::lock].seconds = 20.0;
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}}), failing(migration_action::lock, {.hangs = 1.0}),
            limits};
    while (s.look() && s.run.progress().records[0].action != migration_action::lock) s.now = s.executor.next_event();
    migration_run again = need(resume_migration(s.p, s.run.progress(), limits));
    CHECK(again.wake_at() <= s.now);
    const double restarted = s.now;
    ledger_adapter keeper{s.p, s.ledger};
    // A scheduler that advances only when it has to.
    while (again.advance(s.executor, keeper, s.now) && s.now < restarted + 1000.0 &&
           again.progress().records[0].direction == migration_direction::forward) {
        if (again.progress().records[0].phase != migration_phase::settling) break;
        s.now = std::max(s.now, std::min(s.executor.next_event(), again.wake_at()));
    }
    CHECK(s.now - restarted == doctest::Approx(21.0));
}

TEST_CASE("a step that is reopened counts as one failure") {
    struct silent : simulated_executor<> {
        using simulated_executor::simulated_executor;
        bool speaks = false;
        action_status poll(migration_action, const migration_job&, double) { return action_status::pending; }
        migration_state query(const migration_job& j, double now) {
            return speaks ? simulated_executor::query(j, now) : migration_state{};
        }
    };
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}, {from_to(1, on(1), on(3))}}), {}, {.max_failures = 3}};
    silent executor{s.p, s.world.initial};
    ledger_adapter keeper{s.p, s.ledger};
    while (s.run.advance(executor, keeper, s.now) && s.run.wave() == 0) s.now += 10.0;
    for (int again = 0; again < 3; ++again) {
        CHECK(s.run.report()[migration_outcome::unresolved] == 1);
        REQUIRE(s.run.reopen(s.now));
        const migration_progress saved = need(load_migration(s.run.save()));
        CHECK_FALSE(need(resume_migration(s.p, saved, {.max_failures = 1})).progress().given_up);
        while (s.run.advance(executor, keeper, s.now) && s.run.report()[migration_outcome::unresolved] == 0)
            s.now += 10.0;
    }
    CHECK_FALSE(s.run.progress().given_up);
}

TEST_CASE("a resumed run goes on where the journal ends, and only with its own problem") {
    stage s{two_of_four(), plan_of({{from_to(1, on(1), on(2))}, {from_to(0, on(0), on(1))}})};
    text_journal journal;
    ledger_adapter keeper{s.p, s.ledger};
    while (s.now < 0.5 && s.run.advance(s.executor, keeper, s.now, journal)) s.now = s.executor.next_event();
    const migration_progress saved = need(load_migration(journal.text));
    CHECK(saved.serial == s.run.progress().serial);
    CHECK(saved.records[0].action == s.run.progress().records[0].action);
    CHECK(saved.records[0].phase == migration_phase::intended);  // it does not know that it was started
    CHECK(need(load_migration(s.run.save())) == s.run.progress());

    migration_run again = need(resume_migration(s.p, saved));
    ledger anew{s.p.fleet()};
    ledger_adapter new_keeper{s.p, anew};
    anew.place(s.p.workload().demand(task_index{0}), on(0));  // where there is no room for it twice
    const ledger full = anew;
    CHECK_FALSE(again.hold(new_keeper));
    CHECK(anew == full);
    anew.remove(s.p.workload().demand(task_index{0}), on(0));
    CHECK(again.hold(new_keeper));
    CHECK(anew == s.ledger);
    while (again.advance(s.executor, new_keeper, s.now, journal)) {
        s.now = std::max(s.now + 0.001, std::min(s.executor.next_event(), again.wake_at()));
    }
    CHECK(again.report()[migration_outcome::done] == 2);
    CHECK(s.executor.violations() == 0);
    CHECK(anew == s.executor.ledger());
    CHECK(need(load_migration(journal.text)) == again.progress());

    const move_world other = placed(hand_world(3, {60, 60}), {on(0), on(1)});
    const auto fewer = resume_migration(other.problem(), saved);
    CHECK(fewer.has_value());  // the plan mentions nodes 0 to 2 only
    const move_world one = hand_world(2, {60, 60});
    const auto refused = resume_migration(one.problem(), saved);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "migration plan: step 0: to is no slot of the fleet");
    migration_progress renamed = saved;
    renamed.fingerprint ^= 1U;
    CHECK_FALSE(resume_migration(s.p, renamed).has_value());
    renamed = saved;
    renamed.records.pop_back();
    CHECK(resume_migration(s.p, renamed).error().message == "migration run: it has 1 records for 2 steps");
}

TEST_CASE("records that contradict each other are refused") {
    stage s{two_of_four(), plan_of({{from_to(1, on(1), on(2))}, {from_to(1, on(2), on(3))}})};
    migration_progress saved = s.run.progress();
    saved.records[1].phase = migration_phase::acting;
    const auto refused = resume_migration(s.p, saved);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message ==
          "migration run: step 1: outcome is \"open\", but the steps before have not left the "
          "task where it begins");
    saved.records[0].phase = migration_phase::ended;
    saved.records[0].outcome = migration_outcome::done;
    CHECK(resume_migration(s.p, saved).has_value());
}

TEST_CASE("nothing is started while the journal cannot be written") {
    struct full_disk {
        bool full = true;
        std::size_t asked = 0;
        bool write(std::string_view, journal_write) {
            ++asked;
            return !full;
        }
    };
    stage s{two_of_four(), plan_of({{from_to(0, on(0), on(2))}})};
    ledger_adapter keeper{s.p, s.ledger};
    full_disk disk;
    for (int i = 0; i < 3; ++i) CHECK(s.run.advance(s.executor, keeper, s.now, disk));
    CHECK(disk.asked == 3);
    CHECK(s.run.progress().actions == 0);
    disk.full = false;
    CHECK(s.run.advance(s.executor, keeper, s.now, disk));
    CHECK(s.run.progress().records[0].phase == migration_phase::acting);
    disk.full = true;
    s.now = 10.0;
    CHECK(s.run.advance(s.executor, keeper, s.now, disk));
    CHECK(s.run.progress().records[0].phase == migration_phase::intended);
    disk.full = false;
    while (s.run.advance(s.executor, keeper, s.now, disk)) s.now += 0.1;
    CHECK(s.run.report()[migration_outcome::done] == 1);
    CHECK(s.executor.violations() == 0);
}

TEST_CASE("a journal stays within a few times the size of the whole") {
    xoshiro256 g{3};
    move_world world = random_world(g, 6, 40);
    place_at_random(g, world);
    const migration_plan plan = random_plan(g, world, 40, 8);
    stage s{world, plan};
    text_journal journal;
    std::size_t longest = 0;
    ledger_adapter keeper{s.p, s.ledger};
    while (s.run.advance(s.executor, keeper, s.now, journal)) {
        longest = std::max(longest, journal.text.size());
        s.now = std::max(s.now, s.executor.next_event());
    }
    CHECK(s.run.report()[migration_outcome::done] == plan.steps.size());
    CHECK(longest < 6 * s.run.save().size() + 8192);
    CHECK(need(load_migration(journal.text)) == s.run.progress());
}

TEST_CASE("a plan that cannot be carried out is refused by step and field") {
    const move_world world = two_of_four();
    const problem p = world.problem();
    const auto refusal = [&](const migration_plan& plan) {
        const auto checked = detail::check_plan(p, plan);
        REQUIRE_FALSE(checked.has_value());
        return checked.error().message;
    };
    CHECK(refusal(plan_of({{from_to(2, on(0), on(1))}})) == "migration plan: step 0: task is 2, there are 2");
    CHECK(refusal(plan_of({{from_to(0, on(0), on(1, 3))}})) == "migration plan: step 0: to is no slot of the fleet");
    CHECK(refusal(plan_of({{from_to(0, on(0, 0), on(1))}})) ==
          "migration plan: step 0: a slot has 0 GPUs, the task wants 1");
    CHECK(refusal(plan_of({{from_to(0, on(0), on(0))}})) == "migration plan: step 0: to equals from");
    CHECK(refusal(plan_of({{from_to(0, on(0), on(2)), from_to(0, on(2), on(3))}})) ==
          "migration plan: step 1: task is 0, which is in this wave already");
    migration_plan plan = plan_of({{from_to(0, on(0), on(2))}});
    plan.wave_ends = {2};
    CHECK(refusal(plan) == "migration plan: wave_ends[0] is 2, expected 0..1");
    plan.wave_ends.clear();
    CHECK(refusal(plan) == "migration plan: wave_ends ends at 0, there are 1 steps");
}
