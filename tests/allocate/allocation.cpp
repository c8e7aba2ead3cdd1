// SPDX-License-Identifier: Apache-2.0
// Counts heap allocations; the counting operator new is this file's.
#include "berth/allocate/assignment/batch/population_evaluator.hpp"
#include "berth/allocate/genetic/crossover/gpu_bundle.hpp"
#include "berth/allocate/genetic/genetic.hpp"
#include "berth/allocate/search/local_search.hpp"
#include "berth/core/thread_pool.hpp"
#include "berth/objective/terms/assignment_cost.hpp"
#include "berth/objective/terms/capacity_excess.hpp"

#include "allocate/assignment/gap_instances.hpp"
#include "allocate/greedy/agreement.hpp"
#include "common/counting_new.hpp"

using namespace berth;
using namespace berth_test;

namespace {

template <class Score, class GpuSelection>
void steady_state_allocates_nothing(const Score& score, const GpuSelection& selection) {
    const auto [machines, work] = random_problem(11, {.nodes = 60, .tasks = 200, .gangs = false});
    auto placer = greedy{score, selection, random_order{1}}.start(problem{machines, work});
    std::vector<slot> slots(work.task_count(), unplaced);
    const auto place_everything = [&] {
        for (std::size_t t = 0; t < work.task_count(); ++t) slots[t] = placer.place(task_index{t});
    };
    const auto remove_everything = [&] {
        for (std::size_t t = 0; t < work.task_count(); ++t) {
            if (slots[t].placed()) placer.remove(task_index{t}, slots[t]);
        }
    };
    place_everything();
    remove_everything();
    CHECK(allocations_of([&] {
              for (int round = 0; round < 3; ++round) {
                  place_everything();
                  remove_everything();
              }
              place_everything();
          }) == 0);
    // A what-if allocates only the slots that it returns.
    std::vector<task_index> few{task_index{0}, task_index{1}};
    remove_everything();
    (void)placer.place_all(few);
    CHECK(allocations_of([&] { (void)placer.place_all(few); }) <= 1);
}

}  // namespace

TEST_CASE("placing and removing allocate nothing in steady state") {
    steady_state_allocates_nothing(fgd{}, best_scored_gpu{});
    steady_state_allocates_nothing(best_fit{}, tightest_gpu{});
    steady_state_allocates_nothing(scarcity{}, best_scored_gpu{});
    steady_state_allocates_nothing(scarcity{.reprice_after = 0.0}, best_scored_gpu{});  // prices at every decision
    steady_state_allocates_nothing(gpu_clustering{}, tightest_gpu{});
    steady_state_allocates_nothing(weighted_sum{weighted{0.1, rescaled{power_score{}}}, weighted{0.9, fgd{}}},
                                   gpu_scored_by{fgd{}});
    steady_state_allocates_nothing(tiers{gpu_packing{}, best_fit{}}, tightest_gpu{});
    steady_state_allocates_nothing(random_score{1}, random_gpu{1});
    steady_state_allocates_nothing([](const candidate& c) { return static_cast<double>(c.node.gpu_count()); },
                                   first_gpu{});
}

namespace {

/// A gang that needs the search for another combination; every allocation on the way fails once.
template <class Score>
std::uint64_t failed_allocations_leave_nothing(const Score& score, bool same_model = false) {
    const auto machines = hand_fleet({{{1000, 500}, 6}, {{1000}, 4}, {{700}, 3}, {{300}, 1, 9, "T4"}});
    const auto work = hand_workload(machines, {{.gpus = 1, .share = 500, .cpu = 3, .copies = 2},
                                               {.gpus = 1, .share = 400, .cpu = 2, .copies = 3},
                                               {.gpus = 0, .cpu = 1}});
    const std::vector<task_index> gang{task_index{1}, task_index{2}, task_index{0}, task_index{3}, task_index{4}};
    const problem p{machines, work};
    auto spared = greedy{score}.start(p);
    REQUIRE(spared.place(task_index{5}).placed());
    const gang_options options{.same_model = same_model};
    const auto expected = spared.place_gang(gang, options);
    std::size_t failures = 0;
    for (std::size_t n = 1;; ++n) {
        auto placer = greedy{score}.start(p);
        (void)placer.place(task_index{5});
        const ledger before = placer.ledger();
        gang_placement found;
        if (!throws_at(n, [&] { found = placer.place_gang(gang, options); })) {
            REQUIRE(found.slots == expected.slots);
            break;
        }
        ++failures;
        REQUIRE(placer.ledger() == before);
        found = placer.place_gang(gang, options);
        REQUIRE(found.slots == expected.slots);
        REQUIRE(placer.ledger() == spared.ledger());
    }
    CHECK(failures > 0);
    return expected.steps;
}

}  // namespace

TEST_CASE("a gang that runs out of memory leaves nothing in the ledger, and is placed later") {
    std::uint64_t steps = failed_allocations_leave_nothing(best_fit{});
    steps += failed_allocations_leave_nothing(fgd{});
    steps += failed_allocations_leave_nothing(scarcity{});
    steps += failed_allocations_leave_nothing(best_fit{}, true);
    steps += failed_allocations_leave_nothing(scarcity{}, true);
    steps += failed_allocations_leave_nothing(
        [](const candidate& c) { return static_cast<double>(c.node.index.value() % 2); });
    CHECK(steps > 0);
}

namespace {

/// A search that has run for a while continues without a single allocation.
template <class Search, class Objective>
void steady_search_allocates_nothing(const Search& search, const problem& p, const Objective& wish,
                                     const assignment& start) {
    auto state = search.start(p, wish, start);
    run_control<> first{.max_evaluations = 3'000};
    (void)state.improve(first);
    run_control<> second{.max_evaluations = 12'000};
    CHECK(allocations_of([&] { (void)state.improve(second); }) == 0);
    CHECK(state.evaluations() >= 12'000);
}

}  // namespace

TEST_CASE("a local search allocates nothing in steady state") {
    const auto [machines, work] = random_problem(12, {.nodes = 20, .tasks = 100});
    const problem p{machines, work};
    const assignment start = greedy{best_fit{}}.run(p).assignment;
    const auto cost = [](task_index t, gpu_index g) {
        return static_cast<double>((t.value() * 7 + g.value() * 13) % 29);
    };
    const objective wish{tier(capacity_excess{}, left_out{}), tier(assignment_cost_term{cost})};
    const local_search_options options{.patience = 500, .max_restarts = local_search_options::without_end};
    const auto tried = neighbourhoods{shift{},          berth::swap{},       chain{3},  shift_group{},
                                      ejection_chain{}, ruin_and_recreate{}, take_out{}};
    steady_search_allocates_nothing(local_search{options}, p, wish, start);
    steady_search_allocates_nothing(local_search{tried, late_acceptance{}, any_node{}, options}, p, wish, start);
    steady_search_allocates_nothing(local_search{tried, annealing{}, cheapest_gpus{cost, 4}, options}, p, wish, start);
    steady_search_allocates_nothing(local_search{tried, record_to_record{}, any_node{}, options}, p, wish, start);
}

TEST_CASE("evaluating populations allocates nothing after prepare") {
    const auto cost = [](task_index t, gpu_index g) {
        return static_cast<double>((t.value() * 7 + g.value() * 3) % 19);
    };
    const auto load = [](task_index t, gpu_index g) { return static_cast<amount>(1 + (t.value() + g.value()) % 5); };
    const std::vector<amount> capacities(13, 9);
    const assignment_problem problem{std::size_t{40}, cost, load, capacities};
    std::vector<std::uint16_t> genes;
    for (std::size_t i = 0; i < 101 * 40; ++i) genes.push_back(static_cast<std::uint16_t>(i * i % 13));
    std::vector<assignment_value> values(101);
    std::vector<amount> loads(std::size_t{101} * 13);
    thread_pool pool{3};
    for (const bool narrow : {true, false}) {
        const auto packed = need(pack_assignments(problem, {.narrow_words = narrow}));
        const auto check = [&](const auto& evaluator) {
            auto state = evaluator.prepare(packed);
            CHECK(allocations_of([&] {
                      for (const std::size_t rows : {101U, 5U, 0U, 64U}) {
                          const population_view<std::uint16_t> population{genes.data(), rows, 40};
                          const std::span<assignment_value> first{values.data(), rows};
                          state.evaluate(population, first);
                          state.evaluate(population, first, {loads.data(), rows, 13});
                      }
                  }) == 0);
        };
        check(scalar_evaluator{});
        check(tiled_evaluator{});
        check(tiled_evaluator{{.individuals = 9}});
        check(threaded_evaluator{&pool});
    }
}

TEST_CASE("a generation of genetic allocation allocates nothing") {
    const type_d d{6, 60, 1};
    const priced_problem p{d.problem()};
    const auto second_generation_allocates_nothing = [&](const auto& genetic) {
        auto run = genetic.start(p);
        for (std::size_t i = 0; i < genetic.members() + 1; ++i) run.step();
        CHECK(allocations_of([&] {
                  for (int i = 0; i < 20; ++i) run.step();
              }) == 0);
    };
    second_generation_allocates_nothing(genetic<>{.islands = {.count = 2, .interval = 3}});
    second_generation_allocates_nothing(genetic<>{.restart_after = 4}.with_crossover(gpu_bundle{}));
    second_generation_allocates_nothing(textbook_genetic{.population = 20});
    second_generation_allocates_nothing(textbook_genetic{.population = 20}.with_initialisation(randomised_greedy{}));
}
