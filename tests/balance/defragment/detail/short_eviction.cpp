// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/short_eviction.hpp"

#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/run_control.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include "balance/defragment/contexts.hpp"
#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

using namespace berth;
using namespace berth_test;
using berth::detail::short_eviction;
using berth::detail::stop_poll;

TEST_CASE("short_eviction: one and two steps, compared with every sequence of two moves") {
    std::size_t seen[4] = {};
    for (const fleet_shape& shape : {plain, with_gangs, with_domains}) {
        for (std::uint64_t seed = 2001; seed <= 2080; ++seed) {
            CAPTURE(seed);
            const tight_fleet f = make_tight(seed, shape);
            const std::size_t fewest = fewest_by_force(f, 2);
            ++seen[fewest];
            if (fewest == 0) continue;
            auto context = occupied_context(f);
            const ledger before = context.fleet.ledger();
            for (const std::size_t max_steps : {std::size_t{1}, std::size_t{2}}) {
                context.poll = {};
                context.begin(f.waiting, max_steps, {});
                short_eviction<context_of<>> search;
                CHECK(search.run(context, max_steps, 16));
                CHECK(context.fleet.ledger() == before);
                REQUIRE(context.found() == (fewest <= max_steps));
                if (!context.found()) continue;
                CHECK(context.best().steps == fewest);
                eviction_plan plan;
                context.report(plan);
                CHECK(fault_of(f, plan, false) == "");
            }
        }
    }
    CHECK(seen[1] > 10);
    CHECK(seen[2] > 5);
    CHECK(seen[3] > 10);
}

TEST_CASE("short_eviction: a parked task returns to a slot that overlaps its own") {
    // The first of three GPUs is the only one of model B, which the new task wants. A task runs on the first two; the
    // last two would do, but not with both ends held: the second GPU would be taken twice.
    fleet_builder nodes{resource_schema{.gpu = {"share"}, .node = {}, .domain = {}}};
    const gpu_description gpus[] = {{.model = "B"}, {.model = "A"}, {.model = "A"}};
    (void)need(nodes.add_node({.gpus = gpus}));
    const fleet machines = need(std::move(nodes).build());
    workload_builder tasks{machines};
    const amount whole[] = {1000};
    const std::string_view b[] = {"B"};
    (void)need(tasks.add_task({.gpus = 2, .gpu_demand = whole, .state_bytes = 1}));
    (void)need(tasks.add_task({.gpus = 1, .gpu_demand = whole, .accepted_models = b, .state_bytes = 1}));
    const workload work = need(std::move(tasks).build());
    const tight_fleet f{machines, work, {{node_index{0}, 0b011}, unplaced}, task_index{1}};
    for (const bool park : {false, true}) {
        auto context = occupied_context(f);
        context.begin(f.waiting, 2, {.park = park});
        short_eviction<context_of<>> search;
        CHECK(search.run(context, 2, 16));
        REQUIRE(context.found() == park);
        if (!park) continue;
        CHECK(context.best().steps == 2);
        eviction_plan plan;
        context.report(plan);
        CHECK(fault_of(f, plan, true) == "");
        CHECK(plan.plan.steps[0].kind == step_kind::park);
        CHECK(plan.plan.steps[1].to == slot{node_index{0}, 0b110});
        CHECK(plan.where == slot{node_index{0}, 0b001});
    }
}

TEST_CASE("short_eviction: ends at the budget, with a plan that is valid") {
    std::size_t ended = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, plain);
        auto context = occupied_context(f);
        if (fits_anywhere(context.fleet.ledger(), f.work.demand(f.waiting))) continue;
        context.begin(f.waiting, 2, {});
        short_eviction<context_of<>> search;
        (void)search.run(context, 2, 16);
        const std::uint64_t whole = context.poll.evaluations();
        for (const std::uint64_t budget : {std::uint64_t{0}, whole / 3, whole / 2}) {
            const run_control<> control{.max_evaluations = budget};
            context.poll = stop_poll{control};
            context.begin(f.waiting, 2, {});
            const bool complete = search.run(context, 2, 16);
            CHECK(complete == (context.poll.evaluations() < budget));
            ended += complete ? 0 : 1;
            if (!context.found()) continue;
            eviction_plan plan;
            context.report(plan);
            CHECK(fault_of(f, plan, false) == "");
        }
    }
    CHECK(ended > 20);
}
