// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/lagrangian_bound.hpp"

#include "allocate/assignment/allocator_kit.hpp"
#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// L(u) from its formula.
template <class Problem>
double dual_value(const Problem& p, const lagrangian_bound& bound) {
    double value = 0.0;
    for (std::size_t t = 0; t < p.tasks; ++t) {
        double lowest = std::numeric_limits<double>::infinity();
        for (std::size_t g = 0; g < p.capacities.size(); ++g) {
            if (p.load(task_index{t}, gpu_index{g}) > p.capacities[g]) continue;
            lowest = std::min(lowest, reduced_cost(p, bound, task_index{t}, gpu_index{g}));
        }
        value += lowest;
    }
    for (std::size_t g = 0; g < p.capacities.size(); ++g) {
        value -= bound.prices[g] * static_cast<double>(p.capacities[g]);
    }
    return value;
}

/// One task a row.
auto table_problem(const std::vector<double>& costs, const std::vector<amount>& loads,
                   const std::vector<amount>& capacities) {
    const std::size_t gpus = capacities.size();
    const std::size_t tasks = costs.size() / gpus;
    return assignment_problem{tasks, matrix_cost{{costs.data(), tasks, gpus}}, matrix_load{{loads.data(), tasks, gpus}},
                              std::span<const amount>{capacities}};
}

}  // namespace

TEST_CASE("the bound is L of its prices and never above the optimum") {
    int feasible = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const gap_instance d = seed % 3 == 0 ? odd_instance(4, 8, seed)
                                             : type_d{2 + seed % 3, 3 + seed % 6, seed, seed % 2 == 0 ? 80 : 130};
        const auto bound = bound_assignments(d.problem());
        CAPTURE(seed);
        const double optimum = cheapest(d);
        if (bound.value == std::numeric_limits<double>::infinity()) {
            CHECK(optimum == bound.value);
            continue;
        }
        CHECK(bound.value == doctest::Approx(dual_value(d.problem(), bound)));
        for (const double price : bound.prices) CHECK(price >= 0.0);
        CHECK(bound.rounded >= bound.value - 1e-6);
        if (optimum == std::numeric_limits<double>::infinity()) continue;
        ++feasible;
        CHECK(bound.value <= optimum + 1e-9 * std::abs(optimum) + 1e-9);
        CHECK(bound.rounded <= optimum + 1e-9);
    }
    CHECK(feasible > 100);
}

TEST_CASE("a bound worked out by hand") {
    // Two tasks are cheapest on GPU 0, which holds one: the price of its capacity rises to the cost of the cheaper move, 3.
    const std::vector<double> costs{1.0, 4.0, 2.0, 9.0};
    const std::vector<amount> loads{1, 1, 1, 1};
    const std::vector<amount> capacities{1, 1};
    const auto bound = bound_assignments(table_problem(costs, loads, capacities));
    CHECK(bound.value == doctest::Approx(6.0));
    CHECK(bound.rounded == 6.0);
    CHECK(bound.prices[1] == 0.0);
    // Room for one task and a half is no better, but the relaxation moves half a task: 2 + (1 + 4) / 2.
    const std::vector<amount> twice{2, 2, 2, 2};
    const std::vector<amount> three{3, 4};
    const auto halved = bound_assignments(table_problem(costs, twice, three));
    CHECK(halved.value == doctest::Approx(4.5));
    CHECK(halved.rounded == 5.0);
}

TEST_CASE("a bound follows shifts and scales of the costs") {
    const type_d d{5, 40, 9};
    const double value = bound_assignments(d.problem()).value;
    gap_instance moved = d;
    for (double& cost : moved.costs) cost = 0.25 * cost - 100.0;
    const auto bound = bound_assignments(moved.problem());
    CHECK(bound.value == doctest::Approx(0.25 * value - 4000.0));
    CHECK(bound.rounded == bound.value);
}

TEST_CASE("pairs that do not fit and loads of 0 are bounded correctly") {
    const std::vector<double> costs{1.0, 7.0, 2.0, 5.0};
    const std::vector<amount> loads{9, 1, 0, 0};
    const auto excluded = bound_assignments(table_problem(costs, loads, {3, 3}));
    CHECK(excluded.value == 9.0);  // 7 for the task that GPU 0 cannot hold
    const auto nothing = bound_assignments(table_problem({1.0, 7.0}, {0, 0}, {0, 0}));
    CHECK(nothing.value == 1.0);
    const auto never = bound_assignments(table_problem({1.0, 7.0}, {4, 5}, {3, 3}));
    CHECK(never.value == std::numeric_limits<double>::infinity());
    CHECK(never.rounded == std::numeric_limits<double>::infinity());
    CHECK(never.prices == std::vector<double>{0.0, 0.0});
    const auto lonely = bound_assignments(table_problem({-2.5, -1.0}, {1, 1}, {2}));
    CHECK(lonely.value == -3.5);
    CHECK(lonely.rounded == -3.5);
    const auto crowded = bound_assignments(table_problem({-2.0, -1.0}, {2, 2}, {3}));
    CHECK(crowded.value > -3.0);  // infeasible: any price helps
}

TEST_CASE("whole bounds are rounded up with care") {
    CHECK(detail::round_bound(41.2, 100.0, 50) == 42.0);
    CHECK(detail::round_bound(42.0, 100.0, 50) == 42.0);
    CHECK(detail::round_bound(42.0 + 1e-12, 100.0, 50) == 42.0);
    CHECK(detail::round_bound(-41.2, 100.0, 50) == -41.0);
    CHECK(detail::round_bound(0x1p60, 0x1p60, 1000) < 0x1p60);
    CHECK(detail::whole_costs(std::vector<double>{1.0, -3.0, std::numeric_limits<double>::infinity()}));
    CHECK_FALSE(detail::whole_costs(std::vector<double>{1.0, 2.5}));
}

TEST_CASE("without scarcity the bound is the sum of the cheapest costs and prices are 0") {
    const type_d d{4, 30, 7, 1000};
    double sum = 0.0;
    for (std::size_t t = 0; t < 30; ++t) {
        sum += std::min({d.costs[4 * t], d.costs[4 * t + 1], d.costs[4 * t + 2], d.costs[4 * t + 3]});
    }
    const auto bound = bound_assignments(d.problem());
    CHECK(bound.value == sum);
    CHECK(bound.iterations < 2);
    CHECK(bound.prices == std::vector<double>(4, 0.0));
}

TEST_CASE("the default iterations come within a hundredth of a per cent of twenty times as many") {
    for (const std::size_t gpus : {5U, 20U, 40U}) {
        const type_d d{gpus, 200, gpus};
        const double quick = bound_assignments(d.problem()).value;
        const double thorough = bound_assignments(d.problem(), {.max_iterations = 20'000, .patience = 200}).value;
        CAPTURE(gpus);
        CHECK(gap_percent(thorough, quick) < 0.01);
    }
}

TEST_CASE("a problem without tasks is bounded by 0") {
    const type_d d{3, 0, 1};
    CHECK(bound_assignments(d.problem()).value == 0.0);
}

TEST_CASE("a bound that is stopped ends within an interval of work and holds") {
    const type_d d{100, 1000, 3, 300};  // two polls or three an iteration
    const std::uint64_t interval = 65'536;
    std::uint64_t calls = 0;
    const assignment_problem counted{d.tasks,
                                     [&](task_index t, gpu_index g) {
                                         ++calls;
                                         return d.costs[t.value() * 100 + g.value()];
                                     },
                                     [&](task_index t, gpu_index g) { return d.loads[t.value() * 100 + g.value()]; },
                                     std::span<const amount>{d.capacities}};
    // While the tables are copied.
    std::uint64_t polls = 0;
    const auto none = bound_assignments(counted, {}, run_control<stop_at_poll>{.stop = {&polls, 0}});
    CHECK(none.stopped == stop_reason::cancelled);
    CHECK(none.value == -std::numeric_limits<double>::infinity());
    CHECK(none.rounded == none.value);
    CHECK(none.prices == std::vector<double>(100, 0.0));
    CHECK(calls <= interval + 100);
    CHECK(polls == 1);
    // Later: the best so far, at worst that of prices of 0.
    double before = 0.0;
    for (std::size_t t = 0; t < d.tasks; ++t) {
        before += *std::min_element(d.costs.begin() + static_cast<std::ptrdiff_t>(t * 100),
                                    d.costs.begin() + static_cast<std::ptrdiff_t>(t * 100 + 100));
    }
    for (const std::uint64_t last : {1U, 2U, 5U, 20U}) {
        polls = 0;
        const auto early = bound_assignments(d.problem(), {}, run_control<stop_at_poll>{.stop = {&polls, last}});
        CAPTURE(last);
        CHECK(early.stopped == stop_reason::cancelled);
        CHECK(early.iterations <= last);
        CHECK(polls == last + 1);
        CHECK(early.value >= before);
        CHECK(early.rounded >= early.value);
        CHECK(early.value == doctest::Approx(dual_value(d.problem(), early)));
        before = early.value;
    }
}

TEST_CASE("a budget of a bound reproduces, and a stop that is never requested changes nothing") {
    const type_d d{5, 60, 4};
    const run_control<> budget{.max_evaluations = 5 * 60 * 7};
    const auto seven = bound_assignments(d.problem(), {}, budget);
    CHECK(seven.stopped == stop_reason::budget_exhausted);
    CHECK(seven.iterations == 7);
    CHECK(seven.value == bound_assignments(d.problem(), {.max_iterations = 7}).value);
    const auto whole = bound_assignments(d.problem());
    std::uint64_t polls = 0;
    const auto watched = bound_assignments(d.problem(), {}, run_control<stop_at_poll>{.stop = {&polls, 1'000'000'000}});
    CHECK(watched.value == whole.value);
    CHECK(watched.prices == whole.prices);
    CHECK(watched.iterations == whole.iterations);
    CHECK(polls > whole.iterations);
}
