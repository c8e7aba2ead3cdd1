// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/makespan/makespan_search.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct table {
    std::size_t tasks;
    std::size_t gpus;
    std::vector<amount> loads;

    table(std::uint64_t seed, std::size_t n, std::size_t m, std::size_t top) : tasks{n}, gpus{m}, loads(n * m) {
        xoshiro256 g{seed};
        for (auto& load : loads) load = static_cast<amount>(1 + below(g, top));
    }
    [[nodiscard]] auto problem() const {
        return makespan_problem{tasks, gpus, matrix_load{{loads.data(), tasks, gpus}}};
    }
    [[nodiscard]] amount makespan_of(std::span<const gpu_index> gpu_of) const {
        std::vector<amount> carried(gpus, 0);
        for (std::size_t t = 0; t < tasks; ++t) carried[gpu_of[t].value()] += loads[t * gpus + gpu_of[t].value()];
        return *std::max_element(carried.begin(), carried.end());
    }
    [[nodiscard]] amount brute_force() const {
        amount best = std::numeric_limits<amount>::max();
        gpu_assignment at(tasks, gpu_index{0});
        for (;;) {
            best = std::min(best, makespan_of(at));
            std::size_t t = 0;
            while (t < tasks && at[t].value() + 1 == gpus) at[t++] = gpu_index{0};
            if (t == tasks) return best;
            at[t] = gpu_index{at[t].value() + 1};
        }
    }
};

}  // namespace

TEST_CASE("makespan by hand") {
    // GPU 0 is twice as fast for every task: 4 + 2 there, 6 on the other.
    const amount loads[] = {4, 8, 2, 4, 3, 6};
    const makespan_problem p{3, 2, matrix_load{{loads, 3, 2}}};
    const auto bound = bound_makespan(p);
    CHECK(bound.value == doctest::Approx(6.0));
    CHECK(bound.rounded == 6);
    const auto plan = makespan_search{}.run(p);
    CHECK(plan.makespan == 6);
    CHECK(plan.optimal());
    CHECK(plan.stopped == stop_reason::completed);
}

TEST_CASE("the bound is below and the search attains the optimum of small problems") {
    std::size_t proven = 0;
    for (std::uint64_t seed = 1; seed <= 80; ++seed) {
        CAPTURE(seed);
        const table t{seed, 2 + seed % 6, 1 + seed % 4, seed % 3 == 0 ? 4U : 40U};
        const amount best = t.brute_force();
        const auto bound = bound_makespan(t.problem(), 60);
        CHECK(bound.rounded <= best);
        CHECK(bound.value <= static_cast<double>(best) + 1e-9);
        const auto plan = makespan_search{.seed = seed, .max_attempt_evaluations = 500, .patience = 8}.run(t.problem());
        CHECK(plan.makespan == best);
        CHECK(t.makespan_of(plan.gpu_of) == plan.makespan);
        CHECK(plan.lower_bound == bound_makespan(t.problem()).rounded);
        proven += plan.optimal() ? 1 : 0;
    }
    CHECK(proven > 25);
}

TEST_CASE("a makespan search is never worse than its start and repeats itself") {
    const table t{11, 60, 8, 100};
    const auto best = makespan_search{.max_attempt_evaluations = 5000, .patience = 3}.run(t.problem());
    const auto again = makespan_search{.seed = 2, .max_attempt_evaluations = 10}.run(
        t.problem(), best.gpu_of, run_control<>{.max_evaluations = 0});
    CHECK(again.makespan <= best.makespan);
    CHECK((again.stopped == stop_reason::budget_exhausted || again.optimal()));
    const auto once = makespan_search{.seed = 3}.run(t.problem(), {}, run_control<>{.max_evaluations = 60'000});
    const auto twice = makespan_search{.seed = 3}.run(t.problem(), {}, run_control<>{.max_evaluations = 60'000});
    CHECK(once.gpu_of == twice.gpu_of);
    CHECK(once.evaluations == twice.evaluations);
    CHECK(once.evaluations <= 61'000);
}

TEST_CASE("a makespan search that a clock ends within an attempt has cooled by then") {
    const table t{5, 400, 20, 100};
    struct clock {
        double* now;
        bool has_end;
        [[nodiscard]] static bool stop_requested() { return false; }
        [[nodiscard]] bool deadline_reached() const { return (*now += 0.005) >= 1.0; }
        [[nodiscard]] double elapsed() const { return *now; }
        [[nodiscard]] bool bounded() const { return has_end; }
    };
    // 200 polls of 500 evaluations, of an attempt of a million.
    const makespan_search search{.max_attempt_evaluations = 1'000'000, .max_bound_iterations = 1};
    const auto run = [&](bool cools) {
        double now = 0.0;
        return search.run(t.problem(), {}, run_control<clock>{.stop = {&now, cools}});
    };
    const auto cold = run(true);
    const auto hot = run(false);
    CHECK(cold.stopped == stop_reason::deadline_reached);
    CHECK(hot.stopped == stop_reason::deadline_reached);
    CHECK(cold.accepted * 10 < hot.accepted * 9);
    CHECK(t.makespan_of(cold.gpu_of) == cold.makespan);
}

TEST_CASE("gaps of a start are filled greedily") {
    const table t{7, 20, 4, 50};
    const auto good = makespan_search{}.run(t.problem(), {}, run_control<>{.max_evaluations = 100'000});
    gpu_assignment damaged(good.gpu_of.begin(), good.gpu_of.begin() + 18);
    damaged[3] = gpu_index{};
    damaged[5] = gpu_index{99};
    for (const std::size_t size : {1U, 18U, 25U}) {
        damaged.resize(size, gpu_index{0});
        const auto plan = makespan_search{}.run(t.problem(), damaged, run_control<>{.max_evaluations = 0});
        REQUIRE(plan.gpu_of.size() == 20);
        CHECK(t.makespan_of(plan.gpu_of) == plan.makespan);
    }
}

TEST_CASE("nothing to do") {
    const makespan_problem none{0, 3, [](task_index, gpu_index) -> amount { return 1; }};
    CHECK(makespan_search{}.run(none).optimal());
    const makespan_problem idle{4, 2, [](task_index, gpu_index) -> amount { return 0; }};
    const auto plan = makespan_search{}.run(idle);
    CHECK(plan.makespan == 0);
    CHECK(plan.optimal());
    const makespan_problem one{4, 1, [](task_index, gpu_index) -> amount { return 5; }};
    CHECK(makespan_search{}.run(one).makespan == 20);
}
