// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/energy/gpu_power.hpp"

#include "berth/cost/execution_time.hpp"
#include "berth/cost/weighted_terms.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

TEST_CASE("gpu_power: idle, busy, limit") {
    const berth::gpu_power power{.idle = 50.0, .busy = 400.0, .limit = 300.0};
    CHECK(validate(power).has_value());
    CHECK(power.watts(0.0) == 50.0);
    CHECK(power.watts(0.5) == 225.0);
    CHECK(power.watts(1.0) == 300.0);
    CHECK(power.watts(2.0) == 300.0);
    CHECK(power.watts(-1.0) == 50.0);
    CHECK(power.joules(0.5, 10.0) == 2250.0);
    CHECK(std::isnan(power.watts(std::nan(""))));
    CHECK(berth::gpu_power{.idle = 50.0, .busy = 400.0, .limit = 20.0}.watts(1.0) == 50.0);
}

TEST_CASE("gpu_power: what is out of range is refused by name") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(validate(berth::gpu_power{.idle = nan}).error().message.find("idle") != std::string::npos);
    CHECK(validate(berth::gpu_power{.idle = 400.0}).error().message.find("busy") != std::string::npos);
    CHECK(validate(berth::gpu_power{.limit = 0.0}).error().message.find("limit") != std::string::npos);
}

TEST_CASE("energy_cost is a term like any other") {
    const double task[] = {0.0, 5000.0, 0.0};
    const double gpu[] = {20.0, 400.0, 300.0};  // GFLOPS, busy, limit
    const berth::energy_cost joules{berth::execution_time{}};
    CHECK(joules(task, gpu) == 250.0 * 300.0);
    const berth::weighted_terms both{berth::cost_term{"seconds", 1.0, berth::execution_time{}},
                                     berth::cost_term{"kJ", 1e-3, joules}};
    CHECK(both(task, gpu) == doctest::Approx(250.0 + 75.0));
}
