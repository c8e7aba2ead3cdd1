// SPDX-License-Identifier: Apache-2.0
// Every step fails at random, and the scheduler is killed between any two of its commands and resumed from its journal. Set
// BERTH_MIGRATIONS to the number of migrations for each rate of failure; the default is small.
#include "berth/migrate/run/migration_run.hpp"
#include "berth/testing/simulated_executor.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// How many calls the scheduler makes before it is killed.
struct fuse {
    std::size_t left = std::numeric_limits<std::size_t>::max();
    /// False for the call at which it is killed, and for all after.
    [[nodiscard]] bool burns() { return left > 0 && --left > 0; }
    [[nodiscard]] bool dead() const { return left == 0; }
};

/// The executor for a scheduler that may be killed at any call.
struct mortal_executor {
    simulated_executor<>* truth;
    fuse* life;
    std::vector<std::pair<migration_action, migration_job>>* delayed;  ///< commands that arrive late

    void start(migration_action action, const migration_job& job, double now) {
        if (life->dead()) return;
        if (life->burns()) return truth->start(action, job, now);
        delayed->emplace_back(action, job);
    }
    action_status poll(migration_action action, const migration_job& job, double now) {
        return life->burns() ? truth->poll(action, job, now) : action_status::pending;
    }
    void abort(migration_action action, const migration_job& job, double now) {
        if (life->burns()) truth->abort(action, job, now);
    }
    migration_state query(const migration_job& job, double now) {
        return life->burns() ? truth->query(job, now) : migration_state{};
    }
};
static_assert(migration_executor<mortal_executor>);

/// Stops in the middle of a text if the scheduler is killed.
struct mortal_journal {
    text_journal* kept;
    fuse* life;
    xoshiro256* random;

    bool write(std::string_view text, journal_write how) {
        if (life->dead()) return false;
        if (life->burns()) return kept->write(text, how);
        const bool all = chance(*random, 30);
        if (how == journal_write::replace) {
            if (all) (void)kept->write(text, how);
        } else {
            (void)kept->write(text.substr(0, all ? text.size() : below(*random, text.size())), how);
        }
        return false;
    }
};

/// The scheduler never counts more as free than there is.
[[nodiscard]] bool covered(const ledger& known, const ledger& truth) {
    for (std::size_t n = 0; n < known.fleet().node_count(); ++n) {
        const node_view a = known.node(node_index{n});
        const node_view b = truth.node(node_index{n});
        for (std::size_t r = 0; r < a.free_node.size(); ++r) {
            if (a.free_node[r] > b.free_node[r] || a.free_node[r] < 0) return false;
        }
        for (std::size_t r = 0; r < a.free_gpus.size(); ++r) {
            if (a.free_gpus[r] > b.free_gpus[r] || a.free_gpus[r] < 0) return false;
        }
    }
    return true;
}

struct stop_flag {
    const bool* raised;
    [[nodiscard]] bool stop_requested() const { return *raised; }
};

struct tally {
    std::size_t migrations = 0;
    std::size_t kills = 0;
    std::size_t late_commands = 0;
    std::size_t arrivals = 0;
    std::uint64_t faults = 0;
    std::uint64_t refused = 0;
    std::size_t count[migration_outcome_count] = {};
};

/// One plan from beginning to end.
void torture(std::uint64_t seed, double probability, bool stops, tally& sum) {
    CAPTURE(seed);
    xoshiro256 g{seed};
    move_world world = random_world(g, 6, 40);
    place_at_random(g, world);
    const problem p = world.problem();
    const migration_plan plan = random_plan(g, world, 5, 12);
    simulated_faults faults = simulated_faults::everywhere(probability, 0.1, seed);
    faults.spread = 0.5;
    faults.keeps_images = chance(g, 50);
    simulated_executor<> truth{p, world.initial, faults};

    migration_limits limits;
    limits.when_stopped = chance(g, 50) ? on_stop::finish : on_stop::roll_back;
    text_journal journal;
    bool stop = false;
    berth::ledger ledger = need(make_ledger(p, world.initial));
    std::optional<migration_run> run{start_migration(p, plan, 7, limits)};
    double now = 0.0;
    std::size_t looks = 0;
    std::vector<std::pair<migration_action, migration_job>> delayed;
    for (bool more = true; more;) {
        REQUIRE(++looks < 200'000);
        fuse life;
        if (chance(g, 15)) life.left = 1 + below(g, 20);
        mortal_executor executor{&truth, &life, &delayed};
        mortal_journal writer{&journal, &life, &g};
        ledger_adapter keeper{p, ledger};
        run_control<stop_flag> control{.stop = {&stop}};
        more = run->advance(executor, keeper, now, writer, control);
        REQUIRE(covered(ledger, truth.ledger()));
        if (life.dead()) {
            ++sum.kills;
            now += 0.7 * uniform01(g);
            if (!journal.text.empty()) {
                run = need(resume_migration(p, need(load_migration(journal.text, torn_line::drop)), limits));
            } else {
                run = start_migration(p, plan, 7, limits);
            }
            ledger = berth::ledger{p.fleet()};
            ledger_adapter anew{p, ledger};
            for (std::size_t t = 0; t < world.initial.size(); ++t) {
                const bool moves = std::any_of(plan.steps.begin(), plan.steps.end(),
                                               [&](const migration_step& s) { return s.task == task_index{t}; });
                if (!moves && world.initial[t].placed())
                    REQUIRE(anew.begin({task_index{t}, unplaced, world.initial[t]}));
            }
            REQUIRE(run->hold(anew));
            REQUIRE(covered(ledger, truth.ledger()));
            more = true;
        }
        const std::size_t newcomer = below(g, world.initial.size());
        if (chance(g, 5) && !world.initial[newcomer].placed()) {
            const slot where = random_slot(g, ledger, p.workload().demand(task_index{newcomer}));
            if (where.placed()) {
                ledger_adapter keeper_of_all{p, ledger};
                REQUIRE(keeper_of_all.begin({task_index{newcomer}, unplaced, where}));
                truth.arrive(task_index{newcomer}, where);
                world.initial[newcomer] = where;
                ++sum.arrivals;
            }
        }
        if (!delayed.empty() && chance(g, 10)) {
            truth.start(delayed.back().first, delayed.back().second, now);
            delayed.pop_back();
            ++sum.late_commands;
        }
        if (stops && chance(g, 1)) stop = true;
        const double next = std::min(truth.next_event(), run->wake_at());
        const bool idle = next == std::numeric_limits<double>::infinity();
        if (more && !life.dead()) REQUIRE(!idle);
        now = std::max(now + 0.001, !idle && chance(g, 80) ? next : now + 0.1 * uniform01(g));
    }

    const migration_report report = run->report();
    for (std::size_t v = 0; v < migration_violation_count; ++v) {
        CAPTURE(v);
        CHECK(truth.violations(static_cast<migration_violation>(v)) == 0);
    }
    CHECK(report[migration_outcome::open] == 0);
    CHECK(report[migration_outcome::unresolved] == 0);
    CHECK(report.in_flight.empty());
    CHECK(truth.releases() == report[migration_outcome::done] + report[migration_outcome::lost]);
    CHECK(ledger == truth.ledger());
    assignment placement = world.initial;
    run->apply_to(placement);
    std::size_t lost = 0;
    for (std::size_t t = 0; t < placement.size(); ++t) {
        CHECK(placement[t] == truth.location(task_index{t}));
        CHECK(truth.at_rest(task_index{t}));
        if (!truth.lost(task_index{t})) continue;
        ++lost;
        CHECK(std::count(report.lost.begin(), report.lost.end(), task_index{t}) == 1);
    }
    CHECK(lost == report.lost.size());
    for (std::size_t o = 0; o < migration_outcome_count; ++o) sum.count[o] += report.count[o];
    sum.migrations += plan.steps.size() - report[migration_outcome::invalid] - report[migration_outcome::not_begun];
    sum.faults += truth.faults_injected();
    sum.refused += truth.refused();
}

[[nodiscard]] std::size_t wanted_migrations() {
    const char* text = std::getenv("BERTH_MIGRATIONS");
    return text == nullptr ? 300 : static_cast<std::size_t>(std::strtoull(text, nullptr, 10));
}

void torture_many(double probability) {
    tally sum;
    for (std::uint64_t seed = 1; sum.migrations < wanted_migrations(); ++seed)
        torture(seed, probability, seed % 4 == 0, sum);
    MESSAGE("migrations ", sum.migrations, ", kills ", sum.kills, ", late commands ", sum.late_commands,
            ", of them refused ", sum.refused, ", arrivals ", sum.arrivals, ", faults ", sum.faults, ", done ",
            sum.count[1], ", rolled back ", sum.count[2], ", lost ", sum.count[3], ", invalid ", sum.count[4],
            ", not begun ", sum.count[5]);
    CHECK(sum.kills > 0);
    CHECK(sum.arrivals > 0);
    CHECK(sum.refused > 0);
}

}  // namespace

TEST_CASE("no task is lost or doubled with one step in a hundred failing and the scheduler killed at random") {
    torture_many(0.01);
}
TEST_CASE("no task is lost or doubled with one step in ten failing and the scheduler killed at random") {
    torture_many(0.1);
}
TEST_CASE("no task is lost or doubled with every second step failing and the scheduler killed at random") {
    torture_many(0.5);
}
TEST_CASE("no task is lost or doubled where only the scheduler fails") { torture_many(0.0); }
