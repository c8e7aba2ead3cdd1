// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/partitioned_search.hpp"

#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/gpu_loads.hpp"
#include "berth/objective/terms/grouping.hpp"

#include "allocate/search/search_problems.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

double quirky_cost(task_index t, gpu_index g) { return static_cast<double>((t.value() * 7 + g.value() * 13) % 29); }

struct stop_at_once {
    [[nodiscard]] static bool stop_requested() { return true; }
};

}  // namespace

TEST_CASE("one and two and four threads find the same plan") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        const auto made = random_problem(seed, {.nodes = 40, .tasks = 200, .domains = seed % 2 == 0});
        const problem p{made.machines, made.tasks};
        const assignment start = seed < 3 ? greedy{best_fit{}}.run(p).assignment : assignment(200, unplaced);
        const objective wish{tier(capacity_excess{}, left_out{}),
                             tier(assignment_cost_term{quirky_cost}, 0.5 * move_cost<>{start})};
        const partitioned_search search{
            local_search{}, {.seed = seed, .nodes_per_part = seed % 2 == 0 ? 6U : 0U, .max_round_evaluations = 1'000}};
        const run_control<> budget{.max_evaluations = 40'000};
        const plan alone = search.run(p, wish, start, sequential{}, budget);
        check_plan(p, wish, start, alone);
        CHECK(alone.counters.evaluations <= 40'000 + 400);
        for (const std::size_t n : {1U, 2U, 4U}) {
            thread_pool threads{n};
            const plan found = search.run(p, wish, start, threads, budget);
            CHECK(found.assignment == alone.assignment);
            CHECK(found.counters == alone.counters);
        }
    }
}

TEST_CASE("gains that do not add up make nothing worse") {
    const auto made = random_problem(6, {.nodes = 24, .tasks = 120});
    const problem p{made.machines, made.tasks};
    xoshiro256 g{4};
    const assignment start = random_assignment(g, p);
    const objective wish{tier(colocation_of_groups{}),
                         tier(load_variance{share_load{&made.tasks}}, makespan{share_load{&made.tasks}})};
    const partitioned_search search{local_search{neighbourhoods{shift{}, swap{}, shift_group{}, ruin_and_recreate{}},
                                                 late_acceptance{},
                                                 any_node{},
                                                 {.self_check_every = 20}},
                                    {.parts = 5, .max_round_evaluations = 300}};
    const plan found = search.run(p, wish, start, sequential{}, run_control<>{.max_evaluations = 30'000});
    check_plan(p, wish, start, found);
    CHECK(found.by_term[0].value < colocation_of_groups{}.prepare(p, start).value());
}

TEST_CASE("a partitioned search ends by itself, by token, with more parts than nodes") {
    const auto made = random_problem(2, {.nodes = 3, .tasks = 20});
    const problem p{made.machines, made.tasks};
    const assignment start(20, unplaced);
    const objective wish{tier(capacity_excess{}, 1000.0 * left_out{}), tier(assignment_cost_term{quirky_cost})};
    const partitioned_search search{local_search{neighbourhoods{shift{}, swap{}, take_out{}}, descent{}},
                                    {.parts = 7, .max_round_evaluations = 100, .patience = 20}};
    const plan done = search.run(p, wish, start, sequential{});
    CHECK(done.stopped == stop_reason::completed);
    check_plan(p, wish, start, done);
    CHECK(done.counters.placed > 0);
    const plan stopped = search.run(p, wish, start, sequential{}, run_control<stop_at_once>{});
    CHECK(stopped.stopped == stop_reason::cancelled);
    CHECK(stopped.assignment == start);
}

TEST_CASE("every part sees how much of the whole run is used") {
    const auto made = random_problem(4, {.nodes = 24, .tasks = 120});
    const problem p{made.machines, made.tasks};
    const assignment start(120, unplaced);
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{quirky_cost})};
    std::vector<double> shares;
    const partitioned_search search{local_search{neighbourhoods{shift{}, swap{}},
                                                 records_elapsed{&shares},
                                                 any_node{},
                                                 {.max_restarts = local_search_options::without_end}},
                                    {.parts = 3, .max_round_evaluations = 2'000, .patience = 1'000'000}};
    (void)search.run(p, wish, start, sequential{}, run_control<>{.max_evaluations = 60'000});
    REQUIRE(shares.size() > 100);
    CHECK(shares.front() == 0.0);
    CHECK(shares.back() > 0.95);
    // A part of a round begins where the round began: a tenth of the run at most goes back.
    double highest = 0.0;
    for (const double share : shares) {
        CHECK(share <= 1.0 + 1e-9);
        CHECK(share >= highest - 0.11);
        highest = std::max(highest, share);
    }

    shares.clear();
    double now = 0.0;
    const plan timed = search.run(p, wish, start, sequential{}, run_control<ticking_clock>{.stop = {&now, 0.002}});
    CHECK(timed.stopped == stop_reason::deadline_reached);
    CHECK(shares.size() > 400);
    CHECK(std::is_sorted(shares.begin(), shares.end()));
    CHECK(shares.back() > 0.98);
}

TEST_CASE("a partitioned search completes a damaged start") {
    const auto made = random_problem(6, {.nodes = 8, .tasks = 40, .gangs = false});
    const problem p{made.machines, made.tasks};
    const assignment start = damaged(greedy{best_fit{}}.run(p).assignment, made.machines);
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{quirky_cost})};
    const partitioned_search search{local_search{}, {.parts = 2, .max_round_evaluations = 500}};
    check_plan(p, wish, complete_start(p, start),
               search.run(p, wish, start, sequential{}, run_control<>{.max_evaluations = 4000}));
}
