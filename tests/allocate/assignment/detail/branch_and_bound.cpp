// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/branch_and_bound.hpp"

#include "berth/allocate/assignment/priced_greedy.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("branch and bound finds the optimum from a poor start") {
    int checked = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const type_d d{3, 8, seed, 90};
        const double optimum = cheapest(d);
        if (optimum > 1e9) continue;
        const priced_problem p{d.problem()};
        detail::branch_and_bound tree{p, {30, 5, 500, 0}, p.plan_of(gpu_assignment(8, gpu_index{0}))};
        int improvements = 0;
        tree.run([](std::uint64_t) { return stop_reason::completed; }, [&] { ++improvements; });
        CAPTURE(seed);
        check_plan(d, tree.best());
        CHECK(tree.best().cost == optimum);
        CHECK(tree.lower_bound() == optimum);
        CHECK(tree.stopped() == stop_reason::completed);
        CHECK(improvements > 0);
        CHECK(tree.evaluations() > 0);
        ++checked;
    }
    CHECK(checked > 20);
}

TEST_CASE("branch and bound that is stopped bounds the open nodes") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const type_d d{4, 10, seed, 95};
        const priced_problem p{d.problem()};
        const double optimum = cheapest(d);
        for (const std::uint64_t limit : {0U, 400U, 2000U, 4000U}) {
            detail::branch_and_bound tree{p, {10, 3, 500, 0}, p.plan_of(gpu_assignment(10, gpu_index{0}))};
            tree.run(
                [&](std::uint64_t evaluations) {
                    return evaluations < limit ? stop_reason::completed : stop_reason::budget_exhausted;
                },
                [] {});
            CAPTURE(seed);
            CHECK(tree.lower_bound() <= optimum);
            CHECK(tree.lower_bound() >= p.bound().value);
        }
    }
}

TEST_CASE("branch and bound proves problems with loads and room of 0") {
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        gap_instance d = odd_instance(4, 7, seed);
        if (d.tasks == 0) continue;
        xoshiro256 random{seed};
        for (amount& load : d.loads) load = chance(random, 35) ? 0 : load;
        const double optimum = cheapest(d);
        const priced_problem p{d.problem()};
        detail::branch_and_bound tree{p, {30, 5, 500, 0}, p.plan_of(gpu_assignment(d.tasks, gpu_index{0}))};
        tree.run([](std::uint64_t) { return stop_reason::completed; }, [] {});
        CAPTURE(seed);
        check_plan(d, tree.best());
        CHECK(tree.best().feasible() == std::isfinite(optimum));
        if (std::isfinite(optimum)) CHECK(tree.best().cost == doctest::Approx(optimum));
    }
}

TEST_CASE("branch and bound restricted to some pairs finds the best of those") {
    int checked = 0;
    for (std::uint64_t seed = 1; seed <= 120; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(4, 7, seed) : type_d{3, 8, seed, 100};
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        xoshiro256 random{seed};
        gpu_assignment start;
        for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(gpu_index{below(random, d.gpus())});
        gap_instance left = d;  // pairs that are not allowed do not fit
        std::vector<char> allowed(d.tasks * d.gpus());
        for (std::size_t i = 0; i < allowed.size(); ++i) {
            allowed[i] = chance(random, 60) ? 1 : 0;
            if (allowed[i] == 0 && start[i / d.gpus()].value() != i % d.gpus()) left.loads[i] = 1'000'000;
        }
        const double optimum = cheapest(left);
        // Repaired answers may leave the allowed pairs, so there are none here.
        detail::branch_and_bound tree{p,
                                      {.max_root_iterations = 30,
                                       .max_node_iterations = 5,
                                       .width = 500,
                                       .seed = 0,
                                       .guess_every = std::numeric_limits<std::uint64_t>::max()},
                                      p.plan_of(start)};
        tree.restrict_to([&](std::size_t t, std::size_t g) { return allowed[t * d.gpus() + g] != 0; });
        tree.run([](std::uint64_t) { return stop_reason::completed; }, [] {});
        CAPTURE(seed);
        check_plan(d, tree.best());
        CHECK(tree.best().feasible() == std::isfinite(optimum));
        if (!std::isfinite(optimum)) continue;
        CHECK(tree.best().cost == doctest::Approx(optimum));
        ++checked;
    }
    CHECK(checked > 40);
}

TEST_CASE("branch and bound keeps to its number of nodes and bounds the open ones") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const type_d d{4, 12, seed, 95};
        const priced_problem p{d.problem()};
        const double optimum = cheapest(d);
        double before = std::numeric_limits<double>::infinity();
        for (const std::uint64_t nodes : {1U, 2U, 5U, 1000U}) {
            detail::branch_and_bound tree{
                p,
                {.max_root_iterations = 10, .max_node_iterations = 3, .width = 500, .seed = 0, .max_nodes = nodes},
                p.plan_of(gpu_assignment(12, gpu_index{0}))};
            tree.run([](std::uint64_t) { return stop_reason::completed; }, [] {});
            CAPTURE(seed);
            CAPTURE(nodes);
            check_plan(d, tree.best());
            CHECK(tree.nodes() <= nodes);
            CHECK(tree.stopped() == stop_reason::completed);
            CHECK(tree.lower_bound() <= optimum);
            const double cost = tree.best().feasible() ? tree.best().cost : std::numeric_limits<double>::infinity();
            CHECK(cost <= before);  // the same tree, longer
            CHECK(cost >= optimum);
            before = cost;
        }
    }
}

TEST_CASE("branch and bound begins with the rewards that it is given") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const type_d d{3, 9, seed, 95};
        const double optimum = cheapest(d);
        if (!std::isfinite(optimum)) continue;
        const priced_problem p{d.problem()};
        const assignment_plan start = p.plan_of(gpu_assignment(9, gpu_index{0}));
        const auto forever = [](std::uint64_t) { return stop_reason::completed; };
        detail::branch_and_bound first{p, {60, 5, 500, 0}, start};
        CHECK(first.root_rewards().empty());
        first.run(forever, [] {});
        CAPTURE(seed);
        CHECK(first.best().cost == optimum);
        // Whatever it begins with it proves the same.
        std::vector<double> rewards(9, 0.0);
        if (!first.root_rewards().empty()) rewards.assign(first.root_rewards().begin(), first.root_rewards().end());
        detail::branch_and_bound second{p, {60, 5, 500, 0}, start};
        second.begin_with(rewards);
        second.run(forever, [] {});
        CHECK(second.best().cost == optimum);
        CHECK(second.lower_bound() == optimum);
        detail::branch_and_bound third{p, {60, 5, 500, 0}, start};
        third.begin_with(std::vector<double>(9, -50.0));
        third.run(forever, [] {});
        CHECK(third.best().cost == optimum);
        CHECK(third.lower_bound() == optimum);
    }
}

TEST_CASE("rewards of the root spare the next tree its first steps") {
    const type_d d{5, 30, 2};
    const priced_problem p{d.problem()};
    const assignment_plan start = priced_greedy{}.run(p);
    const auto forever = [](std::uint64_t) { return stop_reason::completed; };
    const detail::tree_options one_node{
        .max_root_iterations = 100, .max_node_iterations = 5, .width = 500, .seed = 0, .max_nodes = 1};
    detail::branch_and_bound first{p, one_node, start};
    first.run(forever, [] {});
    REQUIRE(first.root_rewards().size() == 30);
    // The bound of the first step, with and without the rewards of the other tree.
    const auto bound_after_one_step = [&](bool told) {
        detail::branch_and_bound next{p, {100, 5, 500, 0}, start};
        if (told) next.begin_with(first.root_rewards());
        next.run(
            [](std::uint64_t evaluations) {
                return evaluations == 0 ? stop_reason::completed : stop_reason::budget_exhausted;
            },
            [] {});
        CHECK(next.stopped() == stop_reason::budget_exhausted);
        return next.lower_bound();
    };
    CHECK(bound_after_one_step(true) > bound_after_one_step(false));
    CHECK(bound_after_one_step(true) <= start.cost);
}

TEST_CASE("keeping only pairs near the bound loses the proof and rarely the optimum") {
    int solvable = 0;
    int optimal = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        const type_d d{3, 9, seed, 95};
        const double optimum = cheapest(d);
        if (!std::isfinite(optimum)) continue;
        const priced_problem p{d.problem()};
        detail::branch_and_bound tree{
            p,
            {.max_root_iterations = 60, .max_node_iterations = 5, .width = 500, .seed = 0, .keep_within = 0.5},
            p.plan_of(gpu_assignment(9, gpu_index{0}))};
        tree.run([](std::uint64_t) { return stop_reason::completed; }, [] {});
        CAPTURE(seed);
        check_plan(d, tree.best());
        CHECK(tree.best().cost >= (tree.best().feasible() ? optimum : 0.0));
        ++solvable;
        optimal += tree.best().feasible() && tree.best().cost == optimum ? 1 : 0;
    }
    CHECK(solvable > 20);
    CHECK(optimal * 100 >= solvable * 60);
}
