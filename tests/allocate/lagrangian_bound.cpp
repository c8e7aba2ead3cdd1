// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/lagrangian_bound.hpp"

#include "berth/cost/pair_costs.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

/// Type D of the generalised assignment literature: loads 1..100, costs that fall with the load, tight capacities.
struct type_d {
    std::vector<double> costs;
    std::vector<amount> loads;
    std::vector<amount> capacities;
    std::size_t tasks;

    type_d(std::size_t gpus, std::size_t task_count, std::uint64_t seed, amount percent = 80) : tasks{task_count} {
        xoshiro256 g{seed};
        capacities.resize(gpus, 0);
        for (std::size_t i = 0; i < tasks * gpus; ++i) {
            loads.push_back(static_cast<amount>(1 + below(g, 100)));
            costs.push_back(static_cast<double>(111 - loads.back() + static_cast<amount>(below(g, 21)) - 10));
            capacities[i % gpus] += loads.back();
        }
        for (amount& capacity : capacities) capacity = capacity * percent / 100 / static_cast<amount>(gpus);
    }
    [[nodiscard]] auto problem() const {
        const std::size_t gpus = capacities.size();
        return assignment_problem{tasks, matrix_cost{{costs.data(), tasks, gpus}},
                                  matrix_load{{loads.data(), tasks, gpus}}, std::span<const amount>{capacities}};
    }
};

/// The optimum by trying everything; infinite if nothing fits.
double cheapest(const type_d& d, std::vector<amount>& room, std::size_t t = 0) {
    if (t == d.tasks) return 0.0;
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t g = 0; g < room.size(); ++g) {
        const std::size_t at = t * room.size() + g;
        if (room[g] < d.loads[at]) continue;
        room[g] -= d.loads[at];
        best = std::min(best, d.costs[at] + cheapest(d, room, t + 1));
        room[g] += d.loads[at];
    }
    return best;
}

/// L(u) from its formula.
template <class Problem>
double dual_value(const Problem& p, const lagrangian_bound& bound) {
    double value = 0.0;
    for (std::size_t t = 0; t < p.tasks; ++t) {
        double lowest = std::numeric_limits<double>::infinity();
        for (std::size_t g = 0; g < p.capacities.size(); ++g) {
            lowest = std::min(lowest, reduced_cost(p, bound, task_index{t}, gpu_index{g}));
        }
        value += lowest;
    }
    for (std::size_t g = 0; g < p.capacities.size(); ++g) {
        value -= bound.prices[g] * static_cast<double>(p.capacities[g]);
    }
    return value;
}

}  // namespace

TEST_CASE("the bound is L of its prices and never above the optimum") {
    int feasible = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const type_d d{2 + seed % 3, 3 + seed % 6, seed, seed % 2 == 0 ? 80 : 130};
        const auto bound = bound_assignments(d.problem());
        CAPTURE(seed);
        CHECK(bound.value == doctest::Approx(dual_value(d.problem(), bound)));
        CHECK(*std::min_element(bound.prices.begin(), bound.prices.end()) >= 0.0);
        auto room = d.capacities;
        const double optimum = cheapest(d, room);
        if (optimum == std::numeric_limits<double>::infinity()) continue;
        ++feasible;
        CHECK(bound.value <= optimum + 1e-9 * optimum);
    }
    CHECK(feasible > 100);
}

TEST_CASE("without scarcity the bound is the sum of the cheapest costs, and prices are 0") {
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

TEST_CASE("the default effort comes within a hundredth of a per cent of a hundred times as much") {
    for (const std::size_t gpus : {5U, 20U, 40U}) {
        const type_d d{gpus, 200, gpus};
        const double quick = bound_assignments(d.problem()).value;
        const double thorough = bound_assignments(d.problem(), {.max_iterations = 60'000, .patience = 300}).value;
        CAPTURE(gpus);
        CHECK(gap_percent(thorough, quick) < 0.01);
    }
}

TEST_CASE("candidate lists are the cheapest GPUs by reduced cost, in order") {
    const type_d d{9, 40, 3};
    const auto p = d.problem();
    const auto bound = bound_assignments(p);
    const candidate_lists some{p, bound, 4};
    const candidate_lists all{p, bound, 100};
    CHECK(some.width() == 4);
    CHECK(all.width() == 9);
    for (std::size_t t = 0; t < p.tasks; ++t) {
        std::vector<std::pair<double, std::size_t>> order;
        for (std::size_t g = 0; g < 9; ++g) order.push_back({reduced_cost(p, bound, task_index{t}, gpu_index{g}), g});
        std::sort(order.begin(), order.end());
        for (std::size_t k = 0; k < 9; ++k) {
            CHECK(all.of(task_index{t})[k].value() == order[k].second);
            if (k < 4) CHECK(some.of(task_index{t})[k].value() == order[k].second);
        }
    }
}

TEST_CASE("a problem without tasks is bounded by 0; a gap to 0 is infinite") {
    const type_d d{3, 0, 1};
    CHECK(bound_assignments(d.problem()).value == 0.0);
    CHECK(gap_percent(0.0, 0.0) == 0.0);
    CHECK(gap_percent(101.0, 100.0) == doctest::Approx(1.0));
    CHECK(gap_percent(1.0, 0.0) == std::numeric_limits<double>::infinity());
}
