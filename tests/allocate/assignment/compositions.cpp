// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/compositions.hpp"

#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/core/thread_pool.hpp"

#include "allocate/assignment/allocator_kit.hpp"
#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Tries random assignments until the budget is spent; records its budgets.
struct random_search {
    std::uint64_t seed = 1;
    std::vector<std::uint64_t>* budgets = nullptr;

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        if (budgets != nullptr) budgets->push_back(control.max_evaluations);
        xoshiro256 random{seed};
        gpu_assignment at(start.begin(), start.end());
        if (at.empty()) at.assign(p.tasks(), gpu_index{0});
        assignment_plan best = p.plan_of(at);
        std::uint64_t evaluations = 1;
        for (; control.check(evaluations) == stop_reason::completed; ++evaluations) {
            at = best.gpu_of;
            const std::size_t task = below(random, p.tasks());
            at[task] = gpu_index{below(random, p.gpus())};
            assignment_plan next = p.plan_of(at);
            if (!better(next, best)) continue;
            best = std::move(next);
            if (best.feasible()) notify::step(control.observer, {.evaluations = evaluations, .objective = best.cost});
        }
        best.evaluations = evaluations;
        best.stopped = control.check(evaluations);
        return best;
    }
};
/// What a part saw of its control.
struct seen_control {
    double begin = 0.0;
    double middle = 0.0;
    double end = 0.0;
    bool bounded = false;
    stop_reason stopped = stop_reason::completed;
};

/// Lets the clock of the test run for some time in ten steps, or until its control ends it.
struct takes_time {
    double time;
    double* now;
    std::vector<seen_control>* seen;

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        gpu_assignment at(start.begin(), start.end());
        if (at.empty()) at.assign(p.tasks(), gpu_index{0});
        assignment_plan plan = p.plan_of(at);
        seen_control one{.begin = control.elapsed(0), .bounded = control.bounded()};
        for (int i = 0; i < 10 && one.stopped == stop_reason::completed; ++i) {
            *now += 0.1 * time;
            ++plan.evaluations;
            one.stopped = control.check(plan.evaluations);
            if (i == 4) one.middle = control.elapsed(plan.evaluations);
        }
        one.end = control.elapsed(plan.evaluations);
        seen->push_back(one);
        plan.stopped = one.stopped;
        return plan;
    }
};
/// Two calls at a time, in theory.
struct two_lanes {
    template <class F>
    void for_each(std::size_t n, F&& f) const {
        for (std::size_t i = 0; i < n; ++i) f(i);
    }
    [[nodiscard]] std::size_t concurrency() const { return 2; }
};
/// Answers with one GPU for all tasks.
struct all_on {
    std::size_t gpu = 0;

    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start = {},
                                      run_control<Stop, Observer> = {}) const {
        assignment_plan plan = p.plan_of(gpu_assignment(p.tasks(), gpu_index{gpu}));
        plan.evaluations = 1;
        return plan;
    }
};

/// Records progress.
struct recorder {
    std::vector<progress>* recorded;
    int* begins;
    int* ends;

    void on_begin(const progress&) const { ++*begins; }
    void on_progress(const progress& p) const { recorded->push_back(p); }
    void on_end(const progress&) const { ++*ends; }
};

static_assert(assignment_allocator<limited<random_search>>);
static_assert(assignment_allocator<then<random_search, exact>>);
static_assert(assignment_allocator<best_of<random_search, exact>>);
static_assert(assignment_allocator<best_of_on<thread_pool, random_search, exact>>);
static_assert(assignment_allocator<time_sliced<random_search, then<priced_greedy, limited<exact>>>>);
static_assert(!assignment_allocator<slicing_options>);

/// Loose enough for random assignments.
const type_d loose{4, 16, 3, 120};

}  // namespace

TEST_CASE("a limited allocator has its own budget and is then complete") {
    const priced_problem p{loose.problem()};
    const limited some{500, random_search{}};
    const assignment_plan plan = some.run(p);
    check_plan(loose, plan);
    CHECK(plan.evaluations == 500);
    CHECK(plan.stopped == stop_reason::completed);
    CHECK(some.run(p, {}, run_control<>{.max_evaluations = 100}).stopped == stop_reason::budget_exhausted);
    CHECK(some.run(p, {}, run_control<>{.max_evaluations = 100}).evaluations == 100);
}

TEST_CASE("then starts each from the plan before and shares the budget") {
    const priced_problem p{loose.problem()};
    std::vector<std::uint64_t> budgets;
    const then both{limited{300, random_search{1, &budgets}}, random_search{2, &budgets}};
    const assignment_plan first = random_search{1}.run(p, {}, run_control<>{.max_evaluations = 300});
    const assignment_plan plan = both.run(p, {}, run_control<>{.max_evaluations = 1000});
    check_plan(loose, plan);
    CHECK(budgets == std::vector<std::uint64_t>{300, 700});
    CHECK(plan.evaluations == 1000);
    CHECK(plan.stopped == stop_reason::budget_exhausted);
    CHECK_FALSE(better(first, plan));
    CHECK(plan.gpu_of == random_search{2}.run(p, first.gpu_of, run_control<>{.max_evaluations = 700}).gpu_of);
    // Nothing is left for the second.
    CHECK(both.run(p, {}, run_control<>{.max_evaluations = 200}).evaluations == 200);
    CHECK(budgets.size() == 3);
}

TEST_CASE("then ends at a proven plan") {
    const priced_problem p{loose.problem()};
    std::vector<std::uint64_t> budgets;
    const assignment_plan plan = then{exact{}, random_search{1, &budgets}}.run(p);
    CHECK(budgets.empty());
    CHECK(plan.stopped == stop_reason::completed);
    CHECK(plan.lower_bound == plan.cost);
    const assignment_plan proven = then{limited{200, random_search{}}, priced_greedy{}, exact{}}.run(p);
    CHECK(proven.cost == plan.cost);
    CHECK(proven.gap() == 0.0);
    const type_d never{2, 8, 1, 20};
    const assignment_plan none = then{exact{}, random_search{1, &budgets}}.run(priced_problem{never.problem()});
    CHECK(none.lower_bound == std::numeric_limits<double>::infinity());
    CHECK(budgets.empty());
}

TEST_CASE("best_of keeps the best and the earlier of equals on any number of threads") {
    const priced_problem p{loose.problem()};
    const best_of three{random_search{1}, random_search{2}, random_search{3}};
    const run_control<> control{.max_evaluations = 1001};
    assignment_plan best;
    std::uint64_t spent = 0;
    const std::uint64_t shares[] = {334, 334, 333};
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const assignment_plan one = random_search{seed}.run(p, {}, run_control<>{.max_evaluations = shares[seed - 1]});
        if (seed == 1 || better(one, best)) best = one;
        spent += one.evaluations;
    }
    const assignment_plan plan = three.run(p, {}, control);
    check_plan(loose, plan);
    CHECK(plan.gpu_of == best.gpu_of);
    CHECK(plan.evaluations == 1001);
    CHECK(spent == 1001);
    CHECK(plan.stopped == stop_reason::budget_exhausted);
    for (const std::size_t threads : {1U, 2U, 4U}) {
        thread_pool pool{threads};
        const assignment_plan same = three.on(pool).run(p, {}, control);
        CHECK(same.gpu_of == plan.gpu_of);
        CHECK(same.evaluations == plan.evaluations);
        CHECK(same.stopped == plan.stopped);
    }
    gap_instance equal;
    equal.tasks = 2;
    equal.costs.assign(4, 7.0);
    equal.loads.assign(4, 1);
    equal.capacities.assign(2, 2);
    CHECK(best_of{all_on{1}, all_on{0}}.run(priced_problem{equal.problem()}).gpu_of[0] == gpu_index{1});
}

TEST_CASE("time_sliced takes turns from the best so far with fresh seeds") {
    const priced_problem p{loose.problem()};
    std::vector<std::uint64_t> budgets;
    const slicing_options options{.max_turn_evaluations = 100, .growth = 2.0, .max_rounds = 3};
    const time_sliced turns{options, random_search{1, &budgets}, random_search{2, &budgets}};
    const assignment_plan plan = turns.run(p);
    check_plan(loose, plan);
    CHECK(budgets == std::vector<std::uint64_t>{100, 100, 200, 200, 400, 400});
    CHECK(plan.evaluations == 1400);
    CHECK(plan.stopped == stop_reason::completed);
    budgets.clear();
    const assignment_plan less = turns.run(p, {}, run_control<>{.max_evaluations = 390});
    CHECK(budgets == std::vector<std::uint64_t>{100, 100, 95, 95});
    CHECK(less.evaluations == 390);
    CHECK(less.stopped == stop_reason::budget_exhausted);
    // By hand: the second round goes on from the first with other numbers.
    assignment_plan by_hand = random_search{1}.run(p, {}, run_control<>{.max_evaluations = 100});
    by_hand = random_search{2}.run(p, by_hand.gpu_of, run_control<>{.max_evaluations = 100});
    by_hand = random_search{stream_seed(1, 1)}.run(p, by_hand.gpu_of, run_control<>{.max_evaluations = 95});
    by_hand = random_search{stream_seed(2, 1)}.run(p, by_hand.gpu_of, run_control<>{.max_evaluations = 95});
    CHECK(less.gpu_of == by_hand.gpu_of);
    CHECK(time_sliced{random_search{}}.run(p, {}, run_control<>{.max_evaluations = 50}).evaluations == 50);
}

TEST_CASE("compositions report improvements over all of their parts") {
    const priced_problem p{loose.problem()};
    std::vector<progress> recorded;
    int begins = 0;
    int ends = 0;
    using watched = run_control<never_stop, recorder>;
    const then both{limited{400, random_search{1}}, priced_greedy{}, limited{20, exact{}}};
    const assignment_plan plan = both.run(p, {}, watched{.observer = {&recorded, &begins, &ends}});
    REQUIRE_FALSE(recorded.empty());
    CHECK(begins == 1);
    CHECK(ends == 1);
    for (std::size_t i = 1; i < recorded.size(); ++i) {
        CHECK(recorded[i].objective < recorded[i - 1].objective);
        CHECK(recorded[i].evaluations >= recorded[i - 1].evaluations);
    }
    CHECK(recorded.back().objective == plan.cost);
    CHECK(recorded.back().evaluations <= plan.evaluations);
    recorded.clear();
    thread_pool pool{2};
    const best_of pair{random_search{1}, random_search{2}};
    const assignment_plan best =
        pair.on(pool).run(p, {}, watched{.max_evaluations = 2000, .observer = {&recorded, &begins, &ends}});
    REQUIRE_FALSE(recorded.empty());
    CHECK(recorded.back().objective == best.cost);
    CHECK(ends == 2);
}

TEST_CASE("compositions are never worse than a start, and nest") {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const gap_instance d = odd_instance(4, 9, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        xoshiro256 random{seed};
        gpu_assignment start;
        for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(gpu_index{below(random, d.gpus())});
        const assignment_plan before = p.plan_of(start);
        const slicing_options short_slices{.max_turn_evaluations = 40, .max_rounds = 2};
        const then nested{best_of{limited{30, random_search{1}}, limited{30, random_search{2}}},
                          time_sliced{short_slices, random_search{3}, limited{30, then{random_search{4}}}}};
        const assignment_plan plan = nested.reseeded(seed).run(p, start);
        CAPTURE(seed);
        check_plan(d, plan);
        CHECK_FALSE(better(before, plan));
        const assignment_plan optimum = exact{}.run(p);
        if (plan.feasible()) CHECK(plan.cost >= optimum.cost - 1e-9);
    }
}

TEST_CASE("parts see the clock of their own share of the time") {
    const priced_problem p{loose.problem()};
    double now = 0.0;
    std::vector<seen_control> seen;
    const auto run = [&](const auto& allocator, std::uint64_t budget = std::numeric_limits<std::uint64_t>::max()) {
        now = 0.0;
        seen.clear();
        return allocator.run(p, {}, run_control<set_clock>{.stop = {&now}, .max_evaluations = budget});
    };
    const takes_time short_one{0.4, &now, &seen};
    const takes_time long_one{2.0, &now, &seen};

    // One after the other: the second has the time that the first leaves.
    CHECK(run(then{short_one, long_one}).stopped == stop_reason::deadline_reached);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].bounded);
    CHECK(seen[0].begin == 0.0);
    CHECK(seen[0].middle == doctest::Approx(0.2));
    CHECK(seen[0].end == doctest::Approx(0.4));
    CHECK(seen[0].stopped == stop_reason::completed);
    CHECK(seen[1].begin == 0.0);
    CHECK(seen[1].end == 1.0);
    CHECK(seen[1].stopped == stop_reason::deadline_reached);

    // From the same start: equal shares, and the run goes on when a part's time is over.
    CHECK(run(best_of{long_one, short_one, long_one}).stopped == stop_reason::deadline_reached);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].stopped == stop_reason::deadline_reached);
    CHECK(seen[1].begin == 0.0);
    CHECK(now < 1.3);
    sequential in_turn;
    CHECK(run(best_of{short_one, long_one}.on(in_turn)).stopped == stop_reason::deadline_reached);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].end == doctest::Approx(0.8));
    CHECK(seen[1].begin == 0.0);
    two_lanes at_once;
    CHECK(run(best_of{short_one, all_on{1}}.on(at_once)).stopped == stop_reason::completed);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].end == doctest::Approx(0.4));  // with a lane for each part, each has all of the time

    // In turns: an equal share of the time left at most.
    const slicing_options options{.max_turn_evaluations = 1000, .max_rounds = 2};
    CHECK(run(time_sliced{options, long_one, short_one}).stopped != stop_reason::cancelled);
    REQUIRE(seen.size() >= 2);
    CHECK(seen[0].stopped == stop_reason::deadline_reached);
    CHECK(seen[1].middle == doctest::Approx(0.005));  // of its evaluations
    CHECK(now >= 1.0);
    // Once a part has shown its speed, the clock alone bounds turns that it ends.
    const takes_time slow{0.3, &now, &seen};
    CHECK(run(time_sliced{options, slow, slow}).stopped == stop_reason::deadline_reached);
    REQUIRE(seen.size() == 4);
    CHECK(seen[1].end == doctest::Approx(0.01));
    CHECK(seen[2].begin == 0.0);  // 0.6 is over, 0.2 are its share
    CHECK(seen[2].middle == doctest::Approx(0.75));
    CHECK(seen[2].stopped == stop_reason::deadline_reached);
    CHECK(seen[2].end == 1.0);

    // Inside each other.
    CHECK(run(best_of{then{short_one, long_one}, long_one}).stopped == stop_reason::deadline_reached);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].end == doctest::Approx(0.8));
    CHECK(seen[1].stopped == stop_reason::deadline_reached);
    CHECK(seen[2].begin == 0.0);

    // A budget of the run: shares in evaluations, whatever the clock shows.
    CHECK(run(best_of{short_one, short_one}, 10).evaluations == 10);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].middle == 1.0);
    CHECK(seen[0].stopped == stop_reason::budget_exhausted);
    CHECK(seen[1].stopped == stop_reason::budget_exhausted);
    // Nothing bounds the run: nothing bounds a part.
    seen.clear();
    (void)then{short_one, short_one}.run(p);
    (void)best_of{short_one, short_one}.run(p);
    REQUIRE(seen.size() == 4);
    for (const seen_control& one : seen) {
        CHECK_FALSE(one.bounded);
        CHECK(one.end == 0.0);
    }
}
