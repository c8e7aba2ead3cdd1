// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/occupied_fleet.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

using namespace berth;
using berth::detail::occupied_fleet;
using berth_test::below;
using berth_test::make_tight;
using berth_test::tight_fleet;

TEST_CASE("occupied_fleet: random changes, compared with a ledger kept apart") {
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        CAPTURE(seed);
        const tight_fleet f = make_tight(seed, {.nodes = 4, .gpus = 2, .domains = seed % 2 == 0, .gangs = true});
        occupied_fleet fleet{f.problem()};
        ledger expected{f.machines};
        const std::size_t tasks = f.initial.size();
        assignment where(tasks, unplaced);
        assignment target(tasks, unplaced);  // placed: in flight
        xoshiro256 g{seed};
        for (int i = 0; i < 300; ++i) {
            const task_index t{below(g, tasks)};
            const std::size_t at = t.value();
            const demand_view demand = f.work.demand(t);
            const slot any{node_index{below(g, f.machines.node_count() + 1)}, below(g, 8)};
            const bool flies = target[at].placed();
            const std::uint64_t time = fleet.changes().now();
            bool done = false;
            switch (below(g, 4)) {
                case 0:
                    done = !flies && !where[at].placed() && expected.has_room(demand, any);
                    REQUIRE(fleet.add(t, any) == done);
                    if (!done) break;
                    expected.place(demand, any);
                    where[at] = any;
                    break;
                case 1:
                    done = !flies && where[at].placed();
                    REQUIRE(fleet.remove(t) == done);
                    if (!done) break;
                    expected.remove(demand, where[at]);
                    where[at] = unplaced;
                    break;
                case 2: {
                    const slot from = berth_test::chance(g, 80) ? where[at] : any;
                    done = !flies && from == where[at] && expected.has_room(demand, any);
                    REQUIRE(fleet.begin({t, from, any}) == done);
                    if (!done) break;
                    expected.place(demand, any);
                    target[at] = any;
                    break;
                }
                default: {
                    const bool arrives = berth_test::chance(g, 50);
                    done = flies;
                    REQUIRE(fleet.finish(t, arrives) == done);
                    if (!done) break;
                    const slot leaves = arrives ? where[at] : target[at];
                    if (leaves.placed()) expected.remove(demand, leaves);
                    if (arrives) where[at] = target[at];
                    target[at] = unplaced;
                }
            }
            refused += done ? 0 : 1;
            REQUIRE((fleet.changes().now() != time) == done);
            REQUIRE(fleet.ledger() == expected);
            REQUIRE(std::equal(where.begin(), where.end(), fleet.slots().begin()));
            REQUIRE(fleet.in_flight(t) == target[at].placed());
            for (std::size_t n = 0; n < f.machines.node_count(); ++n) {
                std::set<std::size_t> listed;
                for (const task_index on : fleet.tasks_on(node_index{n})) listed.insert(on.value());
                std::set<std::size_t> there;
                for (std::size_t u = 0; u < tasks; ++u) {
                    if (where[u].placed() && where[u].node.value() == n && !target[u].placed()) there.insert(u);
                }
                REQUIRE(listed == there);
            }
        }
    }
    CHECK(refused > 1000);
}

TEST_CASE("occupied_fleet: unknown tasks and slots that do not exist are refused") {
    const tight_fleet f = make_tight(1, {});
    occupied_fleet fleet{f.problem()};
    const slot first{node_index{0}, 1};
    for (const task_index unknown : {task_index{}, task_index{f.initial.size()}}) {
        CHECK_FALSE(fleet.known(unknown));
        CHECK_FALSE(fleet.add(unknown, first));
        CHECK_FALSE(fleet.remove(unknown));
        CHECK_FALSE(fleet.begin({unknown, unplaced, first}));
        CHECK_FALSE(fleet.finish(unknown, true));
    }
    const task_index known{0};
    for (const slot& bad :
         {unplaced, slot{node_index{}, 1}, slot{node_index{99}, 1}, slot{node_index{0}, ~gpu_mask{0}}}) {
        CHECK_FALSE(fleet.add(known, bad));
        CHECK_FALSE(fleet.begin({known, unplaced, bad}));
    }
    CHECK(fleet.ledger() == ledger{f.machines});
}

TEST_CASE("occupied_fleet: a change of a domain counter notes every node of the domain") {
    const tight_fleet f = make_tight(2, {.nodes = 6, .domains = true});
    REQUIRE(f.machines.domain_count() == 2);
    for (std::size_t t = 0; t < f.initial.size(); ++t) {
        if (!f.initial[t].placed()) continue;
        occupied_fleet fleet{f.problem()};
        const std::uint64_t time = fleet.changes().now();
        REQUIRE(fleet.add(task_index{t}, f.initial[t]));
        std::set<std::size_t> noted;
        fleet.changes().for_each_since(time, [&](std::size_t n) { noted.insert(n); });
        const bool domain = f.work.demand(task_index{t}).domain[0] != 0;
        CHECK(noted.size() == (domain ? 3 : 1));
        CHECK(noted.count(f.initial[t].node.value()) == 1);
    }
}
