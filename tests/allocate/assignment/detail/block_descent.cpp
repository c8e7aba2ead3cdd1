// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/block_descent.hpp"

#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// The plan of the best assignment, checked against the instance alone.
assignment_plan best_of_walk(const gap_instance& d, const priced_problem& p, const detail::block_descent& walk) {
    gpu_assignment gpu_of;
    for (const std::uint32_t g : walk.best()) gpu_of.push_back(gpu_index{g});
    assignment_plan plan = p.plan_of(gpu_of);
    check_plan(d, plan);
    return plan;
}

void begin(detail::block_descent& walk, const gpu_assignment& start) {
    walk.start([&](std::size_t t) { return start[t].value(); });
}

gpu_assignment any_assignment(const gap_instance& d, std::uint64_t seed) {
    xoshiro256 random{seed};
    gpu_assignment start;
    for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(gpu_index{below(random, d.gpus())});
    return start;
}

}  // namespace

TEST_CASE("the room and cost of a descent are those of its assignment") {
    int feasible = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(6, 25, seed) : gap_of_type("ABCDE"[seed % 5], 5, 30, seed);
        if (d.tasks == 0 || d.gpus() < 2) continue;
        const priced_problem p{d.problem()};
        const gpu_assignment start = any_assignment(d, seed);
        const assignment_plan first = p.plan_of(start);
        detail::block_descent walk{p, 300, 5, 1.0};
        begin(walk, start);
        CAPTURE(seed);
        CHECK(walk.feasible() == first.feasible());
        CHECK(walk.best_cost() == doctest::Approx(first.cost));
        xoshiro256 random{seed};
        bool was_feasible = walk.feasible();
        double was = walk.best_cost();
        for (int i = 0; i < 150; ++i) {
            const bool news = walk.visit(random);
            CHECK((walk.feasible() || !was_feasible));
            if (news) {
                const assignment_plan plan = best_of_walk(d, p, walk);
                REQUIRE(plan.feasible());
                CHECK(walk.feasible());
                CHECK(walk.best_cost() == doctest::Approx(plan.cost));
                if (was_feasible) CHECK(walk.best_cost() < was);
            } else {
                CHECK(walk.feasible() == was_feasible);
                CHECK(walk.best_cost() == was);
            }
            was_feasible = walk.feasible();
            was = walk.best_cost();
        }
        const assignment_plan plan = best_of_walk(d, p, walk);
        CHECK_FALSE(better(first, plan));
        CHECK(plan.feasible() == walk.feasible());
        CHECK(walk.visited() == 150);
        CHECK(walk.evaluations() <= 150 * (301 + d.tasks));
        if (!walk.feasible()) CHECK(plan.gpu_of == start);
        feasible += walk.feasible() ? 1 : 0;
    }
    CHECK(feasible > 70);
}

TEST_CASE("a start with overloaded GPUs is mended") {
    for (const char type : {'A', 'B', 'C', 'D', 'E'}) {
        const gap_instance d = gap_of_type(type, 5, 50, 3);
        const priced_problem p{d.problem()};
        detail::block_descent walk{p, 2'000, 16, 1.0};
        begin(walk, any_assignment(d, 1));
        REQUIRE_FALSE(walk.feasible());
        xoshiro256 random{1};
        int blocks = 0;
        for (; blocks < 2000 && !walk.feasible(); ++blocks) (void)walk.visit(random);
        CAPTURE(type);
        CAPTURE(blocks);
        CHECK(walk.feasible());
        CHECK(best_of_walk(d, p, walk).feasible());
    }
}

TEST_CASE("a descent from a good start gets better and stays feasible") {
    const gap_instance d = gap_of_type('E', 10, 100, 1);
    const priced_problem p{d.problem()};
    const assignment_plan greedy = priced_greedy{.max_rebuild_evaluations = 0}.run(p);
    REQUIRE(greedy.feasible());
    for (const double tolerance : {0.0, 1.0, 5.0}) {
        detail::block_descent walk{p, 1000, 16, tolerance};
        begin(walk, greedy.gpu_of);
        xoshiro256 random{7};
        int news = 0;
        for (int i = 0; i < 500; ++i) {
            news += walk.visit(random) ? 1 : 0;
            CHECK(walk.feasible());
        }
        const assignment_plan plan = best_of_walk(d, p, walk);
        CHECK(news > 3);
        CHECK(plan.feasible());
        CHECK(plan.cost < greedy.cost);
        CHECK(plan.cost == doctest::Approx(walk.best_cost()));
        CHECK(walk.moves() > 0);
    }
}

TEST_CASE("a descent begins anew as if it were the first time") {
    const type_d d{8, 60, 4};
    const priced_problem p{d.problem()};
    const assignment_plan greedy = priced_greedy{.max_rebuild_evaluations = 0}.run(p);
    detail::block_descent used{p, 500, 6, 1.0};
    begin(used, gpu_assignment(60, gpu_index{0}));
    xoshiro256 random{3};
    for (int i = 0; i < 50; ++i) (void)used.visit(random);

    detail::block_descent fresh{p, 500, 6, 1.0};
    xoshiro256 one{9};
    xoshiro256 two{9};
    begin(used, greedy.gpu_of);
    begin(fresh, greedy.gpu_of);
    for (int i = 0; i < 100; ++i) {
        const bool first = used.visit(one);
        const bool second = fresh.visit(two);
        CHECK(first == second);
    }
    CHECK(std::equal(used.best().begin(), used.best().end(), fresh.best().begin(), fresh.best().end()));
    CHECK(used.best_cost() == fresh.best_cost());
}

TEST_CASE("one GPU leaves nothing to choose") {
    gap_instance d;
    d.tasks = 2;
    d.costs = {1, 2};
    d.loads = {1, 1};
    d.capacities = {2};
    const priced_problem p{d.problem()};
    detail::block_descent walk{p, 10, 16, 1.0};
    begin(walk, gpu_assignment(2, gpu_index{0}));
    xoshiro256 random{1};
    CHECK_FALSE(walk.visit(random));
    CHECK(walk.feasible());
    CHECK(walk.best_cost() == 3.0);
    CHECK(walk.moves() == 0);
}

TEST_CASE("where capacity has no price a descent reports its cost and every new best, too") {
    gap_instance many = gap_of_type('C', 60, 600, 1);
    for (amount& capacity : many.capacities) capacity = capacity * 5 / 4;
    const priced_problem priceless{many.problem()};
    for (std::size_t g = 0; g < priceless.gpus(); ++g) REQUIRE(priceless.price(g) == 0.0);
    const gpu_assignment start = priced_greedy{.max_rebuild_evaluations = 0}.run(priceless).gpu_of;
    xoshiro256 random{1};
    detail::block_descent light{priceless, 1000, 8, 0.0};
    begin(light, start);
    const double first = priceless.plan_of(start).cost;
    for (int i = 0; i < 1500; ++i) {
        const double was = light.best_cost();
        CHECK(light.visit(random) == (light.best_cost() < was));
    }
    const assignment_plan plan = best_of_walk(many, priceless, light);
    CHECK(plan.cost == light.best_cost());
    CHECK(plan.cost < first);
}
