// SPDX-License-Identifier: Apache-2.0
// Every allocator for assignment problems against an independent enumeration, on hundreds of tiny problems. A new one is a line in
// `against_enumeration`.
#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/dive.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/portfolio.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/genetic/genetic.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>

using namespace berth;
using namespace berth_test;

namespace {

struct tally {
    int solvable = 0;
    int solved = 0;
    int optimal = 0;
};

/// One run from nothing and one from a start, both with a small budget.
template <assignment_allocator Allocator>
void compare(const char* name, const Allocator& allocator, const gap_instance& d, const priced_problem& p,
             double optimum, const gpu_assignment& start, tally& of) {
    CAPTURE(name);
    const bool solvable = std::isfinite(optimum);
    const double tolerance = solvable ? 1e-9 * (1.0 + std::abs(optimum)) : 0.0;
    const run_control<> control{.max_evaluations = 4000};
    const assignment_plan plan = allocator.run(p, {}, control);
    check_plan(d, plan);
    CHECK(allocator.run(p, {}, control).gpu_of == plan.gpu_of);
    const assignment_plan warm = allocator.run(p, start, control);
    check_plan(d, warm);
    CHECK_FALSE(better(p.plan_of(start), warm));
    for (const assignment_plan* each : {&plan, &warm}) {
        if (!each->feasible()) continue;
        CHECK(each->cost >= optimum - tolerance);
        if (solvable) CHECK(each->lower_bound <= optimum + tolerance);
    }
    of.solvable += solvable ? 1 : 0;
    of.solved += plan.feasible() ? 1 : 0;
    of.optimal += plan.feasible() && plan.cost <= optimum + tolerance ? 1 : 0;
}

void against_enumeration(std::uint64_t first, std::uint64_t last) {
    tally greedy;
    tally memetic;
    tally textbook;
    tally composed;
    tally sliced;
    tally blocks;
    tally dived;
    tally in_sequence;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const gap_instance d = seed % 2 == 0 ? odd_instance(5, 12, seed) : gap_of_type("ABCDE"[seed % 5], 4, 12, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        const double optimum = pruned_enumeration{d}.optimum();
        CAPTURE(seed);
        xoshiro256 random{seed};
        gpu_assignment start;
        for (std::size_t t = 0; t < d.tasks; ++t) start.push_back(gpu_index{below(random, d.gpus())});

        const assignment_plan proven = exact{}.run(p);
        check_plan(d, proven);
        CHECK(proven.feasible() == std::isfinite(optimum));
        if (proven.feasible()) CHECK(proven.cost == doctest::Approx(optimum));
        compare("priced_greedy", priced_greedy{}, d, p, optimum, start, greedy);
        compare("block_search", block_search{.patience = 300}, d, p, optimum, start, blocks);
        compare("dive", dive{}, d, p, optimum, start, dived);
        compare("then", then{priced_greedy{.max_rebuild_evaluations = 500}, block_search{.patience = 100}, dive{}}, d,
                p, optimum, start, in_sequence);
        compare("portfolio", portfolio{}, d, p, optimum, start, composed);
        const slicing_options options{.max_turn_evaluations = 1000, .max_rounds = 3};
        compare("time_sliced", time_sliced{options, priced_greedy{}, limited{300, exact{}}}, d, p, optimum, start,
                sliced);
        if (seed % 16 > 1) continue;  // these take longer
        compare("genetic", genetic<>{}, d, p, optimum, start, memetic);
        compare("textbook_genetic", textbook_genetic{}, d, p, optimum, start, textbook);
    }
    CHECK(greedy.solvable * 2 > static_cast<int>(last - first));
    for (const tally& good : {greedy, composed, sliced, memetic, blocks, dived, in_sequence}) {
        CHECK(good.solved * 100 >= good.solvable * 95);
        CHECK(good.optimal * 100 >= good.solvable * 55);
    }
}

}  // namespace

TEST_CASE("allocators on tiny problems keep their contract and are never cheaper than the optimum") {
    against_enumeration(1, 600);
}
