// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/energy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using berth::energy_meter;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("energy from a counter, power as the check") {
    const energy_meter policy{};
    energy_meter::state s;
    policy.observe(s, nothing, 300.0, 5000.0);
    CHECK(s.total.joules == 0.0);
    policy.observe(s, 60.0, 300.0, 5000.0 + 18000.0);
    CHECK(s.total.joules == 18000.0);
    CHECK(s.total.from_power == 0.0);
    CHECK(s.total.disagreement == 0.0);
}

TEST_CASE("a counter and power that do not agree are said to") {
    // 187 J by the counter against 327 J by power in 5 s.
    const energy_meter policy{};
    energy_meter::state s;
    policy.observe(s, nothing, 65.4, 0.0);
    policy.observe(s, 5.0, 65.4, 187.0);
    CHECK(s.total.joules == 187.0);
    CHECK(s.total.disagreement == doctest::Approx((187.0 - 327.0) / 327.0));
}

TEST_CASE("without a counter, and where it jumps or is reset, power fills in") {
    const energy_meter policy{};
    energy_meter::state s;
    policy.observe(s, nothing, 100.0, nothing);
    policy.observe(s, 60.0, 200.0, nothing);
    CHECK(s.total.joules == 9000.0);  // the trapezium
    CHECK(s.total.from_power == 9000.0);
    CHECK(std::isnan(s.total.disagreement));
    policy.observe(s, 60.0, 200.0, 1e6);  // counting begins here
    CHECK(s.total.joules == 21000.0);
    policy.observe(s, 60.0, 200.0, 1e15);  // no GPU can do that
    CHECK(s.total.joules == 33000.0);
    CHECK(s.total.rejected == 1.0);
    policy.observe(s, 60.0, 200.0, 6000.0);  // reset half a minute ago: at least so much
    CHECK(s.total.joules == 39000.0);
    policy.observe(s, 60.0, 200.0, 18000.0);
    CHECK(s.total.joules == 51000.0);
}

TEST_CASE("a gap is in the counter, and otherwise unaccounted") {
    const energy_meter policy{};
    energy_meter::state with;
    policy.observe(with, nothing, 100.0, 0.0);
    policy.observe(with, 60.0, 100.0, nothing);
    CHECK(with.total.joules == 6000.0);
    policy.observe(with, 3600.0, 100.0, 366000.0);
    CHECK(with.total.joules == 366000.0);
    CHECK(with.total.from_power == 0.0);
    CHECK(with.total.unaccounted == 0.0);
    energy_meter::state without;
    policy.observe(without, nothing, 100.0, nothing);
    policy.observe(without, 3600.0, 100.0, nothing);
    CHECK(without.total.joules == 0.0);
    CHECK(without.total.unaccounted == 3600.0);
}
