// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/greedy.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/scores/fgd.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/gpu_packing.hpp"
#include "berth/allocate/greedy/scores/power_score.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"
#include "berth/core/deadline.hpp"
#include "berth/model/workload_builder.hpp"

#include "allocate/problems.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// FNV-1a over nodes and GPUs of all slots.
std::uint64_t hash(const assignment& slots) {
    std::uint64_t h = 0xcbf29ce484222325ULL;
    const auto mix = [&](std::uint64_t word) {
        for (int byte = 0; byte < 8; ++byte) h = (h ^ (word >> (8 * byte) & 0xff)) * 0x100000001b3ULL;
    };
    for (const slot& where : slots) {
        mix(where.placed() ? where.node.value() : ~std::uint64_t{0});
        mix(where.gpus);
    }
    return h;
}

std::size_t placed_in(const assignment& slots) {
    std::size_t placed = 0;
    for (const slot& where : slots) placed += where.placed() ? 1 : 0;
    return placed;
}

struct hooks {
    std::size_t begun = 0;
    std::size_t steps = 0;
    std::size_t ended = 0;
    progress last;
};
/// An observer is copied into the run, so it points at its results.
struct recorder {
    hooks* seen;
    void on_begin(const progress& p) const {
        ++seen->begun;
        CHECK(p.done == 0);
    }
    void on_progress(const progress& p) const {
        ++seen->steps;
        CHECK(p.done == seen->steps);
        CHECK(p.evaluations >= seen->last.evaluations);
        seen->last = p;
    }
    void on_end(const progress& p) const {
        ++seen->ended;
        CHECK(p.done == seen->steps);
        seen->last = p;
    }
};
struct stop_after {
    std::shared_ptr<int> polls;
    int most;
    [[nodiscard]] bool stop_requested() const { return (*polls)++ >= most; }
};

const greedy policy{best_fit{}, tightest_gpu{}, random_order{2}};

}  // namespace

TEST_CASE("a batch is the same as placing one task at a time in that order") {
    const auto check = [](const auto& any_policy, const auto& order) {
        for (std::uint64_t seed = 0; seed < 6; ++seed) {
            CAPTURE(seed);
            const auto [machines, work] = random_problem(seed, {.domains = seed % 2 == 0, .gangs = seed % 3 == 0});
            const problem p{machines, work};
            const plan batch = any_policy.run(p, order);
            auto placer = any_policy.start(p);
            assignment online(work.task_count(), unplaced);
            std::vector<task_index> left_out;
            std::vector<bool> gang_done(work.group_count(), false);
            for (const task_index t : order(p)) {
                const group_index group = work.group(t);
                if (group.valid()) {
                    if (gang_done[group.value()]) continue;
                    gang_done[group.value()] = true;
                    const auto slots = placer.place_all(work.members(group));
                    for (std::size_t i = 0; i < work.members(group).size(); ++i) {
                        const task_index member = work.members(group)[i];
                        if (slots) {
                            online[member.value()] = (*slots)[i];
                        } else {
                            left_out.push_back(member);
                        }
                    }
                    continue;
                }
                online[t.value()] = placer.place(t);
                if (!online[t.value()].placed()) left_out.push_back(t);
            }
            REQUIRE(batch.assignment == online);
            REQUIRE(batch.left_out == left_out);
            REQUIRE(batch.counters.placed == placed_in(online));
            REQUIRE(batch.counters.rejected == left_out.size());
            REQUIRE(batch.counters.placed + batch.counters.rejected == work.task_count());
            REQUIRE(batch.counters.evaluations == placer.evaluations());
            REQUIRE(batch.stopped == stop_reason::completed);
            REQUIRE(batch.explanations.empty());
            const auto ledger = make_ledger(p, batch.assignment);
            REQUIRE(ledger.has_value());
            REQUIRE(*ledger == placer.ledger());
        }
    };
    check(policy, arrival_order{});
    check(policy, largest_first{});
    check(policy, scarcest_first{});
    check(policy, priority_first{});
    check(policy, shuffled{3});
    check(greedy{fgd{}, best_scored_gpu{}}, largest_first{});
    check(greedy{weighted_sum{weighted{0.1, rescaled{power_score{}}}, weighted{0.9, fgd{}}}}, arrival_order{});
    check(greedy{random_score{1}, random_gpu{1}}, arrival_order{});
}

TEST_CASE("work conserving: a task that is left out fits nowhere at that moment") {
    const auto [machines, work] = random_problem(5, {.nodes = 12, .gangs = false});
    const problem p{machines, work};
    const plan plan = policy.run(p);
    ledger ledger{machines};
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        const auto demand = work.demand(task_index{t});
        const slot& where = plan.assignment[t];
        if (where.placed()) {
            REQUIRE(ledger.fits(demand, where));
            ledger.place(demand, where);
        } else {
            for (std::size_t n = 0; n < machines.node_count(); ++n) REQUIRE(!ledger.fits(demand, node_index{n}));
        }
    }
    CHECK(plan.counters.rejected > 10);
}

TEST_CASE("gangs are placed all or none") {
    const auto machines = hand_fleet({{{1000, 1000, 1000}, 0}});
    workload_builder builder{machines};
    for (int i = 0; i < 2; ++i) (void)need(builder.add_task({.group = "small", .gang = true}));
    (void)need(builder.add_task({.group = "loose"}));
    for (int i = 0; i < 2; ++i) (void)need(builder.add_task({.group = "large", .gang = true}));
    (void)need(builder.add_task({.group = "loose"}));
    const auto work = need(std::move(builder).build());
    const plan tight = greedy{first_fit{}}.run(problem{machines, work}, arrival_order{}, {}, explain_left_out::yes);
    const auto placed = [&](std::size_t t) { return tight.assignment[t].placed(); };
    CHECK((placed(0) && placed(1) && placed(2)));
    CHECK((!placed(3) && !placed(4) && !placed(5)));
    CHECK(tight.left_out == std::vector<task_index>{task_index{3}, task_index{4}, task_index{5}});
    REQUIRE(tight.explanations.size() == 3);
    CHECK(tight.explanations[0][refusal::whole_gpus] == 1);

    // With room for one of the two, the reason is the rest of the group.
    const plan roomy = greedy{first_fit{}}.run(
        problem{machines, work},
        [](const problem&) {
            return std::vector<task_index>{task_index{2}, task_index{5}, task_index{3}, task_index{4}};
        },
        {}, explain_left_out::yes);
    REQUIRE(roomy.explanations.size() == 2);
    CHECK(roomy.explanations[0].task == task_index{3});
    CHECK(roomy.explanations[0][refusal::group] == 1);
    // Tasks missing from the order are neither placed nor left out.
    CHECK(!roomy.assignment[0].placed());
    CHECK(roomy.counters.placed + roomy.counters.rejected == 4);
}

TEST_CASE("a model that no GPU is any more: the others are used, and a task with none left waits with that reason") {
    const auto machines = hand_fleet({{{1000}, 8, 8, "A100"}, {{1000}, 8, 8, "A100"}, {{1000}, 8, 8, "T4"}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 1000, .accepted = {"H100", "A100"}},
                                               {.gpus = 1, .share = 1000, .accepted = {"H100"}},
                                               {.gpus = 1, .share = 1000}});
    const auto check = [&](const auto& any_policy) {
        const plan some = any_policy.run(problem{machines, work}, arrival_order{}, {}, explain_left_out::yes);
        CHECK(some.assignment[0].node.value() < 2);
        CHECK(some.left_out == std::vector<task_index>{task_index{1}});
        REQUIRE(some.explanations.size() == 1);
        CHECK(some.explanations[0].never());
        CHECK(some.explanations[0].accepting == 0);
    };
    check(policy);
    check(greedy{});
    check(greedy{fgd{}});
}

TEST_CASE("an order's unknown and repeated tasks are skipped and counted") {
    const auto [machines, work] = random_problem(6);
    const problem p{machines, work};
    const plan clean = policy.run(p, arrival_order{}, {}, explain_left_out::yes);
    CHECK(clean.counters.skipped == 0);
    const auto muddled = [](const problem& problem) {
        std::vector<task_index> order{task_index{problem.workload().task_count()}, task_index{}};
        for (const task_index t : arrival_order{}(problem))
            order.insert(order.end(), {t, t, task_index{4'000'000'000}});
        for (const task_index t : arrival_order{}(problem)) order.push_back(t);
        return order;
    };
    const auto check = [&](const auto& any_policy) {
        hooks seen;
        const plan same =
            any_policy.run(p, muddled, run_control<never_stop, recorder>{.observer = {&seen}}, explain_left_out::yes);
        CHECK(same.assignment == clean.assignment);
        CHECK(same.left_out == clean.left_out);
        CHECK(same.explanations.size() == clean.explanations.size());
        CHECK(same.counters.skipped == 2 + 3 * work.task_count());
        CHECK(same.counters.placed == clean.counters.placed);
        CHECK(same.counters.rejected == clean.counters.rejected);
        CHECK(seen.steps == 2 + 4 * work.task_count());
    };
    check(policy);
    check(policy.exhaustive());
}

static_assert(std::is_same_v<greedy<>, greedy<scarcity, best_scored_gpu, lowest_index>>);
static_assert(std::is_same_v<decltype(greedy{}), greedy<>>);
static_assert(std::is_same_v<decltype(greedy{scarcity{}}), greedy<>>);
static_assert(std::is_same_v<decltype(greedy{fgd{}}), greedy<fgd, tightest_gpu>>);
static_assert(std::is_same_v<decltype(greedy{best_fit{}, first_gpu{}}), greedy<best_fit, first_gpu>>);
static_assert(std::is_default_constructible_v<greedy<best_fit>>);

TEST_CASE("the default policy is scarcity with the GPU selection that it names") {
    const greedy standard{};
    const greedy<> also{};
    const greedy written{scarcity{}, best_scored_gpu{}, lowest_index{}};
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        const auto [machines, work] = random_problem(seed);
        const problem p{machines, work};
        const plan expected = written.run(p);
        CHECK(standard.run(p).assignment == expected.assignment);
        CHECK(also.run(p).assignment == expected.assignment);
        CHECK(standard.exhaustive().run(p).assignment == expected.assignment);
    }
}

TEST_CASE("explanations only when asked for, and without effect on the plan") {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        const auto [machines, work] = random_problem(seed);
        const problem p{machines, work};
        for (const std::uint64_t budget : {std::uint64_t{300}, ~std::uint64_t{0}}) {
            const plan quiet = policy.run(p, arrival_order{}, run_control<>{.max_evaluations = budget});
            const plan told =
                policy.run(p, arrival_order{}, run_control<>{.max_evaluations = budget}, explain_left_out::yes);
            CHECK(quiet.explanations.empty());
            REQUIRE(told.explanations.size() == told.left_out.size());
            for (std::size_t i = 0; i < told.left_out.size(); ++i) {
                CHECK(told.explanations[i].task == told.left_out[i]);
                CHECK(told.explanations[i].nodes == machines.node_count());
            }
            CHECK(told.assignment == quiet.assignment);
            CHECK(told.counters == quiet.counters);
        }
    }
}

TEST_CASE("an evaluation budget gives a valid part of the plan, the same every time") {
    const auto [machines, work] = random_problem(9, {.gangs = false});
    const problem p{machines, work};
    const plan whole = policy.run(p);
    const plan none = policy.run(p, arrival_order{}, run_control<>{.max_evaluations = 0});
    CHECK(none.stopped == stop_reason::budget_exhausted);
    CHECK(placed_in(none.assignment) == 0);
    CHECK(none.left_out.empty());
    std::size_t earlier = 0;
    for (std::uint64_t budget = 1; budget < whole.counters.evaluations; budget += 37) {
        const plan part = policy.run(p, arrival_order{}, run_control<>{.max_evaluations = budget});
        const plan again = policy.run(p, arrival_order{}, run_control<>{.max_evaluations = budget});
        REQUIRE(part.assignment == again.assignment);
        REQUIRE(part.stopped == stop_reason::budget_exhausted);
        REQUIRE(part.counters.placed == placed_in(part.assignment));
        REQUIRE(part.counters.placed >= earlier);
        earlier = part.counters.placed;
        REQUIRE(make_ledger(p, part.assignment).has_value());
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            if (part.assignment[t].placed()) REQUIRE(part.assignment[t] == whole.assignment[t]);
        }
    }
    const plan enough =
        policy.run(p, arrival_order{}, run_control<>{.max_evaluations = whole.counters.evaluations + 1});
    CHECK(enough.stopped == stop_reason::completed);
    CHECK(enough.assignment == whole.assignment);
}

TEST_CASE("stop token, deadline in the past, observer") {
    const auto [machines, work] = random_problem(10, {.gangs = false});
    const problem p{machines, work};
    const plan whole = policy.run(p);

    const plan stopped =
        policy.run(p, arrival_order{}, run_control<stop_after>{.stop = {std::make_shared<int>(0), 20}});
    CHECK(stopped.stopped == stop_reason::cancelled);
    CHECK(stopped.counters.placed + stopped.counters.rejected == 20);
    for (std::size_t t = 0; t < work.task_count(); ++t) {
        CHECK(stopped.assignment[t] == (t < 20 ? whole.assignment[t] : unplaced));
    }

    const plan late = policy.run(
        p, arrival_order{},
        run_control<berth::deadline<>>{.stop = {std::chrono::steady_clock::now() - std::chrono::seconds{1}}});
    CHECK(late.stopped == stop_reason::deadline_reached);
    CHECK(placed_in(late.assignment) == 0);

    hooks seen;
    const plan watched = policy.run(p, arrival_order{}, run_control<never_stop, recorder>{.observer = {&seen}});
    CHECK(watched.assignment == whole.assignment);
    CHECK(seen.begun == 1);
    CHECK(seen.steps == work.task_count());
    CHECK(seen.ended == 1);
    CHECK(seen.last.total == work.task_count());
    CHECK(seen.last.evaluations == watched.counters.evaluations);

    hooks cut;
    (void)policy.run(p, arrival_order{},
                     run_control<stop_after, recorder>{.stop = {std::make_shared<int>(0), 5}, .observer = {&cut}});
    CHECK(cut.steps == 5);
    CHECK(cut.ended == 1);
}

TEST_CASE("an empty workload") {
    const auto machines = hand_fleet({{{1000}, 0}});
    const auto work = hand_workload(machines, {});
    const problem p{machines, work};
    CHECK(policy.run(p).assignment.empty());
    CHECK(greedy{fgd{}, best_scored_gpu{}}.run(p).stopped == stop_reason::completed);
}

TEST_CASE("the same plan on every compiler") {
    const auto [machines, work] = random_problem(2024, {.nodes = 80, .tasks = 500, .shapes = 30, .gpu_counters = 2});
    const problem p{machines, work};
    const auto hash_of = [&](const auto& any_policy, const auto& order) {
        const plan plan = any_policy.run(p, order);
        CHECK(plan.assignment == any_policy.exhaustive().run(p, order).assignment);
        return hash(plan.assignment);
    };
    CHECK(hash_of(greedy{fgd{}, best_scored_gpu{}, random_order{1}}, arrival_order{}) == 0xdde5883f1840c2a4ULL);
    CHECK(hash_of(greedy{best_fit{}}, largest_first{}) == 0xb4728700c95d5845ULL);
    CHECK(hash_of(greedy{tiers{gpu_clustering{}, dot_product{}}, loosest_gpu{}}, scarcest_first{}) ==
          0x9ab9fdebacce7e65ULL);
    CHECK(hash_of(greedy{random_score{5}, random_gpu{6}}, shuffled{7}) == 0x663f4b023b23385bULL);
    CHECK(hash_of(
              greedy{weighted_sum{weighted{0.1, rescaled{power_score{}}}, weighted{0.9, fgd{}}}, gpu_scored_by{fgd{}}},
              priority_first{}) == 0x1dfb74171e2cf8c8ULL);
}
