// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/reassignment_cooling.hpp"

#include "berth/allocate/reassignment/reassignment_search.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace berth;
using namespace berth_test;
using berth::detail::island_cooling;
using berth::detail::reassignment_cooling;

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

/// One resource of weight 10, ten tasks with a demand of 6: an average task has a load cost of 60.
reassignment_problem sixty() {
    reassignment_input in = random_reassignment({.nodes = 2, .tasks = 10, .groups = 10, .resources = 1}, 1);
    in.resources = {{.transient = false, .load_weight = 10}};
    in.balances.clear();
    in.demand.assign(10, 6);
    return need(make_reassignment_problem(in));
}

}  // namespace

TEST_CASE("reassignment cooling: from the first temperature and penalty to the last and beyond") {
    const reassignment_search_options options{
        .first_temperature = 0.5, .last_temperature = 0.01, .first_overload_penalty = 3, .last_overload_penalty = 300};
    const reassignment_cooling cooling{sixty(), options, unlimited};
    CHECK(cooling.temperature(0.0, 1.0) == doctest::Approx(30.0));
    CHECK(cooling.overload_penalty(0.0, 1.0) == 30);
    CHECK(cooling.temperature(reassignment_cooling::main_part, 1.0) == doctest::Approx(0.6));
    CHECK(cooling.overload_penalty(reassignment_cooling::main_part, 1.0) == doctest::Approx(3000).epsilon(0.001));
    CHECK(cooling.temperature(1.0, 1.0) == doctest::Approx(0.05));
    CHECK(cooling.overload_penalty(1.0, 1.0) == doctest::Approx(300'000).epsilon(0.001));
    double before = unlimited;
    for (int i = 0; i <= 100; ++i) {
        const double temperature = cooling.temperature(i / 100.0, 1.0);
        CHECK(temperature < before);
        before = temperature;
    }
}

TEST_CASE("reassignment cooling: pressure and colder islands and the largest penalty") {
    const reassignment_cooling cooling{sixty(), reassignment_search_options{}, unlimited};
    CHECK(cooling.overload_penalty(0.0, 7.0) == 210);
    CHECK(island_cooling{cooling, 0.2}.at(0.75) == doctest::Approx(0.12));
    CHECK(cooling.temperature(0.0, 0.2) == doctest::Approx(30.0));
    CHECK(cooling.overload_penalty(1.0, 1e30) == amount{1} << 50U);
}

TEST_CASE("reassignment cooling: the gap to the bound caps the temperature") {
    const reassignment_cooling cooling{sixty(), reassignment_search_options{}, 60.0};
    CHECK(cooling.temperature(0.0, 1.0) == doctest::Approx(6.0));
    CHECK(cooling.temperature(0.75, 1.0) == doctest::Approx(0.12));
}

TEST_CASE("round length: always the same under a budget and a hundred points under a clock") {
    berth::detail::round_length fixed{false};
    fixed.adapt(0.5);
    CHECK(fixed.evaluations() == 50'000);
    for (const double evaluations : {1e4, 1e6, 1e8}) {  // of the whole time
        CAPTURE(evaluations);
        berth::detail::round_length round{true};
        double share = 0.0;
        int points = 0;
        while (share < 1.0) {
            const double used = static_cast<double>(round.evaluations()) / evaluations;
            share += used;
            ++points;
            round.adapt(used);
        }
        CHECK(points >= (evaluations < 1e5 ? 20 : 90));
        CHECK(round.evaluations() >= 500);
        CHECK(round.evaluations() <= 50'000);
    }
}
