// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/warm_start.hpp"

#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/dive.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/portfolio.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"

#include "allocate/assignment/allocator_kit.hpp"
#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Starts that outside data may hold: too short, too long, without a GPU, on GPUs that do not exist.
std::vector<gpu_assignment> damaged(const gap_instance& d, std::uint64_t seed) {
    const gpu_assignment whole = anywhere(d, seed);
    std::vector<gpu_assignment> all{whole, whole, whole, whole, {gpu_index{d.gpus()}}};
    all[0].resize(d.tasks / 2);
    all[1].push_back(gpu_index{0});
    all[2][d.tasks / 3] = gpu_index{};
    all[3][d.tasks - 1] = gpu_index{d.gpus() + 100'000};
    return all;
}

template <assignment_allocator Allocator>
void completes(const Allocator& allocator, const gap_instance& d, const priced_problem& p, std::uint64_t seed) {
    for (const gpu_assignment& start : damaged(d, seed)) {
        const assignment_plan plan = allocator.run(p, start, {.max_evaluations = 3000});
        check_plan(d, plan);
        CHECK_FALSE(better(p.plan_of(complete_start(p, start)), plan));
    }
}

}  // namespace

TEST_CASE("gaps of a start are filled from the candidate lists, the rest stays") {
    gap_instance d;
    d.tasks = 3;
    d.costs = {1, 5, 1, 5, 9, 1};
    d.loads = {2, 2, 2, 2, 2, 2};
    d.capacities = {3, 9};
    const priced_problem p{d.problem()};
    const gpu_assignment one{gpu_index{0}};
    CHECK_FALSE(is_complete(p, one));
    // GPU 0 has no room for a second task.
    CHECK(complete_start(p, one) == gpu_assignment{gpu_index{0}, gpu_index{1}, gpu_index{1}});
    const gpu_assignment odd{gpu_index{7}, gpu_index{}, gpu_index{0}, gpu_index{0}};
    CHECK(complete_start(p, odd) == gpu_assignment{gpu_index{1}, gpu_index{1}, gpu_index{0}});
    const gpu_assignment whole{gpu_index{0}, gpu_index{0}, gpu_index{0}};
    CHECK(is_complete(p, whole));
    CHECK(complete_start(p, whole) == whole);
    CHECK(is_complete(p, {}));
    CHECK(complete_start(p, {}).empty());
    const priced_problem without_lists{d.problem(), {.candidates = 0}};
    CHECK(complete_start(without_lists, one) == gpu_assignment{gpu_index{0}, gpu_index{0}, gpu_index{0}});
    gap_instance none;
    none.capacities = {1};
    CHECK(complete_start(priced_problem{none.problem()}, one).empty());
}

TEST_CASE("every allocator completes damaged starts and is not worse than that") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        const gap_instance d = seed % 2 == 0 ? type_d{4, 15, seed} : gap_of_type('E', 3, 12, seed);
        const priced_problem p{d.problem()};
        completes(priced_greedy{}, d, p, seed);
        completes(block_search{}, d, p, seed);
        completes(dive{}, d, p, seed);
        completes(exact{}, d, p, seed);
        completes(then{priced_greedy{}, block_search{}}, d, p, seed);
        completes(best_of{priced_greedy{}, dive{}}, d, p, seed);
        completes(time_sliced{block_search{}, dive{}}, d, p, seed);
        completes(limited{1000, block_search{}}, d, p, seed);
        completes(portfolio{}, d, p, seed);
    }
    gap_instance none;
    none.capacities = {1, 1};
    const priced_problem empty{none.problem()};
    const gpu_assignment start{gpu_index{5}};
    CHECK(block_search{}.run(empty, start).gpu_of.empty());
    CHECK(dive{}.run(empty, start).gpu_of.empty());
    CHECK(exact{}.run(empty, start).gpu_of.empty());
    CHECK(priced_greedy{}.run(empty, start).gpu_of.empty());
}
