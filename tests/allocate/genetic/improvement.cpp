// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/genetic/improvement.hpp"

#include "berth/allocate/assignment/priced_greedy.hpp"

#include "allocate/genetic/support.hpp"

#include <doctest/doctest.h>

using namespace berth;
using namespace berth_test;

namespace {

/// Any improvement on any problem: never worse, and everything kept up to date.
template <class Improvement>
void never_spoils(const Improvement& policy) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        const gap_instance d = odd_instance(6, 25, seed);
        if (d.tasks == 0) continue;
        const priced_problem p{d.problem()};
        auto improve = policy.prepare(p);
        xoshiro256 random{seed};
        individual i{p};
        for (int k = 0; k < 5; ++k) {
            i.assign(random_genome(d.tasks, d.gpus(), random));
            const amount excess = i.excess();
            const double cost = i.cost();
            (void)improve(i, random, 100'000);
            check_individual(d, i);
            CHECK((i.excess() < excess || (i.excess() == excess && i.cost() <= cost + 1e-9)));
        }
    }
}

}  // namespace

TEST_CASE("descent and any allocator never make an individual worse") {
    never_spoils(candidate_descent{});
    never_spoils(candidate_descent{.candidates = 100});
    never_spoils(improve_with{priced_greedy{.max_repairs = 50}});
}

TEST_CASE("descent ends where no shift or swap over the short lists helps") {
    const type_d d{8, 60, 4};
    const priced_problem p{d.problem()};
    individual i{p};
    xoshiro256 random{2};
    for (std::size_t t = 0; t < 60; ++t) i.move_task(t, t % 8);
    auto improve = candidate_descent{.candidates = 8}.prepare(p);
    const amount excess = i.excess();
    while (improve(i, random, 1'000'000) > 0) {
        const double before = i.cost();
        (void)improve(i, random, 1'000'000);
        if (i.cost() == before) break;
    }
    CHECK(i.excess() <= excess);
    for (std::size_t t = 0; t < 60; ++t) {
        for (std::size_t g = 0; g < 8; ++g) {
            if (g == i.gpu_of(t) || i.room(g) < p.load(t, g)) continue;
            CHECK(p.cost(t, g) >= p.cost(t, i.gpu_of(t)) - 1e-6);
        }
    }
}

TEST_CASE("improvement keeps to its budget") {
    const type_d d{20, 200, 4};
    const priced_problem p{d.problem()};
    individual i{p};
    xoshiro256 random{2};
    auto improve = candidate_descent{}.prepare(p);
    CHECK(improve(i, random, 0) == 0);
    CHECK(improve(i, random, 500) < 500 + 4 * 200);
    CHECK(no_improvement{}(i, random, 100) == 0);
}

TEST_CASE("an allocator as improvement gets another seed each time") {
    struct seeded {
        std::uint64_t seed = 0;
        std::vector<std::uint64_t>* seen = nullptr;
        assignment_plan run(const priced_problem& p, warm_start start, run_control<> control) const {
            seen->push_back(seed);
            CHECK(control.max_evaluations == 70);
            assignment_plan plan = p.plan_of({start.begin(), start.end()});
            plan.evaluations = 3;
            return plan;
        }
    };
    std::vector<std::uint64_t> seen;
    const type_d d{3, 10, 4};
    const priced_problem p{d.problem()};
    auto improve = improve_with{seeded{.seen = &seen}, 100}.prepare(p);
    individual i{p};
    xoshiro256 random{2};
    CHECK(improve(i, random, 70) == 3);
    CHECK(improve(i, random, 70) == 3);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] != seen[1]);
}
