// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/cooling.hpp"

#include "berth/allocate/search/metropolis.hpp"
#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace berth;

TEST_CASE("cooling schedules by hand") {
    const geometric_cooling by_factor{100.0, 1.0};
    CHECK(by_factor.at(0.0) == 100.0);
    CHECK(by_factor.at(0.5) == doctest::Approx(10.0));
    CHECK(by_factor.at(1.0) == doctest::Approx(1.0));
    const linear_cooling by_amount{100.0, 1.0};
    CHECK(by_amount.at(0.0) == 100.0);
    CHECK(by_amount.at(0.5) == doctest::Approx(50.5));
    CHECK(by_amount.at(1.0) == doctest::Approx(1.0));
    const lundy_mees_cooling inverse{100.0, 1.0};
    CHECK(inverse.at(0.0) == 100.0);
    CHECK(inverse.at(0.5) == doctest::Approx(100.0 / 50.5));
    CHECK(inverse.at(1.0) == doctest::Approx(1.0));
    CHECK(constant_temperature{3.0}.at(0.7) == 3.0);
}

TEST_CASE("Lundy and Mees: the schedule is the limit of T / (1 + βT)") {
    const lundy_mees_cooling inverse{50.0, 0.5};
    constexpr int steps = 100'000;
    const double beta = (50.0 - 0.5) / (steps * 50.0 * 0.5);
    double temperature = 50.0;
    for (int i = 0; i < steps; ++i) temperature /= 1.0 + beta * temperature;
    CHECK(temperature == doctest::Approx(inverse.at(1.0)));
    temperature = 50.0;
    for (int i = 0; i < steps / 4; ++i) temperature /= 1.0 + beta * temperature;
    CHECK(temperature == doctest::Approx(inverse.at(0.25)));
}

TEST_CASE("metropolis accepts a worse change with probability exp(-d / T), and draws only for such") {
    xoshiro256 g{1};
    metropolis<> rule{geometric_cooling{10.0, 0.1}};
    int taken = 0;
    for (int i = 0; i < 10'000; ++i) taken += rule.accepts(5.0, g) ? 1 : 0;
    CHECK(taken == doctest::Approx(10'000 * std::exp(-0.5)).epsilon(0.05));
    rule.elapsed(7.0);  // past the end it stays cold
    CHECK(rule.temperature() == doctest::Approx(0.1));
    rule.elapsed(-1.0);
    CHECK(rule.temperature() == 10.0);
    xoshiro256 one{3};
    xoshiro256 other{3};
    CHECK(rule.accepts(0.0, one));
    CHECK(rule.accepts(-2.0, one));
    metropolis<> strict{geometric_cooling{10.0, 0.1}, 30.0};
    CHECK_FALSE(strict.accepts(301.0, one));
    CHECK(one() == other());
    metropolis<constant_temperature> frozen{constant_temperature{0.0}};
    CHECK_FALSE(frozen.accepts(1e-12, one));
    CHECK(frozen.accepts(0.0, one));
}

TEST_CASE("the adaptive schedule finds the temperature of a target rate whatever the scale") {
    for (const double scale : {1e-6, 1.0, 1e7}) {
        CAPTURE(scale);
        xoshiro256 g{5};
        metropolis<adaptive_cooling> rule{adaptive_cooling{}};
        double middle = 0.0;
        constexpr int steps = 400'000;
        int accepted = 0;
        for (int i = 0; i < steps; ++i) {
            const double share = static_cast<double>(i) / steps;
            if (i % 100 == 0) rule.elapsed(share);
            const bool taken = rule.accepts(scale * uniform01(g), g);
            if (share > 0.3 && share < 0.6) accepted += taken ? 1 : 0;
            if (i == steps / 2) middle = rule.temperature();
        }
        CHECK(accepted == doctest::Approx(0.3 * steps * 0.44).epsilon(0.05));
        CHECK(middle > 0.2 * scale);
        CHECK(middle < 2.0 * scale);
        CHECK(rule.temperature() < 0.05 * middle);
    }
}

TEST_CASE("types that are no cooling schedules") {
    struct no_at {};
    struct wrong_at {
        [[nodiscard]] static const char* at(double) { return ""; }
    };
    struct state_without_at {
        [[nodiscard]] int start() const { return 0; }
    };
    struct own {
        [[nodiscard]] double at(double share) const { return share < 0.5 ? 10.0 : 0.1; }
    };
    static_assert(!cooling_schedule<no_at> && !cooling_schedule<wrong_at> && !cooling_schedule<state_without_at>);
    static_assert(cooling_schedule<own> && !cooling_schedule<double>);
    CHECK(metropolis<own>{}.temperature() == 10.0);
}
