// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/lagrangian_bound.hpp"

#include "allocate/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
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

TEST_CASE("a problem without tasks is bounded by 0") {
    const type_d d{3, 0, 1};
    CHECK(bound_assignments(d.problem()).value == 0.0);
}
