// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/thermal_limit.hpp"

#include "common/seen_samples.hpp"

#include <doctest/doctest.h>

using berth::severity;
using berth::thermal_limit;
using berth_test::seen;

TEST_CASE("temperature against the limit, with hysteresis") {
    seen<thermal_limit> c;
    CHECK(c.sees({}).level == severity::unknown);
    CHECK(c.sees({.temperature = -0.0}).level == severity::unknown);  // no GPU has that
    CHECK(c.sees({.temperature = 255.0}).level == severity::unknown);
    CHECK(c.sees({.temperature = 80.0}).level == severity::good);
    CHECK(c.sees({.temperature = 84.0}).level == severity::warning);
    CHECK(c.sees({.temperature = 80.0}).level == severity::good);
    CHECK(c.sees({.temperature = 84.0}).level == severity::warning);
    CHECK(c.sees({.temperature = 84.0}).level == severity::bad);
    CHECK(c.sees({.temperature = 79.0}).level == severity::bad);
    CHECK(c.sees({.temperature = 77.0}).level == severity::good);
    CHECK(c.sees({.temperature = 96.0, .throttle_reasons = 0U}).level == severity::warning);  // a sensor that lies
    for (int i = 0; i < 2; ++i) (void)c.sees({.temperature = 96.0, .throttle_reasons = 0x40U});
    CHECK(c.sees({.temperature = 96.0, .throttle_reasons = 0x40U}).level == severity::bad);
}

TEST_CASE("an idle GPU with a broken fan is not well because it is idle") {
    seen<thermal_limit> c;
    for (int i = 0; i < 60; ++i) (void)c.sees({.load = 0.0, .temperature = 40.0});
    for (int i = 0; i < 60; ++i) (void)c.sees({.load = 1.0, .temperature = 72.0});
    for (int i = 0; i < 2; ++i) (void)c.sees({.load = 1.0, .temperature = 86.0});
    CHECK(c.sees({.load = 0.0, .temperature = 52.0}).level == severity::bad);
    CHECK(c.sees({.load = 0.0, .temperature = 41.0}).level == severity::good);

    seen<thermal_limit> new_one;  // nothing is known of it when idle
    for (int i = 0; i < 2; ++i) (void)new_one.sees({.load = 1.0, .temperature = 86.0});
    CHECK(new_one.sees({.load = 0.0, .temperature = 52.0}).level == severity::bad);
    CHECK(new_one.sees({.load = 0.0, .temperature = 45.0}).level == severity::good);

    seen<thermal_limit> warm_room;  // in the end it returns
    for (int i = 0; i < 2; ++i) (void)warm_room.sees({.load = 1.0, .temperature = 86.0});
    CHECK(warm_room.sees({.load = 0.0, .temperature = 70.0}, 80000.0).level == severity::bad);
    CHECK(warm_room.sees({.load = 0.0, .temperature = 70.0}, 80000.0).level == severity::good);
}
