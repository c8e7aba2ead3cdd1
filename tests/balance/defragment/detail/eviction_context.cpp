// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/eviction_context.hpp"

#include "berth/balance/defragment/fragmentation_cost.hpp"
#include "berth/balance/movability.hpp"

#include "balance/defragment/contexts.hpp"
#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE(
    "eviction_context: any_slot visits every allowed slot of a node, best_slot the one with least fragmentation") {
    std::size_t several = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, seed % 2 == 0 ? plain : with_gangs);
        const auto movable = [](const task_move& r) { return (r.task.value() + r.to.gpus) % 3 != 0; };
        auto context = occupied_context(f, movable);
        context.begin(f.waiting, 4, {});
        const ledger before = context.fleet.ledger();
        for (std::size_t t = 0; t < f.initial.size(); ++t) {
            const task_index task{t};
            const demand_view demand = f.work.demand(task);
            const auto all = slots_for(before, demand);
            for (std::size_t i = 0; i < f.machines.node_count(); ++i) {
                const node_index n{i};
                if (!before.fits(demand, n)) continue;
                std::set<gpu_mask> expected;
                for (const slot& to : all) {
                    const bool allowed =
                        task == f.waiting || (to != f.initial[t] && movable(task_move{task, f.initial[t], to}));
                    if (to.node == n && allowed) expected.insert(to.gpus);
                }
                std::set<gpu_mask> visited;
                CHECK_FALSE(context.any_slot(task, n, [&](const slot& to) {
                    CHECK(to.node == n);
                    CHECK(visited.insert(to.gpus).second);
                    return false;
                }));
                CHECK(visited == expected);
                CHECK(context.any_slot(task, n, [](const slot&) { return true; }) == !expected.empty());
                const auto offer = context.best_slot(task, n);
                CHECK(context.fleet.ledger() == before);
                CHECK(offer.where.placed() == !expected.empty());
                if (expected.empty()) continue;
                CHECK(expected.count(offer.where.gpus) == 1);
                several += expected.size() > 1 ? 1 : 0;
                const auto lost = [&](gpu_mask gpus) {
                    ledger with = before;
                    with.place(demand, {n, gpus});
                    const auto fragmentation = expected_fragmentation_cost{}.prepare(f.problem());
                    return fragmentation(with.node(n)) - fragmentation(before.node(n));
                };
                CHECK(offer.fragmentation == doctest::Approx(lost(offer.where.gpus)).epsilon(1e-9));
                if (demand.gpus > 1) continue;  // the tightest GPUs, not all combinations
                for (const gpu_mask gpus : expected) CHECK(offer.fragmentation <= lost(gpus) + 1e-6);
            }
        }
    }
    CHECK(several > 15);
}

TEST_CASE("eviction_context: consider accepts what carries through, and keeps the best") {
    std::size_t accepted = 0;
    std::size_t rejected = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, plain);
        auto context = occupied_context(f);
        context.begin(f.waiting, 1, {});
        const ledger before = context.fleet.ledger();
        if (fits_anywhere(before, f.work.demand(f.waiting))) continue;
        const auto fragmentation = expected_fragmentation_cost{}.prepare(f.problem());
        double least = 1e300;
        amount bytes = max_amount;
        for (std::size_t t = 0; t + 1 < f.initial.size(); ++t) {
            if (!f.initial[t].placed()) continue;
            const demand_view demand = f.work.demand(task_index{t});
            for (const slot& to : slots_for(before, demand)) {
                ledger after = before;
                after.place(demand, to);
                after.remove(demand, f.initial[t]);
                const task_move move{task_index{t}, f.initial[t], to};
                for (std::size_t i = 0; i < f.machines.node_count(); ++i) {
                    const node_index n{i};
                    const bool fits = after.fits(f.work.demand(f.waiting), n);
                    REQUIRE(context.consider({&move, 1}, n) == fits);
                    CHECK(context.fleet.ledger() == before);
                    (fits ? accepted : rejected) += 1;
                    if (fits) bytes = std::min(bytes, f.work.state_bytes(task_index{t}));
                }
            }
        }
        CHECK(context.found() == (bytes < max_amount));
        if (!context.found()) continue;
        CHECK(context.best().bytes == bytes);  // steps and downtime are equal
        eviction_plan plan;
        context.report(plan);
        CHECK(context.fleet.ledger() == before);
        CHECK(fault_of(f, plan, false).empty());
        least = 0.0;
        assignment where = f.initial;
        for (const migration_step& s : plan.plan.steps) where[s.task.value()] = s.to;
        where[f.waiting.value()] = plan.where;
        const ledger after = need(make_ledger(f.problem(), where));
        for (std::size_t i = 0; i < f.machines.node_count(); ++i)
            least += fragmentation(after.node(node_index{i})) - fragmentation(before.node(node_index{i}));
        CHECK(plan.fragmentation == doctest::Approx(least).epsilon(1e-6));
    }
    CHECK(accepted > 20);
    CHECK(rejected > 20);
}
