// SPDX-License-Identifier: Apache-2.0
// The library's templates use nothing beyond their concepts: each is instantiated with minimal models, and run.
#include "berth/testing/archetypes.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/balance/balancer.hpp"
#include "berth/migrate/order/costs/pre_copy.hpp"
#include "berth/migrate/order/migration_order.hpp"
#include "berth/migrate/run/migration_run.hpp"
#include "berth/objective/terms/capacity_excess.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

namespace archetypes = berth::archetypes;
using berth_test::bare_gpus;
using berth_test::need;

TEST_CASE("archetypes: an order and its run") {
    const bare_gpus in{3, 80, {60, 50}};
    const berth::problem p = in.problem();
    const auto from = in.on({0, 1});
    const auto to = in.on({1, 0});
    berth::run_control<archetypes::stop, archetypes::end_observer> control{.stop = archetypes::stop{0},
                                                                           .observer = archetypes::end_observer{0}};
    const berth::migration_order<archetypes::migration_cost> order{archetypes::migration_cost{0}};
    const auto plan = need(order.run(p, from, to, {}, control));
    CHECK(plan.steps.size() == 3);
    CHECK(plan.duration == 3.0);

    using copy = berth::stop_and_copy<archetypes::link, archetypes::quantity>;
    const copy stopping{.link = archetypes::link{0}, .droppable = archetypes::quantity{0}};
    const berth::pre_copy<archetypes::link, archetypes::quantity, copy> live{
        .link = archetypes::link{0}, .dirty_rate = archetypes::quantity{0}, .fallback = stopping};
    CHECK(live(p, plan.steps[0].move()).duration > 0.0);
    CHECK(stopping(p, plan.steps[0].move()).duration > 0.0);

    archetypes::executor executor{0};
    archetypes::ledger ledger{0};
    archetypes::journal journal{0};
    berth::migration_run run = berth::start_migration(p, plan, 1);
    double now = 0.0;
    while (run.advance(executor, ledger, now, journal, control)) now = run.wake_at();
    CHECK(run.report()[berth::migration_outcome::done] == 0);
    CHECK(run.hold(ledger));
}

TEST_CASE("archetypes: greedy") {
    const bare_gpus in{3, 80, {60, 50, 30}};
    const auto plan = berth::greedy{archetypes::score{0}, archetypes::gpu_choice{0}}.run(in.problem());
    for (const berth::slot& where : plan.assignment) CHECK(where.placed());
}

TEST_CASE("archetypes: an objective of two terms") {
    const bare_gpus in{3, 80, {60, 50, 30}};
    const berth::objective wish{berth::tier(berth::capacity_excess{}), berth::tier(archetypes::constant_term{0})};
    const auto start = in.on({0, 1, 2});
    const auto plan =
        berth::local_search{}.run(in.problem(), wish, start, berth::run_control<>{.max_evaluations = 200});
    CHECK(plan.assignment.size() == 3);
}

TEST_CASE("archetypes: a balancer") {
    const bare_gpus in{3, 80, {60, 50, 30}};
    const berth::problem p = in.problem();
    const auto placement = in.on({0, 1, 2});
    const std::vector<double> gpu_load(3, 0.5);
    const std::vector<double> task_load(3, 0.5);
    const std::vector<berth::gpu_mask> healthy(3, 1);
    auto state =
        berth::balancer{berth::triggers{archetypes::trigger{0}},
                        berth::move_choice{berth::payback{archetypes::migration_cost{0}}, archetypes::pinned{0}},
                        archetypes::budget{0}}
            .prepare(p);
    const auto round = state.round(
        {.time = 0.0, .placement = placement, .gpu_load = gpu_load, .task_load = task_load, .healthy = healthy});
    REQUIRE(round.has_value());
    CHECK(round->alarms.empty());
}
