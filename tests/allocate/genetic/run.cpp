// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/run.hpp"

#include "berth/allocate/genetic/crossover/gpu_bundle.hpp"
#include "berth/allocate/genetic/genetic.hpp"
#include "berth/core/thread_pool.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace berth;
using namespace berth_test;

namespace {

/// The same plan, evaluations included, for any number of threads.
template <class Genetic>
void same_for_all_threads(const gap_instance& d, const priced_problem& p, const Genetic& g, std::uint64_t budget) {
    const run_control<> control{.max_evaluations = budget};
    const assignment_plan alone = g.run(p, {}, control);
    check_plan(d, alone);
    for (const std::size_t threads : {1U, 2U, 4U}) {
        thread_pool pool{threads};
        const assignment_plan plan = g.with_threads(&pool).run(p, {}, control);
        CAPTURE(threads);
        CHECK(plan.gpu_of == alone.gpu_of);
        CHECK(plan.evaluations == alone.evaluations);
        CHECK(plan.accepted == alone.accepted);
        CHECK(plan.cost == alone.cost);
    }
}

struct on_one_thread {
    std::thread::id expected;
    std::size_t* calls;
    double* last;
    void on_progress(const progress& p) const {
        CHECK(std::this_thread::get_id() == expected);
        CHECK(p.objective <= *last);
        *last = p.objective;
        ++*calls;
    }
};

}  // namespace

TEST_CASE("threads change nothing") {
    const type_d d{8, 80, 1};
    const priced_problem p{d.problem()};
    same_for_all_threads(d, p, genetic<>{.seed = 4, .islands = {.count = 4, .interval = 5}}.with_opening(no_opening{}),
                         300'000);
    same_for_all_threads(d, p, genetic<>{.seed = 4, .islands = {.count = 2}}, 3'000'000);
    same_for_all_threads(d, p,
                         genetic<>{.seed = 4, .islands = {.count = 3, .interval = 2, .copies = 3}, .restart_after = 10}
                             .with_crossover(gpu_bundle{})
                             .with_opening(no_opening{}),
                         300'000);
    same_for_all_threads(d, p, textbook_genetic{.seed = 4, .population = 40, .islands = {.count = 4, .interval = 3}},
                         10'000);
}

TEST_CASE("evaluators change nothing") {
    const type_d d{8, 80, 1};
    const priced_problem p{d.problem()};
    const textbook_genetic g{.seed = 4, .population = 60, .max_generations = 30};
    const assignment_plan tiled = g.run(p);
    thread_pool pool{2};
    CHECK(tiled.gpu_of == g.with_evaluator(scalar_evaluator{}).run(p).gpu_of);
    CHECK(tiled.gpu_of == g.with_evaluator(threaded_evaluator<thread_pool>{&pool}).run(p).gpu_of);
}

TEST_CASE("progress comes to the calling thread and never gets worse") {
    const type_d d{8, 80, 1};
    const priced_problem p{d.problem()};
    thread_pool pool{3};
    const auto g = genetic<>{.seed = 4, .islands = {.count = 3}}.with_opening(no_opening{}).with_threads(&pool);
    std::size_t calls = 0;
    double last = std::numeric_limits<double>::infinity();
    const run_control<never_stop, on_one_thread> control{.max_evaluations = 200'000,
                                                         .observer = {std::this_thread::get_id(), &calls, &last}};
    const assignment_plan plan = g.run(p, {}, control);
    CHECK(calls > 10);
    CHECK(plan.cost == last);
}

TEST_CASE("a run continues from its state") {
    const type_d d{8, 80, 1};
    const priced_problem p{d.problem()};
    const genetic<> g{.seed = 9};
    auto whole = g.start(p);
    auto parts = g.start(p);
    CHECK(parts.plan().gpu_of.size() == 80);
    for (int i = 0; i < 60; ++i) whole.step();
    for (int i = 0; i < 45; ++i) parts.step();
    const assignment_plan before = parts.plan();
    for (int i = 0; i < 15; ++i) parts.step();
    CHECK(parts.plan().gpu_of == whole.plan().gpu_of);
    CHECK(parts.evaluations() == whole.evaluations());
    CHECK_FALSE(better(before, parts.plan()));
    CHECK(parts.generations() == 60 - 40);
    for (std::size_t i = 1; i < parts.members().size(); ++i) {
        CHECK(parts.members().value(i - 1) <= parts.members().value(i));
    }
    (void)parts.run({.max_evaluations = parts.evaluations() + 10'000});
    CHECK(parts.evaluations() > whole.evaluations());
}

TEST_CASE("copies of the best of one island reach the next") {
    const type_d d{8, 80, 1};
    const priced_problem p{d.problem()};
    auto run = genetic<>{.seed = 9, .population = 6, .islands = {.count = 3, .interval = 4, .copies = 2}}.start(p);
    for (int i = 0; i < 6 + 3; ++i) run.step();
    std::vector<genome> best;
    for (std::size_t i = 0; i < 3; ++i)
        best.emplace_back(run.members(i).genes(0).begin(), run.members(i).genes(0).end());
    CHECK(best[0] != best[1]);
    run.step();
    for (std::size_t i = 0; i < 3; ++i) {
        const population& next = run.members((i + 1) % 3);
        const std::span<const gpu_gene> now = run.members(i).genes(0);
        if (!std::ranges::equal(now, best[i])) continue;  // the generation itself found a better one
        bool arrived = false;
        for (std::size_t k = 0; k < next.size(); ++k) arrived = arrived || std::ranges::equal(next.genes(k), best[i]);
        CHECK(arrived);
    }
}

TEST_CASE("islands saved in any round and restored go on to the same plan") {
    const type_d d{8, 80, 1};
    const priced_problem p{d.problem()};
    const genetic<> g{
        .seed = 9, .population = 6, .islands = {.count = 3, .interval = 4, .copies = 2}, .restart_after = 9};
    auto whole = g.start(p);
    for (int i = 0; i < 40; ++i) whole.step();
    for (const int rounds : {3, 6, 11, 30}) {
        auto first = g.start(p);
        for (int i = 0; i < rounds; ++i) first.step();
        auto second = g.start(p);
        std::vector<byte_box> saved(3);
        for (std::size_t i = 0; i < 3; ++i) first.save(i, saved[i]);
        for (std::size_t i = 0; i < 3; ++i) REQUIRE(second.restore(i, saved[i]));
        CHECK(second.rounds() == first.rounds());
        CHECK(second.evaluations() == first.evaluations());
        for (int i = rounds; i < 40; ++i) second.step();
        CHECK(second.plan().gpu_of == whole.plan().gpu_of);
        CHECK(second.evaluations() == whole.evaluations());
        CHECK_FALSE(second.restore(1, saved[0]));
        CHECK_FALSE(second.restore(0, std::span{saved[0]}.first(saved[0].size() - 1)));
    }
}
