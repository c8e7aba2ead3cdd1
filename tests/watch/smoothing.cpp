// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/smoothing.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>

using berth::exponential_smoothing;
using berth::gated_smoothing;
using berth::latest_value;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a mean that fades with time weighs irregular steps by what they stand for") {
    const exponential_smoothing policy{.time_constant = 60.0, .gap = 600.0};
    exponential_smoothing::state s;
    CHECK(std::isnan(policy.value(s)));
    CHECK(policy.observe(s, nothing, 10.0));
    CHECK(policy.value(s) == 10.0);
    CHECK(policy.doubt(s, 0.0) == 0.0);
    CHECK(policy.observe(s, 60.0, 20.0));
    CHECK(policy.value(s) == 15.0);  // 60 / (60 + 60)
    CHECK(policy.observe(s, 20.0, 19.0));
    CHECK(policy.value(s) == doctest::Approx(16.0));  // 20 / (20 + 60)
    CHECK(policy.observe(s, 0.0, 99.0));              // no time has passed
    CHECK(policy.value(s) == doctest::Approx(16.0));
    CHECK(policy.doubt(s, 60.0) > policy.doubt(s, 0.0));
    CHECK(policy.observe(s, 601.0, 50.0));  // a gap: the old mean is forgotten
    CHECK(policy.value(s) == 50.0);
}

TEST_CASE("a mean stays within the samples, whatever the steps") {
    const exponential_smoothing policy{};
    exponential_smoothing::state s;
    double low = 1e9, high = -1e9;
    unsigned r = 1;
    for (int i = 0; i < 500; ++i) {
        r = r * 1664525U + 1013904223U;
        const double x = static_cast<double>(r >> 8U) * 1e-5;
        low = x < low ? x : low;
        high = x > high ? x : high;
        (void)policy.observe(s, i == 0 ? nothing : static_cast<double>(r % 599U), x);
        REQUIRE(policy.value(s) >= low);
        REQUIRE(policy.value(s) <= high);
        REQUIRE(policy.doubt(s, 10.0) >= 0.0);
    }
}

TEST_CASE("a spike is not believed, a step is believed with the next sample") {
    const gated_smoothing policy{};
    gated_smoothing::state s;
    for (const double x : {60.0, 61.0, 60.0, 61.0}) CHECK(policy.observe(s, 60.0, x));
    CHECK_FALSE(policy.observe(s, 60.0, 110.0));
    CHECK(policy.value(s) < 62.0);
    CHECK(policy.doubt(s, 0.0) > 40.0);  // it may be a step
    CHECK(policy.observe(s, 60.0, 60.0));
    CHECK(policy.value(s) < 62.0);
    CHECK_FALSE(policy.observe(s, 60.0, 88.0));
    CHECK(policy.observe(s, 60.0, 90.0));
    CHECK(policy.value(s) == 90.0);
}

TEST_CASE("a steep ramp is believed, too") {
    const gated_smoothing policy{};
    gated_smoothing::state s;
    CHECK(policy.observe(s, nothing, 40.0));
    CHECK_FALSE(policy.observe(s, 60.0, 60.0));
    CHECK(policy.observe(s, 60.0, 80.0));
    CHECK(policy.value(s) == 80.0);
}

TEST_CASE("a sensor that jumps to and fro needs more samples that agree") {
    const gated_smoothing policy{};
    gated_smoothing::state s;
    CHECK(policy.observe(s, nothing, 50.0));
    for (int i = 0; i < 3; ++i) {
        CHECK_FALSE(policy.observe(s, 60.0, 120.0));
        CHECK(policy.observe(s, 60.0, 50.0));
    }
    for (int i = 0; i < 5; ++i) CHECK_FALSE(policy.observe(s, 60.0, 120.0));
    CHECK(policy.observe(s, 60.0, 120.0));
    CHECK(policy.value(s) == 120.0);
}

TEST_CASE("the last value is believed as it is") {
    latest_value::state s;
    CHECK(std::isnan(latest_value{}.value(s)));
    CHECK(latest_value{}.observe(s, nothing, 3.0));
    CHECK(latest_value{}.value(s) == 3.0);
    CHECK(latest_value{}.doubt(s, 100.0) == 0.0);
}
