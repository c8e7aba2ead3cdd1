// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/health.hpp"

#include <doctest/doctest.h>

using berth::health_hysteresis;
using berth::health_state;
using berth::severity;
using berth::verdict;

namespace {

const verdict good{{severity::good}, 0, 3};
const verdict good_of_the_other{{severity::good}, 0, 2};
const verdict nothing{};
const verdict warning{{severity::warning, "w"}, 0, 0};
const verdict bad{{severity::bad, "b"}, 1, 0};

struct patient {
    health_hysteresis rule{};
    health_hysteresis::state at{};

    health_state sees(const verdict& v, int times = 1) {
        for (int i = 0; i < times; ++i) rule.advance(at, v, 60.0);
        return at.health;
    }
    /// Good samples until it is well.
    int samples_to_return() {
        int n = 0;
        while (at.health != health_state::well && n < 10000) {
            (void)sees(good);
            ++n;
        }
        return n;
    }
};

}  // namespace

TEST_CASE("well, suspect, well") {
    patient p;
    CHECK(p.sees(good, 3) == health_state::well);
    CHECK(p.sees(warning) == health_state::suspect);
    CHECK(p.sees(good, 2) == health_state::suspect);
    CHECK(p.sees(warning) == health_state::suspect);
    CHECK(p.sees(good, 2) == health_state::suspect);
    CHECK(p.sees(nothing, 50) == health_state::suspect);  // unknown is not good
    CHECK(p.sees(good) == health_state::well);
}

TEST_CASE("well, sick, recovering, well") {
    patient p;
    CHECK(p.sees(bad) == health_state::sick);
    CHECK(p.sees(nothing, 20) == health_state::sick);
    CHECK(p.sees(good_of_the_other) == health_state::sick);  // what was bad has not said good
    CHECK(p.sees(good) == health_state::recovering);
    CHECK(p.sees(warning) == health_state::recovering);
    CHECK(p.samples_to_return() <= 8);
}

TEST_CASE("a check that is never heard again holds nothing back for ever") {
    patient p;
    (void)p.sees(bad);
    CHECK(p.sees(good_of_the_other, 60) == health_state::sick);
    CHECK(p.sees(good_of_the_other, 9) == health_state::well);
}

TEST_CASE("an intermittent fault does not flap, and the place still returns") {
    patient p;
    int drains = 0;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        const bool was = usable(p.at.health);
        (void)p.sees(minute % 15 == 0 ? bad : good);
        drains += was && !usable(p.at.health) ? 1 : 0;
    }
    CHECK(drains <= 2);
    CHECK(p.samples_to_return() <= 64);
    (void)p.sees(good, 120);  // two hours without a fault: forgiven
    (void)p.sees(bad);
    CHECK(p.samples_to_return() == 8);
}

TEST_CASE("what the cluster calls unhealthy returns as others do") {
    patient p;
    p.rule.adopt(p.at);
    CHECK(p.sees(nothing, 10) == health_state::sick);
    CHECK(p.samples_to_return() == 8);
}
