// SPDX-License-Identifier: Apache-2.0
// Runs on a cluster: what others do meanwhile, restarts with another order of nodes and GPUs, clocks that go wrong.
#include "berth/migrate/order/migration_order.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/testing/check_migration.hpp"
#include "berth/testing/simulated_executor.hpp"

#include "migrate/cluster_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

slot on(std::size_t node, gpu_mask gpus = 1) { return {node_index{node}, gpus}; }

migration_plan plan_of(std::vector<std::vector<task_move>> waves) {
    migration_plan plan;
    for (const auto& wave : waves) {
        for (const task_move& m : wave) plan.steps.push_back({.task = m.task, .from = m.from, .to = m.to});
        plan.wave_ends.push_back(plan.steps.size());
    }
    return plan;
}

simulated_faults failing(migration_action action, action_faults faults) {
    simulated_faults all;
    all[action] = faults;
    return all;
}

/// Four nodes n0..n3 of one GPU, job a on n0 and job b on n1, each of 60 GB.
struct live {
    cluster c{own_schema()};
    task_handle a;
    task_handle b;
    std::optional<simulated_executor<>> truth{};
    std::optional<migration_run> run{};
    double now = 0.0;

    live() {
        for (std::size_t n = 0; n < 4; ++n) (void)need(c.join(own_machine{name(n), {{.uuid = "gpu-" + name(n)}}}));
        a = need(c.admit(own_job{.name = "a", .gpu_demand = {1, 60}}));
        b = need(c.admit(own_job{.name = "b", .gpu_demand = {1, 60}}));
        REQUIRE((c.place(a, on(0)) && c.place(b, on(1))));
    }
    static std::string name(std::size_t n) { return "n" + std::to_string(n); }
    [[nodiscard]] node_handle node(std::size_t n) const { return *c.find_node(name(n)); }
    [[nodiscard]] task_move move(task_handle task, slot from, slot to) const { return {*c.find(task), from, to}; }

    void start(std::vector<std::vector<task_move>> waves, simulated_faults faults = {}, migration_limits limits = {}) {
        truth.emplace(c, faults);
        run.emplace(start_migration(c, plan_of(std::move(waves)), 1, limits));
    }
    bool look() { return run->advance(*truth, now); }
    [[nodiscard]] const migration_record& record(std::size_t step = 0) const { return run->progress().records[step]; }
    /// Until a step has started an action.
    void run_until(migration_action action, std::size_t step = 0) {
        while (look()) {
            if (record(step).action == action && record(step).phase == migration_phase::acting) return;
            now = std::max(now, truth->next_event());
        }
        FAIL("the action was not started");
    }
    migration_report finish() {
        while (look()) now = std::max(now, std::min(truth->next_event(), run->wake_at()));
        CHECK(truth->violations() == 0);
        CHECK(recount{c}.equals(c.ledger()));
        return run->report();
    }
    [[nodiscard]] bool true_to_reality() {
        truth->follow();
        return c.ledger() == truth->ledger();
    }
};

}  // namespace

TEST_CASE("on a cluster: a plan of two waves moves its tasks there") {
    live l;
    l.start({{l.move(l.b, on(1), on(2))}, {l.move(l.a, on(0), on(1))}});
    CHECK(l.run->task(0) == l.b);
    l.run_until(migration_action::transfer);
    CHECK(l.c.state(l.b) == task_state::moving);
    CHECK(l.c.ledger().free(gpu_index{1})[1] == 20);
    CHECK(l.c.ledger().free(gpu_index{2})[1] == 20);
    CHECK(l.finish()[migration_outcome::done] == 2);
    CHECK(l.c.where(l.a) == on(1));
    CHECK(l.c.where(l.b) == on(2));
    CHECK(l.c.moving().empty());
    CHECK(l.true_to_reality());
}

TEST_CASE("on a cluster: a task that is parked waits, and is placed when it is fetched") {
    live l;
    l.start({{l.move(l.a, on(0), unplaced)}, {l.move(l.b, on(1), on(0))}, {l.move(l.a, unplaced, on(1))}});
    l.run_until(migration_action::reserve, 1);
    CHECK(l.c.state(l.a) == task_state::waiting);
    CHECK(l.finish()[migration_outcome::done] == 3);
    CHECK(l.c.where(l.a) == on(1));
    CHECK(l.c.where(l.b) == on(0));
    CHECK(l.true_to_reality());
}

TEST_CASE("on a cluster: a step that fails gives its target back, and a lost task waits") {
    live l;
    l.start({{l.move(l.a, on(0), on(2))}}, failing(migration_action::transfer, {.refused = 1.0}));
    CHECK(l.finish()[migration_outcome::rolled_back] == 1);
    CHECK(l.c.state(l.a) == task_state::running);
    CHECK(l.true_to_reality());
    live m;
    m.start({{m.move(m.a, on(0), on(2))}}, failing(migration_action::restore, {.refused = 1.0, .fatal = 1.0}));
    CHECK(m.finish()[migration_outcome::lost] == 1);
    CHECK(m.c.state(m.a) == task_state::waiting);
    CHECK(m.c.find(m.a).has_value());
    CHECK(m.true_to_reality());
}

TEST_CASE("on a cluster: a task is retired during its move, and what has its position now is not touched") {
    for (const migration_action at :
         {migration_action::reserve, migration_action::transfer, migration_action::release}) {
        live l;
        l.start({{l.move(l.a, on(0), on(2))}, {l.move(l.a, on(2), on(3)), l.move(l.b, on(1), on(0))}});
        l.run_until(at);
        l.truth->depart(*l.c.find(l.a));
        REQUIRE(l.c.retire(l.a));
        CHECK_FALSE(l.c.retire(l.a));  // the departure arrives twice
        const task_handle other = need(l.c.admit(own_job{.name = "other", .gpu_demand = {1, 30}}));
        CHECK(other.position() == l.a.position());
        REQUIRE(l.c.place(other, on(2)));
        l.truth->arrive(*l.c.find(other), on(2));
        const migration_report report = l.finish();
        CHECK(report[migration_outcome::gone] == 1);
        CHECK(report[migration_outcome::done] == 1);
        REQUIRE(report.undone.size() == 2);
        CHECK(report.undone[0].failure == migration_failure::task_gone);
        CHECK(report.undone[1].outcome == migration_outcome::invalid);
        CHECK(l.c.where(other) == on(2));
        CHECK(l.c.where(l.b) == on(0));
        CHECK(l.true_to_reality());
        CHECK(l.run->task(0) == l.a);
    }
}

TEST_CASE("on a cluster: a task that others release or place elsewhere is let go of") {
    for (const bool placed : {false, true}) {
        live l;
        l.start({{l.move(l.a, on(0), on(2))}});
        l.run_until(migration_action::checkpoint);
        l.truth->depart(*l.c.find(l.a));
        REQUIRE(l.c.release(l.a));
        if (placed) {
            REQUIRE(l.c.place(l.a, on(3)));
            l.truth->arrive(*l.c.find(l.a), on(3));
        }
        const migration_report report = l.finish();
        REQUIRE(report.undone.size() == 1);
        CHECK(report.undone[0].outcome == migration_outcome::gone);
        CHECK(report.undone[0].failure == migration_failure::not_there);
        CHECK(l.c.where(l.a) == (placed ? on(3) : unplaced));
        CHECK(l.true_to_reality());
    }
}

TEST_CASE("on a cluster: the target's node leaves, another one takes its position, and the task goes back") {
    for (const migration_action at :
         {migration_action::reserve, migration_action::lock, migration_action::transfer, migration_action::restore}) {
        live l;
        l.start({{l.move(l.a, on(0), on(2))}, {l.move(l.b, on(1), on(2))}});
        l.run_until(at);
        REQUIRE(l.c.leave(l.node(2)));
        const node_handle other = need(l.c.join(own_machine{"other", {{}}}));
        CHECK(other.position() == 2);
        const migration_report report = l.finish();
        REQUIRE(report.undone.size() == 2);
        CHECK(report.undone[0].outcome == migration_outcome::rolled_back);
        CHECK(report.undone[0].failure == migration_failure::node_gone);
        CHECK(report.undone[1].outcome == migration_outcome::invalid);  // it is another node
        CHECK(report.undone[1].failure == migration_failure::node_gone);
        CHECK(l.c.where(l.a) == on(0));
        CHECK(l.c.state(l.a) == task_state::running);
        CHECK(l.c.tasks_on(node_index{2}).empty());
        CHECK(l.true_to_reality());
    }
}

TEST_CASE("on a cluster: the source's node leaves, and the task is lost unless it is restored at the target") {
    for (const migration_action at : {migration_action::reserve, migration_action::transfer, migration_action::restore,
                                      migration_action::unlock, migration_action::release}) {
        live l;
        l.start({{l.move(l.a, on(0), on(2))}});
        l.run_until(at);
        std::vector<task_handle> displaced;
        REQUIRE(l.c.leave(l.node(0), &displaced));
        CHECK(displaced == std::vector{l.a});
        const migration_report report = l.finish();
        const bool restored = at == migration_action::unlock || at == migration_action::release;
        CHECK(report[restored ? migration_outcome::done : migration_outcome::lost] == 1);
        CHECK(l.c.where(l.a) == (restored ? on(2) : unplaced));
        if (!restored) CHECK(report.undone[0].failure == migration_failure::node_gone);
        CHECK(l.true_to_reality());
    }
}

TEST_CASE("on a cluster: both nodes leave") {
    live l;
    l.start({{l.move(l.a, on(0), on(2))}});
    l.run_until(migration_action::transfer);
    REQUIRE((l.c.leave(l.node(0)) && l.c.leave(l.node(2))));
    CHECK(l.finish()[migration_outcome::lost] == 1);
    CHECK(l.c.state(l.a) == task_state::waiting);
    CHECK(l.true_to_reality());
}

TEST_CASE("on a cluster: the target becomes unhealthy") {
    for (const bool whole_node : {false, true}) {
        live l;
        l.start({{l.move(l.a, on(0), on(2))}});
        l.run_until(migration_action::transfer);
        if (whole_node) CHECK(l.c.set_healthy(l.node(2), false));
        if (!whole_node) CHECK(l.c.set_healthy(*l.c.find_gpu("gpu-n2"), false));
        const migration_report report = l.finish();
        REQUIRE(report.undone.size() == 1);
        CHECK(report.undone[0].outcome == migration_outcome::rolled_back);
        CHECK(report.undone[0].failure == migration_failure::not_healthy);
        CHECK(l.c.where(l.a) == on(0));
        CHECK(l.true_to_reality());
    }
    live late;  // it runs there already
    late.start({{late.move(late.a, on(0), on(2))}});
    late.run_until(migration_action::release);
    CHECK(late.c.set_healthy(late.node(2), false));
    CHECK(late.finish()[migration_outcome::done] == 1);
    CHECK(late.c.where(late.a) == on(2));
}

TEST_CASE("on a cluster: a step that cannot begin any more is invalid, with the reason") {
    const auto refused = [](auto spoil) {
        live l;
        l.start({{l.move(l.b, on(1), on(3))}, {l.move(l.a, on(0), on(2))}});
        l.run_until(migration_action::lock);
        spoil(l);
        const migration_report report = l.finish();
        REQUIRE(report.undone.size() == 1);
        CHECK(report.undone[0].outcome == migration_outcome::invalid);
        return report.undone[0].failure;
    };
    CHECK(refused([](live& l) { (void)l.c.set_healthy(l.node(2), false); }) == migration_failure::not_healthy);
    CHECK(refused([](live& l) { (void)l.c.set_open(l.node(2), false); }) == migration_failure::closed);
    CHECK(refused([](live& l) { (void)l.c.leave(l.node(2)); }) == migration_failure::node_gone);
    CHECK(refused([](live& l) { (void)l.c.leave(l.node(0)); }) == migration_failure::node_gone);
    CHECK(refused([](live& l) { (void)l.c.retire(l.a); }) == migration_failure::task_gone);
    CHECK(refused([](live& l) { (void)l.c.release(l.a); }) == migration_failure::not_there);
    CHECK(refused([](live& l) { (void)l.c.begin_move(l.a, on(2)); }) == migration_failure::not_there);
    CHECK(refused([](live& l) {
              const task_handle other = need(l.c.admit(own_job{.name = "other", .gpu_demand = {1, 30}}));
              REQUIRE(l.c.place(other, on(2)));
          }) == migration_failure::no_room);
    // Its GPU was exchanged: it is another one.
    CHECK(refused([](live& l) {
              REQUIRE(l.c.report(own_machine{"n2", {}}).has_value());
              REQUIRE(l.c.report(own_machine{"n2", {{.uuid = "new"}}}).has_value());
          }) == migration_failure::node_gone);
}

TEST_CASE("on a cluster: a clock that goes back by an hour does not stretch a timeout") {
    live l;
    migration_limits limits;
    limits[migration_action::lock].max_attempts = 1;
    l.start({{l.move(l.a, on(0), on(2))}}, failing(migration_action::lock, {.hangs = 1.0}), limits);
    l.now = 10'000.0;
    l.run_until(migration_action::lock);
    CHECK(l.run->wake_at() == doctest::Approx(l.now + 30.0));
    l.now += 20.0;
    CHECK(l.look());
    l.now -= 3600.0;
    CHECK(l.look());
    CHECK(l.run->wake_at() == doctest::Approx(l.now + 10.0));
    CHECK(l.record().failure == migration_failure::none);
    l.now += 10.001;
    CHECK(l.look());
    CHECK(l.record().failure == migration_failure::timed_out);
    CHECK(l.finish()[migration_outcome::open] == 0);
}

TEST_CASE("on a cluster: a clock that jumps ahead, or yields no number, is no time") {
    live l;
    migration_limits limits;
    limits[migration_action::checkpoint].seconds = 200.0;
    l.start({{l.move(l.a, on(0), on(2)), l.move(l.b, on(1), on(3))}},
            failing(migration_action::checkpoint, {.hangs = 1.0}), limits);
    l.run_until(migration_action::checkpoint);
    for (const double broken : {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                                std::numeric_limits<double>::quiet_NaN()}) {
        CHECK(l.run->advance(*l.truth, broken));
        CHECK(l.record().failure == migration_failure::none);
    }
    const double due = l.run->wake_at();
    CHECK(l.run->advance(*l.truth, 4e9));
    // Both were due; what begins now has its whole time, by a clock that is right again.
    CHECK(l.record().failure == migration_failure::timed_out);
    l.now = due + 1.0;
    CHECK(l.look());
    CHECK(l.run->wake_at() < l.now + 1000.0);
    CHECK(l.run->report().downtime < due + 500.0);
    CHECK(l.finish()[migration_outcome::open] == 0);
}

namespace {

/// One machine of {H100, A100, A100, A100} and one of four A100, with or without UUIDs, reported in any order.
own_machine mixed(bool h100_first, bool more = false) {
    own_machine m{"mixed", {}};
    for (std::size_t i = 0; i < 3; ++i) m.gpus.push_back({"A100", "a" + std::to_string(i)});
    m.gpus.insert(h100_first ? m.gpus.begin() : m.gpus.end(), {"H100", "h"});
    if (more) m.gpus.push_back({"A100", "a3"});
    return m;
}

std::string uuids(const cluster& c, const slot& where) {
    std::string all;
    for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) all += c.uuid(where.node, lowest_gpu(rest)) + " ";
    return all;
}

/// What carries moves out knows a task by name and GPUs by UUID, whatever positions a restarted scheduler has.
struct by_name {
    simulated_executor<>* truth;
    const cluster* world;
    const cluster* scheduler;

    [[nodiscard]] slot in_world(const slot& where) const {
        if (!where.placed()) return where;
        slot there{*world->find(*world->find_node(scheduler->fleet().name(where.node))), 0};
        for (gpu_mask rest = where.gpus; rest != 0; rest &= rest - 1) {
            there.gpus |= world->find(*world->find_gpu(scheduler->uuid(where.node, lowest_gpu(rest)))).gpus;
        }
        return there;
    }
    [[nodiscard]] migration_job translated(migration_job job) const {
        job.task = *world->find_task(scheduler->workload().name(job.move.task));
        job.move = {*world->find(job.task), in_world(job.move.from), in_world(job.move.to)};
        return job;
    }
    void start(migration_action a, const migration_job& j, double now) { truth->start(a, translated(j), now); }
    action_status poll(migration_action a, const migration_job& j, double now) {
        return truth->poll(a, translated(j), now);
    }
    void abort(migration_action a, const migration_job& j, double now) { truth->abort(a, translated(j), now); }
    migration_state query(const migration_job& j, double now) { return truth->query(translated(j), now); }
};
static_assert(migration_executor<by_name>);

}  // namespace

TEST_CASE("on a cluster: a run is resumed by names where nodes, GPUs and tasks are reported in another order") {
    for (int stop_after = 1; stop_after < 12; ++stop_after) {
        CAPTURE(stop_after);
        cluster before{own_schema()};
        (void)need(before.join(own_machine{"spare", {{.uuid = "s"}}}));
        (void)need(before.join(mixed(true)));
        const task_handle pair = need(before.admit(own_job{.name = "the pair", .gpus = 2, .gpu_demand = {1, 60}}));
        const task_handle one = need(before.admit(own_job{.name = "one 100%", .gpu_demand = {1, 60}}));
        REQUIRE((before.place(pair, on(1, 0b0011)) && before.place(one, on(0))));
        simulated_executor<> truth{before};
        const by_name then{&truth, &before, &before};
        by_name executor = then;
        // The pair goes to the A100 at positions 2 and 3, then `one` to the H100 at position 0.
        migration_run run = start_migration(before,
                                            plan_of({{{*before.find(pair), on(1, 0b0011), on(1, 0b1100)}},
                                                     {{*before.find(one), on(0), on(1, 0b0001)}}}),
                                            7);
        text_journal journal;
        double now = 0.0;
        for (int i = 0; i < stop_after && run.advance(executor, now, journal); ++i) now += 0.2;

        // The scheduler restarts and learns everything anew, in another order.
        cluster after{own_schema()};
        (void)need(after.admit(own_job{.name = "new"}));
        const task_handle same_one = need(after.admit(own_job{.name = "one 100%", .gpu_demand = {1, 60}}));
        const task_handle same_pair = need(after.admit(own_job{.name = "the pair", .gpus = 2, .gpu_demand = {1, 60}}));
        (void)need(after.join(own_machine{"another", {{}}}));
        (void)need(after.join(mixed(false)));
        (void)need(after.join(own_machine{"spare", {{.uuid = "s"}}}));
        const migration_progress saved = need(load_migration(journal.text));
        migration_run again = need(resume_migration(after, saved));
        REQUIRE(again.hold());
        CHECK(again.hold());  // once more changes nothing
        CHECK(recount{after}.equals(after.ledger()));
        // As the dead scheduler had it, up to what it had just written.
        if (before.where(pair).placed()) CHECK(after.where(same_pair).placed());
        CHECK(uuids(after, again.progress().plan.steps[0].to) == "a1 a2 ");
        CHECK(uuids(after, again.progress().plan.steps[1].to) == "h ");
        executor.scheduler = &after;
        for (int i = 0; i < 500 && again.advance(executor, now, journal); ++i) now += 0.2;
        CHECK(again.report()[migration_outcome::done] == 2);
        CHECK(truth.violations() == 0);
        CHECK(uuids(after, after.where(same_pair)) == "a1 a2 ");
        CHECK(uuids(after, after.where(same_one)) == "h ");
        CHECK(uuids(before, truth.location(*before.find(pair))) == "a1 a2 ");
        CHECK(uuids(before, truth.location(*before.find(one))) == "h ");
        CHECK(need(load_migration(journal.text)) == again.progress());
    }
}

TEST_CASE("on a cluster: nodes, GPUs and tasks that are gone when a run is resumed are as if they left during it") {
    live l;
    const task_handle nameless = need(l.c.admit(own_job{.gpu_demand = {1, 1}}));
    REQUIRE(l.c.place(nameless, on(3)));
    l.start({{l.move(l.a, on(0), on(2)), l.move(l.b, on(1), on(3))}, {l.move(nameless, on(3), on(0))}});
    l.run_until(migration_action::transfer);
    const migration_progress saved = need(load_migration(l.run->save()));
    CHECK(saved == l.run->progress());
    CHECK(saved.names.tasks.size() == 3);
    CHECK(saved.names.nodes.size() == 4);
    CHECK(saved.names.gpus.size() == 4);
    CHECK(l.run->save().find("\ntask 0 1 a ") != std::string::npos);
    const auto resumed = [&](cluster& c) {
        migration_run run = need(resume_migration(c, saved));
        CHECK(need(load_migration(run.save())) == run.progress());
        return run;
    };
    {
        cluster same{l.c};
        CHECK(resumed(same).task(2) == nameless);
        CHECK(resumed(same).progress().plan == saved.plan);
    }
    {
        cluster c{l.c};
        CHECK((c.retire(l.a) && c.retire(nameless)));
        migration_run run = resumed(c);
        CHECK(run.progress().records[0].outcome == migration_outcome::gone);
        CHECK(run.progress().records[2].failure == migration_failure::task_gone);
        CHECK(run.progress().plan.steps[0].task == task_index{gone_position});
        CHECK_FALSE(run.task(0).valid());
        CHECK(run.report()[migration_outcome::gone] == 1);
        // Resumed once more, it is still gone.
        migration_run twice = need(resume_migration(c, need(load_migration(run.save()))));
        CHECK(twice.progress().records == run.progress().records);
    }
    {
        cluster c{l.c};
        CHECK(c.leave(l.node(2)));
        CHECK(c.set_healthy(*c.find_gpu("gpu-n3"), false));
        migration_run run = resumed(c);
        CHECK(run.progress().plan.steps[0].to.node == node_index{gone_position + 1});
        simulated_executor<> truth{c};
        double now = l.now;
        while (run.advance(truth, now)) now += 1.0;
        CHECK(run.report()[migration_outcome::rolled_back] == 2);
        CHECK(c.where(l.a) == on(0));
        CHECK(c.where(l.b) == on(1));
        CHECK(recount{c}.equals(c.ledger()));
    }
}

TEST_CASE("on a cluster: a text without names is resumed by positions, if the names there are the same") {
    live l;
    l.start({{l.move(l.a, on(0), on(2))}});
    l.run_until(migration_action::transfer);
    migration_progress old = l.run->progress();
    old.names = {};
    const std::string text = save_migration(old);
    CHECK(text.find("berth-migration 1 ") == 0);
    CHECK(l.run->save().find("berth-migration 2 ") == 0);
    CHECK(need(resume_migration(l.c, need(load_migration(text)))).task(0) == l.a);
    cluster other{own_schema()};
    for (const std::size_t n : {std::size_t{3}, std::size_t{2}, std::size_t{1}, std::size_t{0}}) {
        (void)need(other.join(own_machine{live::name(n), {{}}}));
    }
    (void)need(other.admit(own_job{.name = "a", .gpu_demand = {1, 60}}));
    CHECK(resume_migration(other, old).error().message.find("fingerprint differs") != std::string::npos);
}

TEST_CASE("on a cluster: own structs are placed, ordered and moved, with faults, until all is as wanted") {
    std::size_t steps = 0;
    std::size_t failed = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        cluster c{own_schema()};
        for (std::size_t n = 0; n < 6; ++n) (void)need(c.join(random_machine(g, n)));
        for (std::size_t j = 0; j < 30; ++j) {
            const task_handle task = need(c.admit(random_job(g, j)));
            const slot where = admissible_slot(g, c, c.workload().demand(*c.find(task)));
            if (where.placed()) REQUIRE(c.place(task, where));
        }
        // A random placement that fits is wanted: that of another cluster with the same tasks, shuffled.
        cluster other{c};
        for (std::size_t k = 0; k < 200; ++k) {
            const task_index t{below(g, 30)};
            const slot back = other.slots()[t.value()];
            if (!back.placed()) continue;
            REQUIRE(other.release(t));
            const slot to = admissible_slot(g, other, other.workload().demand(t));
            REQUIRE(other.place(t, to.placed() ? to : back));
        }
        const assignment wanted(other.slots().begin(), other.slots().end());
        simulated_executor<> truth{c, simulated_faults::everywhere(seed % 3 == 0 ? 0.4 : 0.0, 0.0, seed)};
        double now = 0.0;
        std::uint64_t round = 0;
        for (; !std::equal(wanted.begin(), wanted.end(), c.slots().begin()); ++round) {
            REQUIRE(round < 40);
            const migration_plan plan = need(migration_order{uniform_migration{}}.run(c, wanted));
            REQUIRE(check_migration(c, wanted, plan).has_value());
            REQUIRE_FALSE(plan.steps.empty());
            migration_run run = start_migration(c, plan, round + 1);
            while (run.advance(truth, now)) {
                REQUIRE(recount{c}.equals(c.ledger()));
                now = std::max(now + 1e-6, std::min(truth.next_event(), run.wake_at()));
            }
            steps += run.report()[migration_outcome::done];
            failed += run.report().undone.size();
        }
        if (seed % 3 != 0) CHECK(round <= 1);
        CHECK(truth.violations() == 0);
        CHECK(c.ledger() == truth.ledger());
        for (std::size_t t = 0; t < wanted.size(); ++t) CHECK(truth.location(task_index{t}) == wanted[t]);
    }
    CHECK(steps > 100);
    CHECK(failed > 0);
}

namespace {

struct tally {
    std::size_t events = 0;
    std::size_t restarts = 0;
    std::size_t count[migration_outcome_count] = {};
};

/// A cluster on which much happens while moves to a random placement are under way.
class storm {
public:
    explicit storm(std::uint64_t seed) : g_{seed} {
        for (std::size_t n = 0; n < 6; ++n) machines_.push_back(random_machine(g_, n));
        for (const own_machine& m : machines_) (void)need(c_.join(m));
        while (jobs_ < 24) admit();
        truth_.emplace(c_, simulated_faults::everywhere(seed % 2 == 0 ? 0.1 : 0.0, 0.1, seed));
    }
    void blow(tally& sum) {
        for (std::uint64_t round = 1; round <= 3; ++round) {
            assignment wanted(c_.slots().begin(), c_.slots().end());
            for (std::size_t t = 0; t < wanted.size(); ++t) {
                if (!c_.workload().present(task_index{t}) || !chance(g_, 60)) continue;
                wanted[t] = chance(g_, 5) ? unplaced : any_slot(g_, c_, c_.workload().demand(task_index{t}).gpus);
            }
            const migration_plan plan = need(migration_order{uniform_migration{2.0}}.run(c_, wanted));
            migration_run run = start_migration(c_, plan, round);
            came_back_ = false;
            text_journal journal;
            for (std::size_t looks = 0; run.advance(*truth_, now_, journal); ++looks) {
                REQUIRE(looks < 20'000);
                check_books();
                if (chance(g_, 15)) sum.events += event() ? 1 : 0;
                check_books();
                if (!came_back_ && chance(g_, 3)) {
                    // The scheduler restarts with the cluster that it has saved.
                    run = need(resume_migration(c_, need(load_migration(journal.text))));
                    ++sum.restarts;
                }
                now_ = std::max(now_ + 0.01, std::min(truth_->next_event(), run.wake_at()));
            }
            for (std::size_t o = 0; o < migration_outcome_count; ++o) sum.count[o] += run.report().count[o];
            CHECK(run.report()[migration_outcome::open] == 0);
            CHECK(run.report()[migration_outcome::unresolved] == 0);
            CHECK(c_.moving().empty());
            check_reality();
        }
    }

private:
    void admit() {
        const task_handle task = need(c_.admit(random_job(g_, jobs_++)));
        place(*c_.find(task));
    }
    void place(task_index t) {
        const slot where = admissible_slot(g_, c_, c_.workload().demand(t));
        if (!where.placed()) return;
        // What is left of an earlier life ends before it starts anew.
        if (truth_) truth_->depart(t);
        if (c_.place(t, where) && truth_) truth_->arrive(t, where);
    }
    bool event() {
        const node_index n{below(g_, c_.fleet().node_count())};
        const task_index t{below(g_, c_.slots().size())};
        const bool here = c_.fleet().present(n);
        const bool there = c_.workload().present(t);
        switch (below(g_, 9)) {
            case 0:
                if (!there) return false;
                truth_->depart(t);
                return c_.retire(c_.handle(t));
            case 1:
                if (!there || !c_.slots()[t.value()].placed()) return false;
                truth_->depart(t);
                return c_.release(t);
            case 2:
                if (there && c_.state(t) == task_state::waiting) place(t);
                return true;
            case 3: return admit(), true;
            case 4: return here && chance(g_, 50) && c_.leave(c_.handle(n));
            case 5:
                for (const own_machine& m : machines_) {
                    if (c_.find_node(m.name)) continue;
                    (void)need(c_.join(m));
                    came_back_ = true;
                }
                return true;
            case 6: return here && c_.set_healthy(c_.handle(n, 0), chance(g_, 60));
            case 7: return here && c_.set_open(c_.handle(n), chance(g_, 60));
            default: {
                // Reported again, in another order, with all its GPUs or without the last one.
                own_machine now = machines_[below(g_, machines_.size())];
                if (!c_.find_node(now.name)) return false;
                std::reverse(now.gpus.begin(), now.gpus.end());
                if (chance(g_, 30)) now.gpus.pop_back();
                return c_.report(now).has_value();
            }
        }
    }
    void check_books() const { REQUIRE(recount{c_}.equals(c_.ledger())); }
    void check_reality() {
        truth_->follow();
        REQUIRE(truth_->violations() == 0);
        for (std::size_t t = 0; t < c_.slots().size(); ++t) {
            if (!c_.workload().present(task_index{t})) continue;
            CAPTURE(t);
            CHECK(truth_->location(task_index{t}) == c_.slots()[t]);
        }
        CHECK(c_.ledger() == truth_->ledger());
    }

    xoshiro256 g_;
    std::vector<own_machine> machines_;
    cluster c_{own_schema()};
    std::size_t jobs_ = 0;
    bool came_back_ = false;  // after a restart, a node that left and came back under its name is taken for the same
    std::optional<simulated_executor<>> truth_;
    double now_ = 0.0;
};

}  // namespace

TEST_CASE("on a cluster: whatever happens during a run, the cluster equals a recount and what is true in the end") {
    tally sum;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        storm{seed}.blow(sum);
    }
    MESSAGE(sum.events, " events, ", sum.restarts, " restarts, done ", sum.count[1], ", rolled back ", sum.count[2],
            ", lost ", sum.count[3], ", invalid ", sum.count[4], ", gone ", sum.count[7]);
    CHECK(sum.restarts > 0);
    for (const migration_outcome o : {migration_outcome::done, migration_outcome::rolled_back, migration_outcome::lost,
                                      migration_outcome::invalid, migration_outcome::gone}) {
        CHECK(sum.count[static_cast<std::size_t>(o)] > 0);
    }
}
