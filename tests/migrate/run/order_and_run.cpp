// SPDX-License-Identifier: Apache-2.0
// Plans of migration_order, carried out: moves that fail are ordered again from the placement that is true then.
#include "berth/migrate/order/migration_order.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/testing/simulated_executor.hpp"

#include "migrate/move_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>

using namespace berth;
using namespace berth_test;

namespace {

/// Exchanges tasks of equal fit, which needs steps aside or host memory.
assignment exchanged(xoshiro256& g, const move_world& world) {
    assignment wanted = world.initial;
    ledger ledger = need(make_ledger(world.problem(), wanted));
    for (std::size_t k = 0; k < 400; ++k) {
        const std::size_t a = below(g, wanted.size());
        const std::size_t b = below(g, wanted.size());
        if (!wanted[a].placed() || !wanted[b].placed() || wanted[a].node == wanted[b].node) continue;
        const demand_view of_a = world.tasks.demand(task_index{a});
        const demand_view of_b = world.tasks.demand(task_index{b});
        if (of_a.gpus != of_b.gpus) continue;
        ledger.checkpoint();
        ledger.remove(of_a, wanted[a]);
        ledger.remove(of_b, wanted[b]);
        const bool fits_a = ledger.fits(of_a, wanted[b]);
        if (fits_a) ledger.place(of_a, wanted[b]);
        if (!fits_a || !ledger.fits(of_b, wanted[a])) {
            ledger.rollback();
            continue;
        }
        ledger.place(of_b, wanted[a]);
        ledger.commit();
        std::swap(wanted[a], wanted[b]);
    }
    return wanted;
}

}  // namespace

TEST_CASE("failed moves are ordered again until every task is at its wanted slot") {
    std::size_t steps = 0;
    std::size_t failed = 0;
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        move_world world = random_world(g, 8, 60);
        place_at_random(g, world);
        const problem p = world.problem();
        const assignment wanted = exchanged(g, world);
        const double probability = seed % 3 == 0 ? 0.5 : 0.0;
        simulated_executor<> executor{p, world.initial, simulated_faults::everywhere(probability, 0.0, seed)};
        ledger ledger = need(make_ledger(p, world.initial));
        ledger_adapter keeper{p, ledger};
        assignment placement = world.initial;
        double now = 0.0;
        std::uint64_t round = 0;
        for (; placement != wanted; ++round) {
            REQUIRE(round < 40);
            const migration_plan plan = need(migration_order{uniform_migration{}}.run(p, placement, wanted));
            REQUIRE_FALSE(plan.steps.empty());
            migration_run run = start_migration(p, plan, round);
            while (run.advance(executor, keeper, now)) {
                now = std::max(now + 1e-6, std::min(executor.next_event(), run.wake_at()));
            }
            const migration_report report = run.report();
            steps += report[migration_outcome::done];
            failed += report.undone.size();
            if (probability == 0.0) {
                CHECK(report.undone.empty());
                CHECK(report.parked.empty());
            }
            run.apply_to(placement);
            REQUIRE(executor.violations() == 0);
            REQUIRE(ledger == executor.ledger());
        }
        if (probability == 0.0) CHECK(round <= 1);
        for (std::size_t t = 0; t < wanted.size(); ++t) CHECK(executor.location(task_index{t}) == wanted[t]);
    }
    CHECK(steps > 100);
    CHECK(failed > 0);
}
