// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/terms/transient_excess.hpp"

#include "berth/model/ledger.hpp"

#include "allocate/problems.hpp"
#include "objective/terms/services.hpp"

#include <doctest/doctest.h>

#include <array>
#include <concepts>
#include <vector>

using namespace berth;
using namespace berth_test;

static_assert(std::same_as<decltype(transient_excess{assignment{}, std::array<std::size_t, 2>{}}),
                           transient_excess<on_nodes, 2>>);

TEST_CASE("transient excess by hand") {
    const fleet machines = hand_fleet({{{1000}, 8, 100}, {{1000}, 4, 100}, {{1000}, 4, 100}});
    const workload tasks = hand_workload(machines, {{0, 0, 5}, {0, 0, 3}, {1, 400, 1}});
    const problem p{machines, tasks};
    const slot first{node_index{0}, 0};
    const slot second{node_index{1}, 0};
    const slot third{node_index{2}, 0};
    const assignment initial{first, second, {node_index{2}, 1}};
    const std::array<std::size_t, 1> cpu{0};
    const transient_excess exchange{std::span<const slot>{initial}, cpu};
    const auto value = [&](const assignment& a) { return exchange.prepare(p, a).value(); };
    CHECK(value(initial) == 0);
    // An exchange fits afterwards, but for 1 on the second node, and not while both slots are held.
    CHECK(value({second, first, initial[2]}) == 4);
    CHECK(value({second, third, initial[2]}) == 4);       // the task that left the second node still holds it
    CHECK(value({unplaced, unplaced, initial[2]}) == 0);  // and so do tasks that stop
    CHECK(value({third, second, initial[2]}) == 2);
    const assignment nothing(3, unplaced);
    CHECK(transient_excess{std::span<const slot>{nothing}, cpu}.prepare(p, {initial}).value() == 0);
}

TEST_CASE("transient excess equals a recount for nodes and GPUs") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const auto made = service_problem(seed);
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        const assignment initial = random_assignment(g, p);
        const std::array<std::size_t, 2> flagged{2, 0};
        const auto recount = [&](const auto& usage, auto capacity_of) {
            return [&p, &initial, &flagged, usage, capacity_of](std::span<const slot> a) {
                assignment moved(a.begin(), a.end());
                for (std::size_t t = 0; t < a.size(); ++t) {
                    if (a[t] == initial[t]) moved[t] = unplaced;
                }
                const auto held = usage(p, initial);
                const auto more = usage(p, moved);
                amount sum = 0;
                for (std::size_t i = 0; i < held.size(); ++i) {
                    for (const std::size_t r : flagged) {
                        if (r < held[i].size()) sum += above(held[i][r] + more[i][r], capacity_of(i)[r]);
                    }
                }
                return sum;
            };
        };
        const auto hosts = recount(node_usage, [&](std::size_t n) { return p.fleet().capacity(node_index{n}); });
        check_walk(transient_excess{std::span<const slot>{initial}, flagged}, p, seed, hosts);
        check_walk(transient_excess<>{initial, flagged}, p, seed, hosts);
        const std::array<std::size_t, 1> share{0};
        const auto boards = recount(gpu_usage, [&](std::size_t i) { return p.fleet().capacity(gpu_index{i}); });
        check_walk(transient_excess<on_gpus, 1>{initial, share}, p, seed, boards);
    }
}

TEST_CASE("no transient excess means that a ledger takes every target while every source is held") {
    std::size_t fits = 0;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        const auto made = service_problem(seed, {.nodes = 6, .tasks = 1 + seed % 5});
        const problem p{made.machines, made.tasks};
        xoshiro256 g{seed};
        assignment initial(p.workload().task_count(), unplaced);
        ledger ledger{p.fleet()};
        for (std::size_t t = 0; t < initial.size(); ++t) {
            const slot where = random_slot(g, p, task_index{t});
            if (!ledger.has_room(p.workload().demand(task_index{t}), where)) continue;
            initial[t] = where;
            ledger.place(p.workload().demand(task_index{t}), where);
        }
        const assignment wanted = random_assignment(g, p);
        bool room = true;
        for (std::size_t t = 0; t < wanted.size() && room; ++t) {
            if (wanted[t] == initial[t] || !wanted[t].placed()) continue;
            room = ledger.has_room(p.workload().demand(task_index{t}), wanted[t]);
            if (room) ledger.place(p.workload().demand(task_index{t}), wanted[t]);
        }
        const std::array<std::size_t, 3> of_node{0, 1, 2};
        const std::array<std::size_t, 2> of_gpu{0, 1};
        const std::array<std::size_t, 1> of_domain{0};
        const double excess = transient_excess<on_nodes>{initial, of_node}.prepare(p, wanted).value() +
                              transient_excess<on_gpus>{initial, of_gpu}.prepare(p, wanted).value() +
                              transient_excess<on_domains>{initial, of_domain}.prepare(p, wanted).value();
        CHECK((excess == 0) == room);
        fits += room ? 1 : 0;
    }
    CHECK(fits > 40);
    CHECK(fits < 360);
}
