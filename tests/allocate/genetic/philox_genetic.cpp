// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/philox_genetic.hpp"

#include "berth/allocate/assignment/batch/population_evaluator.hpp"

#include "allocate/assignment/gap_instances.hpp"
#include "cuda/naive_generations.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using berth::candidate_lists;
using berth::gpu_index;
using berth::packed_problem;
using berth::philox_genetic;
using berth::priced_problem;
using berth_test::naive_generations;

namespace {

packed_problem packed(const priced_problem& p, bool narrow = true) {
    return *pack_assignments(p.tables(), {.narrow_words = narrow});
}

std::vector<std::vector<std::size_t>> all_members(const berth::philox_genetic_run& run) {
    std::vector<std::vector<std::size_t>> all(run.size());
    for (std::size_t i = 0; i < run.size(); ++i) {
        for (const gpu_index g : run.member(i)) all[i].push_back(g.value());
    }
    return all;
}

}  // namespace

TEST_CASE("the generations are those of the description") {
    struct shape {
        std::size_t gpus;
        std::size_t tasks;
        philox_genetic description;
        std::size_t candidates;
        bool narrow;
    };
    const std::vector<shape> shapes{
        {4, 13, {.seed = 1, .population = 20, .mutations = 2.0, .steps = 3, .elite_group = 4}, 3, true},
        {4, 13, {.seed = 1, .population = 20, .mutations = 2.0, .steps = 3, .elite_group = 4}, 3, false},
        {3,
         8,
         {.seed = 2, .population = 9, .tournament = 6, .crossover_rate = 1.0, .steps = 0, .elite_group = 5},
         0,
         true},
        {5,
         7,
         {.seed = 3, .population = 7, .crossover_rate = 0.0, .mutations = 50.0, .steps = 5, .elite_group = 100},
         0,
         true},
        {1, 17, {.seed = 4, .population = 5, .elite_group = 2}, 1, true},
        {9, 1, {.seed = 5, .population = 12, .tournament = 1, .elite_group = 1}, 4, false},
        {6, 33, {.seed = 6, .population = 16, .mutations = 0.0, .penalty = 1.0}, 6, true},
    };
    for (const shape& s : shapes) {
        CAPTURE(s.description.seed);
        const auto instance = berth_test::gap_of_type('D', s.gpus, s.tasks, s.description.seed);
        const priced_problem p{instance.problem(), {.candidates = s.candidates}};
        const packed_problem small = packed(p, s.narrow);
        auto run = s.description.start(small, p.candidates());
        naive_generations naive{s.description, small, p.candidates()};
        for (std::uint32_t generation = 0; generation < 6; ++generation) {
            REQUIRE(run.generation() == generation);
            REQUIRE(all_members(run) == naive.members);
            for (std::size_t i = 0; i < run.size(); ++i) {
                const double base = small.word_bits() == 32 ? static_cast<double>(small.table<std::uint32_t>().base)
                                                            : static_cast<double>(small.table<std::uint64_t>().base);
                REQUIRE(run.value(i).excess == naive.values[i].first);
                REQUIRE(run.value(i).cost == base + static_cast<double>(naive.values[i].second));
            }
            run.advance();
            naive.advance();
        }
    }
}

TEST_CASE("values are those of the population evaluator") {
    const auto instance = berth_test::gap_of_type('E', 7, 50, 3);
    const priced_problem p{instance.problem()};
    for (const bool narrow : {true, false}) {
        const packed_problem table = packed(p, narrow);
        auto run = philox_genetic{.population = 30}.start(table, p.candidates());
        run.advance(5);
        std::vector<std::uint16_t> genes;
        for (const auto& member : all_members(run)) {
            for (const std::size_t g : member) genes.push_back(static_cast<std::uint16_t>(g));
        }
        std::vector<berth::assignment_value> values(30);
        auto evaluation = berth::scalar_evaluator{}.prepare(table);
        evaluation.evaluate(berth::population_view<std::uint16_t>{genes.data(), 30, 50}, values);
        for (std::size_t i = 0; i < 30; ++i) CHECK(run.value(i) == values[i]);
    }
}

TEST_CASE("generations find feasible assignments and improve them") {
    for (const char type : {'A', 'C', 'D', 'E'}) {
        CAPTURE(type);
        const auto instance = berth_test::gap_of_type(type, 5, 60, 11);
        const priced_problem p{instance.problem()};
        const packed_problem table = packed(p);
        auto run = philox_genetic{.seed = 5, .population = 128}.start(table, p.candidates());
        auto best = run.report().best;
        for (int i = 0; i < 60; ++i) {
            run.advance();
            const auto now = run.report().best;
            CHECK(!better(best, now));
            best = now;
        }
        const berth::assignment_plan plan = run.best();
        CHECK(plan.feasible());
        CHECK(plan.cost == best.cost);
        CHECK(plan.cost == p.plan_of(plan.gpu_of).cost);
        CHECK(p.plan_of(plan.gpu_of).excess == 0);
        CHECK(berth::gap_percent(plan.cost, p.bound().value) < 8.0);
    }
}

TEST_CASE("a seed decides everything") {
    const auto instance = berth_test::gap_of_type('D', 5, 40, 2);
    const priced_problem p{instance.problem()};
    const philox_genetic description{.seed = 9, .population = 64, .max_generations = 20};
    const auto a = description.run(p);
    const auto b = description.run(p);
    CHECK(a.gpu_of == b.gpu_of);
    CHECK(a.cost == b.cost);
    CHECK(a.evaluations == 21 * 64);
    auto other = description;
    other.seed = 10;
    CHECK(other.run(p).gpu_of != a.gpu_of);
}

TEST_CASE("a run is never worse than its start") {
    const auto instance = berth_test::gap_of_type('D', 5, 40, 2);
    const priced_problem p{instance.problem()};
    const auto good = philox_genetic{.seed = 3, .population = 256, .max_generations = 100}.run(p);
    REQUIRE(good.feasible());
    for (const std::uint64_t generations : {0U, 1U, 5U}) {
        const philox_genetic brief{.seed = 1, .population = 4, .max_generations = 1};
        const auto plan = brief.run(p, good.gpu_of, {.max_evaluations = 4 * generations});
        CHECK(!better(good, plan));
    }
}

TEST_CASE("a rounded table never makes a run worse than its start") {
    const std::vector<double> costs{1.0 / 3.0, 0.3333, 1e9, 0.0, 1.0 / 7.0, 1.0 / 7.0 + 1e-12};
    const std::vector<berth::amount> loads{1, 1, 1, 1, 1, 1};
    const std::vector<berth::amount> capacities{3, 3, 3};
    const berth::assignment_problem problem{2, berth::matrix_cost{{costs.data(), 2, 3}},
                                            berth::matrix_load{{loads.data(), 2, 3}},
                                            std::span<const berth::amount>{capacities}};
    const priced_problem p{problem};
    REQUIRE(!pack_assignments(p.tables())->exact_costs());
    const berth::gpu_assignment best{gpu_index{1}, gpu_index{0}};
    const auto plan = philox_genetic{.population = 16, .max_generations = 10}.run(p, best);
    CHECK(!better(p.plan_of(best), plan));
}

TEST_CASE("the control ends a run") {
    const auto instance = berth_test::gap_of_type('C', 4, 30, 2);
    const priced_problem p{instance.problem()};
    const philox_genetic description{.population = 10};

    SUBCASE("after a budget of evaluations") {
        const auto plan = description.run(p, {}, {.max_evaluations = 95});
        CHECK(plan.stopped == berth::stop_reason::budget_exhausted);
        CHECK(plan.evaluations == 100);
    }
    SUBCASE("when it is stopped") {
        struct at_once {
            bool stop_requested() const { return true; }
        };
        const auto plan = description.run(p, {}, berth::run_control<at_once>{});
        CHECK(plan.stopped == berth::stop_reason::cancelled);
        CHECK(plan.evaluations == 10);
        CHECK(plan.gpu_of.size() == 30);
    }
    SUBCASE("within a generation") {
        struct after {
            int* polls;
            int end;
            bool stop_requested() const { return ++*polls > end; }
        };
        const auto large_instance = berth_test::gap_of_type('C', 10, 400, 2);
        const priced_problem large{large_instance.problem()};
        const philox_genetic crowd{.population = 2000};
        int polls = 0;
        const auto plan = crowd.run(large, {}, berth::run_control<after>{.stop = {&polls, 30}});
        CHECK(plan.stopped == berth::stop_reason::cancelled);
        CHECK(plan.evaluations == 2000);  // a generation has more than 30 polls; the one that was stopped is dropped
        const auto first = crowd.run(large, {}, {.max_evaluations = 2000});
        CHECK(plan.gpu_of == first.gpu_of);
        CHECK(plan.cost == first.cost);
        polls = 0;
        const auto watched =
            crowd.run(large, {}, berth::run_control<after>{.stop = {&polls, 1'000'000}, .max_evaluations = 6000});
        CHECK(watched.evaluations == 6000);
        CHECK(polls > 2 * 2000 * 400 / 30'000);
        CHECK(watched.gpu_of == crowd.run(large, {}, {.max_evaluations = 6000}).gpu_of);
    }
    SUBCASE("after the default number of generations otherwise") {
        const auto plan = description.run(p);
        CHECK(plan.stopped == berth::stop_reason::completed);
        CHECK(plan.evaluations == 1001 * 10);
    }
    SUBCASE("and its observer sees every generation") {
        struct watcher {
            std::vector<double>* seen;
            void on_progress(const berth::progress& now) { seen->push_back(now.objective); }
        };
        std::vector<double> seen;
        auto few = description;
        few.max_generations = 7;
        const auto plan = few.run(p, {}, berth::run_control<berth::never_stop, watcher>{.observer = watcher{&seen}});
        REQUIRE(seen.size() == 7);
        CHECK((plan.feasible() ? seen.back() == plan.cost : seen.back() > 1e300));
    }
}

TEST_CASE("no tasks") {
    const berth_test::gap_instance none;
    const priced_problem p{none.problem()};
    const auto plan = philox_genetic{.max_generations = 3}.run(p);
    CHECK(plan.gpu_of.empty());
    CHECK(plan.cost == 0.0);
    CHECK(plan.feasible());
}

TEST_CASE("options out of range are named") {
    const auto message = [](philox_genetic g) {
        const auto ok = g.validate();
        return ok ? std::string{} : ok.error().message;
    };
    CHECK(message({}).empty());
    CHECK(message({.population = 1}) == "philox_genetic.population is not within 2..1048576");
    CHECK(message({.tournament = 0}) == "philox_genetic.tournament is not within 1..1024");
    CHECK(message({.crossover_rate = 1.5}) == "philox_genetic.crossover_rate is not within 0..1");
    CHECK(message({.mutations = -1.0}) == "philox_genetic.mutations is not a number from 0 to 2^32");
    CHECK(message({.elite_group = 0}) == "philox_genetic.elite_group is not within 1..1048576");
    CHECK(message({.penalty = -1.0}) == "philox_genetic.penalty is not a number from 0 to 2^52");

    const auto instance = berth_test::gap_of_type('C', 4, 5, 2);
    const priced_problem p{instance.problem()};
    const std::vector<gpu_index> short_start(3, gpu_index{0});
    CHECK(philox_genetic{}.validate(p, short_start).error().message ==
          "philox_genetic: the warm start has 3 tasks, the problem 5");
    const std::vector<gpu_index> wrong_start(5, gpu_index{4});
    CHECK(philox_genetic{}.validate(p, wrong_start).error().message ==
          "philox_genetic: the warm start has no GPU of the problem for task 0");
}

TEST_CASE("a start with gaps is ignored by the packed problem") {
    const auto instance = berth_test::gap_of_type('C', 4, 20, 2);
    const priced_problem p{instance.problem()};
    const auto packed = berth_test::need(berth::pack_assignments(p.tables()));
    const philox_genetic few{.population = 10, .max_generations = 3};
    const auto without = few.run(packed, p.candidates());
    const std::vector<gpu_index> short_start(3, gpu_index{0});
    const std::vector<gpu_index> long_start(100, gpu_index{0});
    const std::vector<gpu_index> wrong_start(20, gpu_index{4});
    const std::vector<gpu_index> no_start(20);
    for (const auto& start : {short_start, long_start, wrong_start, no_start}) {
        CHECK(few.run(packed, p.candidates(), start).gpu_of == without.gpu_of);
    }
}
