// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/genetic.hpp"

#include "berth/allocate/assignment/portfolio.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/genetic/crossover/gpu_bundle.hpp"
#include "berth/allocate/genetic/philox_genetic.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

std::uint64_t hash_of(const assignment_plan& plan) {
    std::uint64_t hash = splitmix64(plan.evaluations);
    for (const gpu_index g : plan.gpu_of) hash = splitmix64(hash ^ g.value());
    return hash;
}

struct stop_after {
    int* polls;
    [[nodiscard]] bool stop_requested() const { return --*polls < 0; }
};

}  // namespace

TEST_CASE("genetic allocation against exhaustive search: never better and nearly always optimal") {
    int solvable = 0;
    int optimal = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(4, 8, seed) : type_d{2 + seed % 3, 3 + seed % 6, seed, 100};
        const priced_problem p{d.problem()};
        const assignment_plan plan = genetic<>{.population = 8, .max_generations = 150}.run(p);
        CAPTURE(seed);
        check_plan(d, plan);
        const double optimum = cheapest(d);
        if (plan.feasible()) CHECK(plan.cost >= optimum - 1e-9);
        if (optimum == std::numeric_limits<double>::infinity()) continue;
        ++solvable;
        optimal += plan.feasible() && plan.cost <= optimum + 1e-9 ? 1 : 0;
    }
    CHECK(solvable > 90);
    CHECK(optimal * 100 >= solvable * 90);
}

TEST_CASE("the default is feasible and near the bound on tight instances") {
    for (const char type : {'C', 'D', 'E'}) {
        for (const std::size_t gpus : {5U, 10U, 20U}) {
            const gap_instance d = gap_of_type(type, gpus, 100, gpus);
            const priced_problem p{d.problem()};
            const assignment_plan plan = genetic<>{.seed = 1}.run(p, {}, {.max_evaluations = 1'000'000});
            CAPTURE(type);
            CAPTURE(gpus);
            check_plan(d, plan);
            CHECK(plan.feasible());
            CHECK(plan.gap() < 3.0);
            CHECK(plan.lower_bound == p.bound().value);
        }
    }
}

TEST_CASE("the textbook composition improves on its start and the default is far better") {
    const type_d d{10, 100, 3};
    const priced_problem p{d.problem()};
    const assignment_plan textbook = textbook_genetic{.seed = 1}.run(p, {}, {.max_evaluations = 40'000});
    const assignment_plan usual = genetic<>{.seed = 1}.run(p, {}, {.max_evaluations = 1'000'000});
    check_plan(d, textbook);
    CHECK(textbook.feasible());
    CHECK(textbook.gap() < 40.0);
    CHECK(usual.gap() * 8.0 < textbook.gap());
}

TEST_CASE("never worse than the warm start, whatever the policies and the budget") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const gap_instance d = odd_instance(6, 20, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        const assignment_plan good = priced_greedy{}.run(p);
        for (const std::uint64_t budget : {0U, 1U, 100U, 5000U}) {
            const run_control<> control{.max_evaluations = budget};
            const auto check = [&](const auto& g) {
                const assignment_plan plan = g.run(p, good.gpu_of, control);
                check_plan(d, plan);
                CHECK_FALSE(better(good, plan));
            };
            check(genetic<>{.seed = seed});
            check(textbook_genetic{.seed = seed, .population = 10});
            check(genetic<>{.seed = seed, .islands = {.count = 3}}.with_initialisation(near_start{}));
        }
    }
}

TEST_CASE("a start with gaps is completed") {
    const auto instance = berth_test::gap_of_type('C', 5, 30, 3);
    const priced_problem p{instance.problem()};
    std::vector<gpu_index> complete(30, gpu_index{2});
    std::vector<gpu_index> longer = complete;
    longer.resize(100, gpu_index{9});
    std::vector<gpu_index> gaps = complete;
    gaps[3] = gpu_index{};
    gaps[7] = gpu_index{5};
    gaps.resize(20);
    const run_control<> little{.max_evaluations = 2000};
    for (const auto& start : {longer, gaps}) {
        const auto filled = complete_start(p, start);
        const assignment_plan from = p.plan_of(filled);
        const auto check = [&](const auto& genetic_allocator) {
            const assignment_plan plan = genetic_allocator.run(p, start, little);
            REQUIRE(plan.gpu_of.size() == 30);
            for (const gpu_index g : plan.gpu_of) REQUIRE(g.value() < 5);
            CHECK_FALSE(better(from, plan));
        };
        check(genetic<>{.seed = 1});
        check(genetic<>{.seed = 1}.with_opening(no_opening{}));
        check(textbook_genetic{.seed = 1});
        check(philox_genetic{.population = 20});
    }
}

TEST_CASE("a run ends when the control ends it") {
    const type_d d{10, 100, 3};
    const priced_problem p{d.problem()};

    int polls = 40;
    const assignment_plan cancelled = genetic<>{}.run(p, {}, run_control<stop_after>{.stop = {&polls}});
    CHECK(cancelled.stopped == stop_reason::cancelled);
    check_plan(d, cancelled);
    polls = 0;
    const assignment_plan at_once = genetic<>{}.run(p, {}, run_control<stop_after>{.stop = {&polls}});
    CHECK(at_once.stopped == stop_reason::cancelled);
    check_plan(d, at_once);

    for (const std::uint64_t budget : {0U, 1U, 1000U, 50'000U}) {
        const assignment_plan plan = genetic<>{}.run(p, {}, {.max_evaluations = budget});
        CHECK(plan.stopped == stop_reason::budget_exhausted);
        CHECK(plan.evaluations >= budget);
        CHECK(plan.evaluations < budget + 500'000);
        check_plan(d, plan);
        const assignment_plan textbook =
            textbook_genetic{.islands = {.count = 2}}.run(p, {}, {.max_evaluations = budget});
        CHECK(textbook.evaluations <= budget + 2 * 200);
    }
    const assignment_plan counted = textbook_genetic{.population = 10, .max_generations = 7}.run(p);
    CHECK(counted.stopped == stop_reason::completed);
    CHECK(counted.evaluations == 10 + 7 * 8);
    CHECK(counted.accepted == 7 * 8);
    // Neither stop nor budget: it ends all the same.
    CHECK(textbook_genetic{.population = 4, .replacement = {.elite = 1}}.run(p).evaluations == 4 + 1000 * 3);
}

TEST_CASE("a run ends when its answer is proven to be the best") {
    gap_instance d;
    d.tasks = 3;
    d.costs = {1, 9, 9, 1, 1, 9};
    d.loads = {1, 1, 1, 1, 1, 1};
    d.capacities = {3, 3};
    const assignment_plan plan = genetic<>{}.run(priced_problem{d.problem()}, {}, {.max_evaluations = 1'000'000});
    CHECK(plan.stopped == stop_reason::completed);
    CHECK(plan.cost == 3.0);
    CHECK(plan.gap() == 0.0);
    CHECK(plan.evaluations < 1000);
}

TEST_CASE("no tasks and one GPU") {
    gap_instance none;
    none.capacities = {1};
    CHECK(genetic<>{}.run(priced_problem{none.problem()}).gpu_of.empty());
    gap_instance one;
    one.tasks = 2;
    one.costs = {4, 5};
    one.loads = {1, 1};
    one.capacities = {1};
    const assignment_plan plan = genetic<>{}.run(priced_problem{one.problem()}, {}, {.max_evaluations = 1000});
    CHECK(plan.cost == 9.0);
    CHECK(plan.excess == 1);
    check_plan(one, textbook_genetic{}.run(priced_problem{one.problem()}, {}, {.max_evaluations = 1000}));
}

TEST_CASE("costs and loads that no packed table takes are evaluated one by one") {
    type_d d{4, 20, 1};
    for (amount& load : d.loads) load <<= 33U;
    for (amount& capacity : d.capacities) capacity <<= 33U;
    const priced_problem p{d.problem()};
    REQUIRE_FALSE(pack_assignments(p.tables()));
    const assignment_plan plan = textbook_genetic{.population = 50, .max_generations = 40}.run(p);
    check_plan(d, plan);
    CHECK(plan.feasible());
}

TEST_CASE("options out of range are named") {
    const auto says = [](const auto& g) {
        const result<void> checked = g.validate();
        return checked ? std::string{} : checked.error().message;
    };
    CHECK(says(genetic<>{}).empty());
    CHECK(says(textbook_genetic{}).empty());
    CHECK(says(genetic<>{.population = 1}) == "genetic.population is 1, expected 2 or more");
    CHECK(says(genetic<>{.crossover_rate = 1.5}) == "genetic.crossover_rate is not within 0..1");
    CHECK(says(genetic<>{.islands = {.count = 0}}) == "genetic.islands.count is 0, expected 1 or more");
    CHECK(says(genetic<>{.islands = {.interval = 0}}) == "genetic.islands.interval is 0, expected 1 or more");
    CHECK(says(genetic<>{.islands = {.copies = 21}}) ==
          "genetic.islands.copies is 21, expected at most half of the 40 members");
    CHECK(says(genetic<>{}.with_selection(tournament{.size = 0})) == "tournament.size is 0, expected 1 or more");
    CHECK(says(textbook_genetic{.mutation = {.per_individual = -2.0}}) ==
          "reset_mutation.per_individual is not a finite number from 0 on");
    CHECK(says(genetic<>{.replacement = {.offspring = 0}}) == "steady_state.offspring is 0, expected 1 or more");
    CHECK(says(genetic<>{.threads = nullptr}) == "genetic.threads is null, expected a parallelism");

    const type_d d{3, 5, 1};
    const priced_problem p{d.problem()};
    gpu_assignment start(4, gpu_index{0});
    CHECK(genetic<>{}.validate(p));
    CHECK(genetic<>{}.validate(p, start).error().message == "genetic: the warm start has 4 tasks, the problem 5");
    start.push_back(gpu_index{3});
    CHECK(genetic<>{}.validate(p, start).error().message ==
          "genetic: the warm start has no GPU of the problem for task 4");
    start.back() = gpu_index{2};
    CHECK(genetic<>{}.validate(p, start));
}

TEST_CASE("one part of a composition is replaced and the others stay") {
    const auto g = textbook_genetic{.seed = 5, .population = 30, .mutation = {.per_individual = 2.0}}
                       .with_crossover(two_point{})
                       .with_repair(price_repair{.max_steps = 9});
    CHECK(g.seed == 5);
    CHECK(g.population == 30);
    CHECK(g.mutation.per_individual == 2.0);
    CHECK(g.repair.max_steps == 9);
    static_assert(std::is_same_v<std::remove_const_t<decltype(g.crossover)>, two_point>);
    static_assert(std::is_same_v<std::remove_const_t<decltype(g.replacement)>, generational>);
#if !defined(__clang__) || __clang_major__ >= 17
    const genetic deduced{.population = 30, .crossover = gpu_bundle{}};
    static_assert(std::is_same_v<decltype(deduced), decltype(genetic<>{}.with_crossover(gpu_bundle{})) const>);
    CHECK(deduced.members() == 30);
#endif
}

TEST_CASE("an allocator as improvement") {
    const type_d d{6, 40, 1};
    const priced_problem p{d.problem()};
    const auto g = genetic<>{.seed = 1, .population = 6, .max_generations = 4}.with_improvement(
        improve_with{priced_greedy{.max_repairs = 100}});
    const assignment_plan plan = g.run(p);
    check_plan(d, plan);
    CHECK(plan.feasible());
}

TEST_CASE("golden plans: the same on every compiler") {
    const type_d d{10, 100, 7};
    const gap_instance e = gap_of_type('C', 8, 60, 7);
    const priced_problem p{d.problem()};
    const priced_problem q{e.problem()};
    const run_control<> control{.max_evaluations = 200'000};
    const auto alone = genetic<>{}.with_opening(no_opening{});
    const auto hash = [&](auto policy, const priced_problem& problem) {
        return hash_of(policy.run(problem, {}, control));
    };
    auto first = alone;
    first.seed = 1;
    CHECK(hash(first, p) == 18415167328497829489ULL);
    auto islands = alone;
    islands.seed = 2;
    islands.islands = {.count = 3, .interval = 4};
    CHECK(hash(islands, p) == 9385064181809977393ULL);
    auto bundles = alone.with_crossover(gpu_bundle{});
    bundles.seed = 3;
    bundles.restart_after = 10;
    CHECK(hash(bundles, q) == 2605839213238735154ULL);
    CHECK(hash_of(genetic<>{.seed = 1}.run(p, {}, {.max_evaluations = 6'000'000})) == 12452610636505271978ULL);
    CHECK(hash_of(portfolio{.seed = 1}.run(q, {}, {.max_evaluations = 6'000'000})) == 6909717365570805214ULL);
    CHECK(hash_of(textbook_genetic{.seed = 4}.run(p, {}, {.max_evaluations = 10'000})) == 11938076955708254712ULL);
    CHECK(hash_of(textbook_genetic{.seed = 5, .crossover_rate = 0.8}
                      .with_initialisation(randomised_greedy{})
                      .with_selection(rank_selection{})
                      .with_crossover(two_point{})
                      .with_mutation(swap_mutation{})
                      .run(q, {}, {.max_evaluations = 10'000})) == 7878006796631103252ULL);
}
