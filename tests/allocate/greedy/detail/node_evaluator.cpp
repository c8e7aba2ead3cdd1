// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/node_evaluator.hpp"

#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/tie_break.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// The best slot by a loop over `evaluate`, which shares nothing with the fast scan but the ledger.
template <class Evaluator>
slot best_by_loop(Evaluator& nodes, candidate c) {
    slot best = unplaced;
    double greatest = 0.0;
    for (const node_index n : nodes.order()) {
        const auto found = nodes.evaluate(n, c);
        if (found.value == not_admitted || (best.placed() && found.value <= greatest)) continue;
        greatest = found.value;
        best = slot{n, found.gpus};
    }
    return best;
}

template <class Score>
void scan_equals_loop(const Score& score, const problem_options& options) {
    std::size_t placed = 0;
    std::size_t refused = 0;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        CAPTURE(seed);
        const auto [machines, work] = random_problem(seed, options);
        const problem p{machines, work};
        detail::node_evaluator nodes{detail::owned_ledger{machines}, prepare_score(score, p), tightest_gpu{},
                                     random_order{seed}.rank(machines)};
        xoshiro256 g{seed};
        std::vector<std::pair<candidate, slot>> running;
        for (std::size_t event = 0; event < 200; ++event) {
            const task_index t{below(g, work.task_count())};
            candidate c{.node = {}, .demand = work.demand(t), .gpus = 0, .shape = work.shape(t), .task = t};
            if (chance(g, 10)) {
                const node_index n{below(g, machines.node_count())};
                const bool was = nodes.closed(n);
                REQUIRE(nodes.set_closed(n, was ? 0 : 1));
                REQUIRE_FALSE(nodes.set_closed(n, was ? 0 : 1));
                REQUIRE(nodes.closed(n) != was);
            }
            if (chance(g, 20) && !running.empty()) {
                nodes.remove(running.back().first, running.back().second);
                running.pop_back();
            }
            const auto expected = best_by_loop(nodes, c);
            REQUIRE(nodes.scan(c) == expected);
            if (!expected.placed()) {
                ++refused;
                continue;
            }
            REQUIRE_FALSE(nodes.closed(expected.node));
            REQUIRE(nodes.slot_at(expected.node, c) == expected);
            nodes.place(c, expected);
            running.emplace_back(c, expected);
            ++placed;
        }
    }
    CHECK(placed > 100);
    CHECK(refused > 10);
}

template <class Score>
void scan_equals_loop(const Score& score) {
    scan_equals_loop(score, {});
    scan_equals_loop(score, {.nodes = 10, .sick = false, .mixed = false});
    scan_equals_loop(score, {.gpu_counters = 2});
    scan_equals_loop(score, {.domains = true});
}

}  // namespace

TEST_CASE("a scan that selects GPUs late equals a loop over all nodes, with closed and unhealthy ones") {
    scan_equals_loop(best_fit{});
    scan_equals_loop(worst_fit{});
    scan_equals_loop(first_fit{});
}

TEST_CASE("a scan that reads the GPUs equals a loop over all nodes") { scan_equals_loop(gpu_packing{}); }

TEST_CASE("a scan of nodes without host counters") {
    const resource_schema bare{.gpu = {"share"}, .node = {}, .domain = {}};
    fleet_builder builder{bare};
    const gpu_description gpus[] = {{.model = "A"}, {.model = "A"}};
    (void)need(builder.add_node({.gpus = gpus}));
    (void)need(builder.add_node({}));  // the last node has no counter at all
    const auto machines = need(std::move(builder).build());
    workload_builder tasks{machines};
    (void)need(tasks.add_task({.gpus = 2}));
    const auto work = need(std::move(tasks).build());
    const problem p{machines, work};
    detail::node_evaluator nodes{detail::owned_ledger{machines}, best_fit{}.prepare(p), tightest_gpu{},
                                 lowest_index{}.rank(machines)};
    candidate c{.node = {}, .demand = work.demand(task_index{0}), .gpus = 0, .shape = shape_index{0}, .task = {}};
    CHECK(nodes.scan(c) == slot{node_index{0}, 0b11});
    CHECK(nodes.evaluations() == 1);
}
