// SPDX-License-Identifier: Apache-2.0
#include "berth/core/exponential.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

using berth::detail::exponential;

TEST_CASE("the exponential is within a unit of the last place, over its whole range") {
    std::mt19937_64 random{7};
    const auto uniform = [&](double low, double high) {
        return low + (high - low) * static_cast<double>(random() >> 11U) * 0x1p-53;
    };
    for (int i = 0; i < 20'000; ++i) {
        const double x = i % 2 == 0 ? uniform(-708.0, 709.0) : uniform(-2.0, 2.0);
        const long double exact = std::exp(static_cast<long double>(x));
        const double value = exponential(x);
        const double unit = std::nextafter(value, std::numeric_limits<double>::infinity()) - value;
        CHECK(std::abs(static_cast<double>(static_cast<long double>(value) - exact)) <= 1.0001 * unit);
    }
}

TEST_CASE("the exponential at its edges") {
    CHECK(exponential(0.0) == 1.0);
    CHECK(exponential(-0.0) == 1.0);
    CHECK(exponential(1.0) == std::exp(1.0));
    CHECK(exponential(709.78) < std::numeric_limits<double>::infinity());
    CHECK(exponential(710.0) == std::numeric_limits<double>::infinity());
    CHECK(exponential(std::numeric_limits<double>::infinity()) == std::numeric_limits<double>::infinity());
    CHECK(exponential(-745.0) > 0.0);  // not normal
    CHECK(exponential(-746.0) == 0.0);
    CHECK(exponential(-std::numeric_limits<double>::infinity()) == 0.0);
    CHECK(std::isnan(exponential(std::numeric_limits<double>::quiet_NaN())));
}
