// SPDX-License-Identifier: Apache-2.0
// Counts heap allocations; the counting operator new is this file's.
#include "allocate/agreement.hpp"
#include "common/counting_new.hpp"

using namespace berth;
using namespace berth_test;

namespace {

template <class Score, class Devices>
void steady_state_allocates_nothing(const Score& score, const Devices& devices) {
    const auto [machines, work] = random_problem(11, {.nodes = 60, .tasks = 200, .gangs = false});
    auto placer = greedy{score, devices, random_order{1}}.start(problem{machines, work});
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
    // A what-if costs the slots it returns.
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
