// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/beam_eviction.hpp"

#include "berth/balance/detail/stop_poll.hpp"
#include "berth/core/run_control.hpp"

#include "balance/defragment/contexts.hpp"
#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using namespace berth;
using namespace berth_test;
using berth::detail::beam_eviction;
using berth::detail::stop_poll;

TEST_CASE("beam_eviction: its plans carry through and are never shorter than possible") {
    std::size_t found = 0;
    std::size_t longer = 0;
    std::size_t missed = 0;
    for (const fleet_shape& shape : {plain, with_gangs, with_domains}) {
        for (std::uint64_t seed = 3001; seed <= 3060; ++seed) {
            CAPTURE(seed);
            const tight_fleet f = make_tight(seed, shape);
            const std::size_t fewest = fewest_by_force(f, 2);
            if (fewest == 0) continue;
            auto context = occupied_context(f);
            const ledger before = context.fleet.ledger();
            context.begin(f.waiting, 8, {});
            beam_eviction<context_of<>> search{{}, f.initial.size()};
            search.run(context);
            CHECK(context.fleet.ledger() == before);
            CHECK(context.fleet.ledger().depth() == 0);
            missed += fewest <= 2 && !context.found() ? 1 : 0;
            if (!context.found()) continue;
            ++found;
            CHECK(context.best().steps >= fewest);
            CHECK(context.best().steps <= 8);
            longer += context.best().steps > 2 ? 1 : 0;
            eviction_plan plan;
            context.report(plan);
            CHECK(fault_of(f, plan, false) == "");
            CHECK(plan.plan.steps.size() == context.best().steps);
        }
    }
    CHECK(found > 20);
    CHECK(longer > 3);
    CHECK(missed < found / 2);
}

TEST_CASE("beam_eviction: ends at the budget, and goes on as ever after a stop") {
    std::size_t ended = 0;
    for (std::uint64_t seed = 3001; seed <= 3040; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, with_gangs);
        auto context = occupied_context(f);
        if (fits_anywhere(context.fleet.ledger(), f.work.demand(f.waiting))) continue;
        beam_eviction<context_of<>> search{{}, f.initial.size()};
        context.begin(f.waiting, 8, {});
        search.run(context);
        const std::uint64_t whole = context.poll.evaluations();
        const bool found = context.found();
        const std::size_t steps = context.best().steps;
        for (const std::uint64_t budget : {std::uint64_t{0}, whole / 4, whole / 2}) {
            const run_control<> control{.max_evaluations = budget};
            context.poll = stop_poll{control};
            context.begin(f.waiting, 8, {});
            search.run(context);
            ended += context.poll.reason() == stop_reason::budget_exhausted ? 1 : 0;
            if (budget == 0) CHECK_FALSE(context.found());
            if (!context.found()) continue;
            eviction_plan plan;
            context.report(plan);
            CHECK(fault_of(f, plan, false) == "");
        }
        context.poll = {};
        context.begin(f.waiting, 8, {});
        search.run(context);
        CHECK(context.poll.evaluations() == whole);
        CHECK(context.found() == found);
        CHECK(context.best().steps == steps);
    }
    CHECK(ended > 10);
}
