// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/reassignment_search.hpp"

#include "berth/core/deadline.hpp"
#include "berth/core/thread_pool.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"
#include "support/mrp_check.hpp"
#include "support/mrp_instance.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

run_control<> budget(std::uint64_t evaluations) {
    run_control<> control;
    control.max_evaluations = evaluations;
    return control;
}

reassignment_search_options seeded(std::uint64_t seed, std::size_t islands = 1) {
    reassignment_search_options options;
    options.seed = seed;
    options.islands = islands;
    return options;
}

/// A plan agrees with an evaluation from scratch.
void check_plan(const reassignment_problem& p, const reassignment_plan& plan) {
    REQUIRE(plan.assignment.size() == p.task_count());
    const auto evaluation = evaluate(p, plan.assignment);
    CHECK(plan.cost == evaluation.cost);
    CHECK(plan.violations == evaluation.violations);
    std::size_t moved = 0;
    for (std::size_t t = 0; t < p.task_count(); ++t) moved += plan.assignment[t] != p.initial(task_index{t}) ? 1 : 0;
    CHECK(plan.moved == moved);
    CHECK(plan.accepted <= plan.evaluations);
}

std::uint64_t fingerprint(const reassignment_plan& plan) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const node_index n : plan.assignment) hash = (hash ^ n.value()) * 1099511628211ULL;
    return hash;
}

std::size_t broken(const reassignment_violations& v) { return v.conflicts + v.spread + v.dependencies; }

/// Stops at a poll.
struct stop_after {
    int* left;
    [[nodiscard]] bool stop_requested() const noexcept { return (*left)-- <= 0; }
};

/// Half of the time is over until the deadline.
struct half_time {
    int* left;
    [[nodiscard]] bool stop_requested() const noexcept { return false; }
    [[nodiscard]] bool deadline_reached() const noexcept { return (*left)-- <= 0; }
    [[nodiscard]] double elapsed() const noexcept { return 0.5; }
};

/// Time is counted in polls.
struct scripted_clock {
    std::uint64_t* polls;
    std::uint64_t end;
    bool frozen = false;  ///< at the start, until the deadline
    double* last = nullptr;
    [[nodiscard]] bool stop_requested() const noexcept { return false; }
    [[nodiscard]] bool deadline_reached() const noexcept { return ++*polls > end; }
    [[nodiscard]] double elapsed() const noexcept {
        const double share = frozen ? 0.0 : static_cast<double>(*polls) / static_cast<double>(end);
        if (last != nullptr) *last = share;
        return share;
    }
};

/// The library's deadline, with a record of what was read.
struct recorded_deadline {
    deadline<> inner;
    double* last;
    [[nodiscard]] bool stop_requested() const { return inner.stop_requested(); }
    [[nodiscard]] bool deadline_reached() const { return inner.deadline_reached(); }
    [[nodiscard]] double elapsed() const { return *last = inner.elapsed(); }
};

struct watcher {
    std::vector<progress>* seen;
    int* begun;
    int* ended;
    void on_begin(const progress& p) const {
        ++*begun;
        seen->push_back(p);
    }
    void on_progress(const progress& p) const { seen->push_back(p); }
    void on_end(const progress& p) const {
        ++*ended;
        seen->push_back(p);
    }
};

/// Equal nodes, groups of one task, all of them on node 0.
reassignment_input plain(std::size_t nodes, std::size_t tasks) {
    reassignment_input in;
    in.resources = {{false, 10}};
    in.pair_costs = node_pair_costs{nodes};
    for (std::size_t n = 0; n < nodes; ++n) {
        in.neighbourhood.push_back(0);
        in.location.push_back(static_cast<std::uint32_t>(n));
        in.capacity.push_back(100);
        in.safety_capacity.push_back(100);
        in.pair_costs.add_row(std::vector<std::uint32_t>(nodes, 1));
    }
    in.pair_costs.finish();
    for (std::size_t t = 0; t < tasks; ++t) {
        in.spread.push_back(1);
        in.dependency_ends.push_back(0);
        in.group.push_back(static_cast<std::uint32_t>(t));
        in.demand.push_back(10);
        in.move_cost.push_back(1);
        in.initial.push_back(0);
    }
    in.task_weight = 1;
    in.group_weight = 1;
    in.pair_weight = 1;
    return in;
}

/// Searches from an infeasible initial assignment and checks that the plan is feasible.
reassignment_plan repaired(const reassignment_input& in) {
    const auto p = need(make_reassignment_problem(in));
    const auto start = initial_assignment(p);
    CHECK_FALSE(evaluate(p, start).feasible());
    auto plan = need(reassignment_search{seeded(3)}.run(p, start, budget(50'000)));
    check_plan(p, plan);
    CHECK(plan.violations.none());
    return plan;
}

}  // namespace

TEST_CASE("reassignment search: never worse than its start and within constraints from a feasible start") {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        const auto in = bench::generate_mrp_instance(
                            {.machines = 12, .processes = 100, .resources = 1 + 2 * (seed % 6), .fill = 0.9}, seed)
                            .input;
        const auto p = need(make_reassignment_problem(in));
        const auto start = initial_assignment(p);
        for (const std::uint64_t evaluations : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{60'000}}) {
            const auto plan = need(reassignment_search{seeded(seed)}.run(p, start, budget(evaluations)));
            check_plan(p, plan);
            CHECK(plan.violations.none());
            CHECK(plan.cost.total() <= evaluate(p, start).cost.total());
            const auto evaluation = bench::check_mrp_assignment(in, plan.assignment);
            CHECK(evaluation.feasible());
            CHECK(evaluation.cost == plan.cost);
            CHECK(evaluation.moved == plan.moved);
            if (evaluations == 0) CHECK(plan.assignment == start);
            if (evaluations > 1) CHECK(plan.cost.total() < evaluate(p, start).cost.total());
        }
    }
}

TEST_CASE("reassignment search: never breaks more than an infeasible start") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        const auto p = need(make_reassignment_problem(random_reassignment({.tasks = 20, .groups = 8}, seed)));
        const auto start = initial_assignment(p);
        const auto before = evaluate(p, start);
        const auto plan = need(reassignment_search{seeded(seed)}.run(p, start, budget(20'000)));
        check_plan(p, plan);
        CHECK(broken(plan.violations) <= broken(before.violations));
        if (broken(plan.violations) == broken(before.violations)) {
            CHECK(plan.violations.capacity <= before.violations.capacity);
        }
    }
}

TEST_CASE("reassignment search: the optimum of tiny instances") {
    std::size_t solved = 0;
    for (std::uint64_t seed = 1; seed <= 24; ++seed) {
        CAPTURE(seed);
        auto in = random_reassignment({.nodes = 3,
                                       .tasks = 6,
                                       .groups = 4,
                                       .resources = 1 + seed % 3,
                                       .room = 1.3 + 0.2 * (seed % 2 == 0 ? 1 : 0)},
                                      seed);
        if (!place_feasibly(in, seed)) continue;
        const auto p = need(make_reassignment_problem(in));
        const auto least = least_cost(p);
        REQUIRE(least.has_value());
        const auto plan = need(reassignment_search{seeded(seed)}.run(p, initial_assignment(p), budget(200'000)));
        check_plan(p, plan);
        CHECK(plan.violations.none());
        CHECK(plan.cost.total() == *least);
        ++solved;
    }
    CHECK(solved >= 5);
}

TEST_CASE("reassignment search: the worked example of the challenge") {
    const auto p = need(
        make_reassignment_problem(need(bench::read_mrp_instance(need(bench::find_mrp_instance("example")))).input));
    const auto plan = need(reassignment_search{}.run(p, initial_assignment(p), budget(20'000)));
    CHECK(plan.cost.total() == 2411);
    CHECK(plan.moved == 2);
}

TEST_CASE("reassignment search: starts beyond capacity are mended") {
    const auto in = plain(3, 25);  // 250 on a node of 100, three of which have room for it
    const auto plan = repaired(in);
    CHECK(plan.moved == 15);
}

TEST_CASE("reassignment search: starts in conflict are mended") {
    auto in = plain(4, 4);
    in.group = {0, 0, 0, 0};
    in.spread = {1, 0, 0, 0};
    CHECK(repaired(in).moved == 3);
}

TEST_CASE("reassignment search: starts that are not spread are mended") {
    auto in = plain(4, 4);
    in.group = {0, 0, 1, 1};
    in.spread = {2, 2, 0, 0};
    in.location = {0, 0, 1, 1};
    in.initial = {0, 1, 0, 1};
    CHECK(repaired(in).moved == 2);
}

TEST_CASE("reassignment search: starts that lack a dependency are mended") {
    auto in = plain(4, 3);
    in.neighbourhood = {0, 0, 1, 1};
    in.initial = {0, 2, 2};
    in.dependencies = {1};  // of the first task's group, which is alone in its neighbourhood
    in.dependency_ends = {1, 1, 1};
    CHECK(repaired(in).moved == 1);
}

TEST_CASE("reassignment search: starts that break every constraint at once are mended") {
    std::size_t possible = 0;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        auto in = random_reassignment({.nodes = 3, .tasks = 6, .groups = 4, .resources = 1, .room = 1.7}, seed);
        const auto p = need(make_reassignment_problem(in));
        const auto start = initial_assignment(p);
        const auto least = least_cost(p);
        if (!least || evaluate(p, start).feasible()) continue;
        ++possible;
        const auto plan = need(reassignment_search{seeded(seed)}.run(p, start, budget(100'000)));
        check_plan(p, plan);
        CHECK(plan.violations.none());
        CHECK(plan.cost.total() >= *least);
    }
    CHECK(possible >= 5);
}

TEST_CASE("reassignment search: same seed and islands and budget - same plan for any number of threads") {
    const auto p = need(make_reassignment_problem(random_reassignment({.nodes = 8, .tasks = 40, .groups = 30}, 4)));
    const auto start = initial_assignment(p);
    const reassignment_search search{seeded(9, 3)};
    const auto alone = need(search.run(p, start, budget(400'000)));
    thread_pool pool{2};
    const auto together = need(search.run(p, start, budget(400'000), pool));
    CHECK(alone.assignment == together.assignment);
    CHECK(alone.evaluations == together.evaluations);
    CHECK(alone.accepted == together.accepted);
    CHECK(alone.cost == together.cost);
    const auto other = need(reassignment_search{seeded(10, 3)}.run(p, start, budget(400'000)));
    CHECK(other.accepted != alone.accepted);
}

TEST_CASE("reassignment search: the same plan on every compiler") {
    // Everything named, so that other defaults do not count as another plan.
    const reassignment_search_options options{.seed = 11,
                                              .islands = 2,
                                              .first_temperature = 0.5,
                                              .last_temperature = 0.01,
                                              .first_overload_penalty = 10.0,
                                              .last_overload_penalty = 1000.0,
                                              .mix = {.shift = 0.2,
                                                      .shift_back = 0.1,
                                                      .swap = 0.3,
                                                      .swap_back = 0.3,
                                                      .swap_alike = 0.1,
                                                      .chain = 0.01,
                                                      .make_room = 0.0,
                                                      .whole_group = 0.001,
                                                      .node_pair = 0.0001}};
    const auto p = need(make_reassignment_problem(
        random_reassignment({.nodes = 12, .tasks = 80, .groups = 60, .resources = 5, .room = 1.4}, 21)));
    const auto plan = need(reassignment_search{options}.run(p, initial_assignment(p), budget(200'000)));
    check_plan(p, plan);
    CAPTURE(plan.cost.total());
    CHECK(fingerprint(plan) == 2807928272141937350ULL);
}

TEST_CASE("reassignment search: the budget is kept to within a step of each island") {
    const auto p = need(make_reassignment_problem(random_reassignment({.tasks = 40, .groups = 40}, 4)));
    for (const std::size_t islands : {std::size_t{1}, std::size_t{3}}) {
        for (const std::uint64_t evaluations : {std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{150'000}}) {
            const auto plan =
                need(reassignment_search{seeded(2, islands)}.run(p, initial_assignment(p), budget(evaluations)));
            CHECK(plan.stopped == stop_reason::budget_exhausted);
            CHECK(plan.evaluations >= evaluations);
            CHECK(plan.evaluations <= evaluations + islands * 20'100);  // a node pair is one step
        }
    }
}

TEST_CASE("reassignment search: without a budget it completes its own evaluations") {
    const auto p = need(make_reassignment_problem(random_reassignment({}, 4)));
    auto options = seeded(2);
    options.max_evaluations = 120'000;
    const auto plan = need(reassignment_search{options}.run(p, initial_assignment(p)));
    CHECK(plan.stopped == stop_reason::completed);
    CHECK(plan.evaluations >= 120'000);
    CHECK(plan.evaluations <= 140'100);  // a node pair is one step
    options.max_evaluations = 100;
    const auto brief = need(reassignment_search{options}.run(p, initial_assignment(p)));
    CHECK(brief.evaluations >= 100);
    CHECK(brief.evaluations <= 20'200);
    options.max_evaluations = 0;
    const auto none = need(reassignment_search{options}.run(p, initial_assignment(p)));
    CHECK(none.evaluations == 0);
    CHECK(none.stopped == stop_reason::completed);
    CHECK(none.assignment == initial_assignment(p));
}

TEST_CASE("reassignment search: a run that is stopped has the best so far") {
    const auto p = need(make_reassignment_problem(random_reassignment({.tasks = 20, .groups = 15}, 4)));
    const auto start = initial_assignment(p);
    int left = 0;
    const auto none = need(reassignment_search{}.run(p, start, run_control<stop_after>{.stop = {&left}}));
    CHECK(none.stopped == stop_reason::cancelled);
    CHECK(none.evaluations == 0);
    CHECK(none.assignment == start);
    left = 2;
    const auto some = need(reassignment_search{}.run(p, start, run_control<stop_after>{.stop = {&left}}));
    check_plan(p, some);
    CHECK(some.stopped == stop_reason::cancelled);
    CHECK(some.evaluations >= 256);
    CHECK(some.evaluations <= 300);
    left = 2;
    const auto timed = need(reassignment_search{}.run(p, start, run_control<half_time>{.stop = {&left}}));
    check_plan(p, timed);
    CHECK(timed.stopped == stop_reason::deadline_reached);
}

TEST_CASE("reassignment search: cools to the end by a clock") {
    const auto in = bench::generate_mrp_instance({.machines = 20, .processes = 400, .fill = 0.9}, 5).input;
    const auto p = need(make_reassignment_problem(in));
    const auto start = initial_assignment(p);
    auto options = seeded(1, 2);
    options.max_evaluations = 1;  // for runs that nothing bounds
    const auto timed = [&](bool frozen, double& last, std::vector<progress>& seen) {
        std::uint64_t polls = 0;
        int begun = 0;
        int ended = 0;
        const run_control<scripted_clock, watcher> control{.stop = {&polls, 600, frozen, &last},
                                                           .observer = {&seen, &begun, &ended}};
        auto plan = need(reassignment_search{options}.run(p, start, control));
        check_plan(p, plan);
        CHECK(plan.stopped == stop_reason::deadline_reached);
        CHECK(plan.evaluations > 60'000);
        return plan;
    };
    double last = 0.0;
    std::vector<progress> seen;
    const auto cooled = timed(false, last, seen);
    CHECK(last > 0.98);
    // The last quarter of the schedule is for what small tasks can gain: improvements there show that it was reached.
    REQUIRE(seen.size() >= 3);
    CHECK(seen[seen.size() - 2].done >= 75);
    std::vector<progress> seen_hot;
    const auto hot = timed(true, last, seen_hot);
    CHECK(cooled.cost.total() < hot.cost.total());
    double last_again = 0.0;
    std::vector<progress> seen_again;
    CHECK(timed(false, last_again, seen_again).assignment == cooled.assignment);  // the script reproduces
}

TEST_CASE("reassignment search: with a deadline it cools until the deadline") {
    const auto in = bench::generate_mrp_instance({.machines = 12, .processes = 100, .fill = 0.9}, 5).input;
    const auto p = need(make_reassignment_problem(in));
    auto options = seeded(1);
    options.max_evaluations = 1;  // for runs that nothing bounds
    const auto begun = std::chrono::steady_clock::now();
    const auto time = std::chrono::milliseconds{300};
    double last = 0.0;
    const run_control<recorded_deadline> control{.stop = {deadline<>::after(time), &last}};
    const auto plan = need(reassignment_search{options}.run(p, initial_assignment(p), control));
    check_plan(p, plan);
    CHECK(plan.stopped == stop_reason::deadline_reached);
    CHECK(std::chrono::steady_clock::now() - begun >= time);
    CHECK(plan.evaluations > 1000);
    CHECK(last > 0.75);
}

TEST_CASE("reassignment search: a budget reproduces within a deadline") {
    const auto p = need(make_reassignment_problem(random_reassignment({.nodes = 8, .tasks = 40, .groups = 30}, 4)));
    const auto start = initial_assignment(p);
    const reassignment_search search{seeded(9, 2)};
    const auto alone = need(search.run(p, start, budget(120'000)));
    const auto within = need(search.run(
        p, start,
        run_control<deadline<>>{.stop = deadline<>::after(std::chrono::hours{1}), .max_evaluations = 120'000}));
    CHECK(alone.assignment == within.assignment);
    CHECK(alone.evaluations == within.evaluations);
    CHECK(within.stopped == stop_reason::budget_exhausted);
}

TEST_CASE("reassignment search: polls every few hundred evaluations") {
    const auto in = bench::generate_mrp_instance({.machines = 4, .processes = 300, .fill = 0.9}, 5).input;
    const auto p = need(make_reassignment_problem(in));
    auto options = seeded(1, 2);
    options.mix.node_pair = 0.01;  // a step of up to 20,000 evaluations
    std::uint64_t polls = 0;
    const run_control<scripted_clock> control{.stop = {&polls, ~std::uint64_t{0}}, .max_evaluations = 60'000};
    const auto plan = need(reassignment_search{options}.run(p, initial_assignment(p), control));
    CHECK(polls > plan.evaluations / 600);
    CHECK(need(reassignment_search{options}.run(p, initial_assignment(p), budget(60'000))).assignment ==
          plan.assignment);
}

TEST_CASE("reassignment search: setting up a large problem is stopped") {
    const auto in = bench::generate_mrp_instance({.machines = 200, .processes = 2000, .fill = 0.9}, 5).input;
    const auto p = need(make_reassignment_problem(in));
    int left = 0;
    const auto plan =
        need(reassignment_search{seeded(1, 8)}.run(p, initial_assignment(p), run_control<stop_after>{.stop = {&left}}));
    CHECK(left == -1);  // once, however many islands there are
    CHECK(plan.stopped == stop_reason::cancelled);
    CHECK(plan.assignment == initial_assignment(p));
}

TEST_CASE("reassignment search: a start that does not fit the problem is refused") {
    const auto p = need(make_reassignment_problem(plain(3, 4)));
    const auto refusal = [&](const std::vector<node_index>& start) {
        const auto plan = reassignment_search{}.run(p, start, budget(1000));
        REQUIRE_FALSE(plan.has_value());
        return plan.error().message;
    };
    auto start = initial_assignment(p);
    start.pop_back();
    CHECK(refusal(start) == "assignment: it has 3 nodes, expected one for each of 4 tasks");
    start.resize(5, node_index{0});
    CHECK(refusal(start) == "assignment: it has 5 nodes, expected one for each of 4 tasks");
    start.resize(4);
    start[2] = node_index{3};
    CHECK(refusal(start) == "task 2: its node is 3, there are only 3");
    start[2] = node_index{};
    CHECK(refusal(start) == "task 2: it has no node");
}

TEST_CASE("reassignment search: observers see a beginning and improvements and an end") {
    const auto in = bench::generate_mrp_instance({.machines = 12, .processes = 100}, 5).input;
    const auto p = need(make_reassignment_problem(in));
    std::vector<progress> seen;
    int begun = 0;
    int ended = 0;
    const run_control<never_stop, watcher> control{.max_evaluations = 300'000, .observer = {&seen, &begun, &ended}};
    const auto plan = need(reassignment_search{}.run(p, initial_assignment(p), control));
    CHECK(begun == 1);
    CHECK(ended == 1);
    REQUIRE(seen.size() >= 3);
    CHECK(seen.front().evaluations == 0);
    CHECK(seen.front().objective == static_cast<double>(evaluate(p, initial_assignment(p)).cost.total()));
    CHECK(seen.back().objective == static_cast<double>(plan.cost.total()));
    CHECK(seen.back().evaluations == plan.evaluations);
    for (std::size_t i = 1; i < seen.size(); ++i) {
        CHECK(seen[i].evaluations >= seen[i - 1].evaluations);
        CHECK(seen[i].objective <= seen[i - 1].objective);
        CHECK(seen[i].total == 100);
    }
}

TEST_CASE("reassignment search: the objective of observers is that of feasible assignments only") {
    auto in = plain(4, 4);
    in.group = {0, 0, 0, 0};  // in conflict, and to mend it costs more than the start
    in.spread = {1, 0, 0, 0};
    const auto p = need(make_reassignment_problem(in));
    std::vector<progress> seen;
    int begun = 0;
    int ended = 0;
    const run_control<never_stop, watcher> control{.max_evaluations = 100'000, .observer = {&seen, &begun, &ended}};
    const auto plan = need(reassignment_search{}.run(p, initial_assignment(p), control));
    CHECK(plan.violations.none());
    REQUIRE(seen.size() >= 3);
    CHECK(std::isinf(seen.front().objective));
    CHECK(seen[1].objective >= static_cast<double>(plan.cost.total()));
    CHECK(std::isfinite(seen[1].objective));
    CHECK(seen.back().objective == static_cast<double>(plan.cost.total()));
}

TEST_CASE("reassignment search: where nothing is to be gained nothing moves") {
    auto in = plain(4, 20);
    for (std::size_t t = 0; t < 20; ++t) in.initial[t] = static_cast<std::uint32_t>(t % 4);
    const auto p = need(make_reassignment_problem(in));
    const auto plan = need(reassignment_search{seeded(1, 2)}.run(p, initial_assignment(p), budget(100'000)));
    CHECK(plan.moved == 0);
    CHECK(plan.cost.total() == 0);
}

TEST_CASE("reassignment search: no tasks and one node and one task") {
    const auto empty = need(make_reassignment_problem(plain(3, 0)));
    const auto nothing = need(reassignment_search{}.run(empty, {}, budget(1000)));
    CHECK(nothing.assignment.empty());
    CHECK(nothing.stopped == stop_reason::completed);
    CHECK(nothing.cost.total() == 0);

    const auto one_node = need(make_reassignment_problem(plain(1, 20)));
    const auto stays = need(reassignment_search{}.run(one_node, initial_assignment(one_node), budget(1000)));
    CHECK(stays.moved == 0);
    CHECK(stays.violations.capacity == 100);

    const auto one_task = need(make_reassignment_problem(plain(2, 1)));
    const auto alone = need(reassignment_search{}.run(one_task, initial_assignment(one_task), budget(1000)));
    CHECK(alone.moved == 0);
}

TEST_CASE("reassignment search: ends where no step of its kind can be taken") {
    const auto p = need(make_reassignment_problem(plain(2, 1)));
    auto options = seeded(1);
    options.mix = {.shift = 0,
                   .shift_back = 0,
                   .swap = 1,
                   .swap_back = 0,
                   .swap_alike = 0,
                   .chain = 0,
                   .make_room = 0,
                   .whole_group = 0,
                   .node_pair = 0};
    const auto plan = need(reassignment_search{options}.run(p, initial_assignment(p), budget(1000)));
    CHECK(plan.evaluations == 0);
    CHECK(plan.stopped == stop_reason::completed);
}
