// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/makespan/makespan_bound.hpp"

#include "berth/allocate/assignment/makespan/makespan_search.hpp"
#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

using namespace berth;

TEST_CASE("the published instance of 1000 tasks on 100 GPUs: the linear program is at 16.098") {
    std::vector<amount> loads(std::size_t{1000} * 100);
    std::uint64_t state = 1;
    for (auto& load : loads) {
        load = 1 + static_cast<amount>(((splitmix64(state) >> 32U) * 100) >> 32U);
        state += 0x9e3779b97f4a7c15ULL;
    }
    const auto bound = bound_makespan(makespan_problem{1000, 100, matrix_load{{loads.data(), 1000, 100}}}, 120);
    CHECK(bound.value > 16.07);
    CHECK(bound.value <= 16.0985);
    CHECK(bound.rounded == 17);
}

TEST_CASE("where GPUs differ by a factor the bound is the total over all speeds, the largest task is one too") {
    const makespan_problem factors{50, 4, [](task_index t, gpu_index g) -> amount {
                                       return static_cast<amount>((1 + t.value()) * (1 + g.value()) * 12);
                                   }};
    CHECK(bound_makespan(factors, 1).value == doctest::Approx(12.0 * 1275.0 / (1.0 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4)));
    const makespan_problem single{3, 5, [](task_index t, gpu_index) -> amount { return t.value() == 1 ? 100 : 1; }};
    CHECK(bound_makespan(single).rounded == 100);
    CHECK(bound_makespan(single).value < 100.0);
    CHECK(bound_makespan(makespan_problem{0, 5, [](task_index, gpu_index) -> amount { return 1; }}).rounded == 0);
}

TEST_CASE("a makespan bound that is stopped ends within an interval of work and holds") {
    std::uint64_t calls = 0;
    const makespan_problem p{2000, 100, [&](task_index t, gpu_index g) -> amount {
                                 ++calls;
                                 return static_cast<amount>(1 + (t.value() * 7 + g.value() * 13) % 29);
                             }};
    const makespan_bound whole = bound_makespan(p, 20);
    CHECK(whole.stopped == stop_reason::completed);
    struct stops {
        std::uint64_t* polls;
        std::uint64_t last;
        [[nodiscard]] bool stop_requested() const { return ++*polls > last; }
    };
    for (const std::uint64_t last : {0U, 2U, 4U, 6U, 9U, 20U}) {
        calls = 0;
        std::uint64_t polls = 0;
        const makespan_bound early = bound_makespan(p, 20, run_control<stops>{.stop = {&polls, last}});
        CAPTURE(last);
        CHECK(early.stopped == stop_reason::cancelled);
        CHECK(polls == last + 1);
        CHECK(calls <= (last + 1) * 67'000);
        CHECK(early.rounded <= whole.rounded);
        CHECK(early.rounded >= 1);
    }
    const makespan_bound some = bound_makespan(p, 20, run_control<>{.max_evaluations = 3 * 200'000});
    CHECK(some.stopped == stop_reason::budget_exhausted);
    CHECK(some.value == bound_makespan(p, 3).value);
}

namespace {

/// The least makespan by enumeration; the largest amount if every assignment has an infinite load.
amount least_makespan(const std::vector<double>& loads, std::size_t tasks, std::vector<amount>& carried,
                      std::size_t t) {
    if (t == tasks) return *std::max_element(carried.begin(), carried.end());
    amount best = std::numeric_limits<amount>::max();
    for (std::size_t g = 0; g < carried.size(); ++g) {
        const double load = loads[t * carried.size() + g];
        if (load == std::numeric_limits<double>::infinity()) continue;
        carried[g] += static_cast<amount>(load);
        best = std::min(best, least_makespan(loads, tasks, carried, t + 1));
        carried[g] -= static_cast<amount>(load);
    }
    return best;
}

}  // namespace

TEST_CASE("bounds and proofs of makespans of 10^3 to 10^17 hold to the last digit") {
    int proven = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        xoshiro256 random{seed};
        const std::size_t gpus = 1 + bounded(random, 3);
        const std::size_t tasks = 1 + bounded(random, 6);
        std::uint64_t size = 1000;
        for (std::uint32_t zeros = bounded(random, 15); zeros > 0; --zeros) size *= 10;
        const bool near = bounded(random, 2) == 0;
        std::vector<double> loads;
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            const std::uint64_t load = near ? size + random() % 4 : random() % (size + 1);
            const bool forbidden = bounded(random, 6) == 0;
            loads.push_back(forbidden ? std::numeric_limits<double>::infinity() : static_cast<double>(load));
        }
        const auto load = [&](task_index t, gpu_index g) { return loads[t.value() * gpus + g.value()]; };
        std::vector<amount> carried(gpus, 0);
        const amount least = least_makespan(loads, tasks, carried, 0);
        const makespan_problem p{tasks, gpus, load};
        CAPTURE(seed);
        CHECK(bound_makespan(p).rounded <= least);
        if (least == std::numeric_limits<amount>::max()) continue;
        const makespan_plan plan = makespan_search{.max_attempt_evaluations = 500, .patience = 1}.run(p);
        CHECK(plan.makespan >= least);
        if (plan.optimal()) CHECK(plan.makespan == least);
        proven += plan.optimal() ? 1 : 0;
    }
    CHECK(proven > 20);
}
