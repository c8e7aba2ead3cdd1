// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/sampled_greedy.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

double quirky_cost(task_index t, gpu_index g) { return static_cast<double>((t.value() * 7 + g.value() * 13) % 29); }

}  // namespace

TEST_CASE("sampled greedy exceeds no counter and keeps gangs whole") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        const auto made = random_problem(
            seed, {.nodes = 3 + seed % 9, .tasks = 80, .gpu_counters = 1 + seed % 2, .domains = seed % 3 == 0});
        const problem p{made.machines, made.tasks};
        const plan found = sampled_greedy{.seed = seed, .samples = 1 + seed % 5}.run(p, quirky_cost);
        CHECK(validate(p, found.assignment));
        CHECK(found.counters.placed + found.counters.rejected == 80);
        const auto ledger = need(make_ledger(p, found.assignment));
        for (const task_index t : found.left_out) {
            CHECK_FALSE(found.assignment[t.value()].placed());
            const group_index group = made.tasks.group(t);
            if (group.valid()) {
                for (const task_index member : made.tasks.members(group))
                    CHECK_FALSE(found.assignment[member.value()].placed());
                continue;
            }
            for (std::size_t n = 0; n < made.machines.node_count(); ++n) {
                CHECK_FALSE(ledger.fits(made.tasks.demand(t), node_index{n}));
            }
        }
        const plan again = sampled_greedy{.seed = seed, .samples = 1 + seed % 5}.run(p, quirky_cost);
        CHECK(again.assignment == found.assignment);
    }
}

TEST_CASE("with many samples the cheapest node is found, a budget ends it") {
    const fleet machines = hand_fleet({{{1000}, 8000}, {{1000}, 8000}, {{1000}, 8000}});
    const workload tasks = hand_workload(machines, {{1, 1000, 0, {}, 3}});
    const problem p{machines, tasks};
    const auto cost = [](task_index t, gpu_index g) { return static_cast<double>((g.value() + 2 * t.value()) % 3); };
    const plan found = sampled_greedy{.samples = 100}.run(p, cost);
    CHECK(found.assignment[0].node == node_index{0});
    CHECK(found.assignment[1].node == node_index{1});
    CHECK(found.assignment[2].node == node_index{2});
    const plan none = sampled_greedy{}.run(p, cost, run_control<>{.max_evaluations = 0});
    CHECK(none.stopped == stop_reason::budget_exhausted);
    CHECK(none.counters.placed == 0);
}
