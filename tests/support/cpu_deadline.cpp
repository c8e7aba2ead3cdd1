// SPDX-License-Identifier: Apache-2.0
#include "support/cpu_deadline.hpp"

#include "berth/core/run_control.hpp"

#include <doctest/doctest.h>

#include <limits>

TEST_CASE("CPU time goes on while something is computed, and a deadline is reached by it") {
    const double begin = bench::cpu_seconds();
    const bench::cpu_deadline soon{begin + 0.02};
    const bench::cpu_deadline never;
    CHECK_FALSE(never.reached());
    const berth::run_control<bench::search_stop> control{.stop = {&soon}};
    std::uint64_t asked = 0;
    while (control.check(0) == berth::stop_reason::completed) ++asked;
    CHECK(control.check(0) == berth::stop_reason::deadline_reached);
    CHECK(asked > 0);
    const double used = bench::cpu_seconds() - begin;
    CHECK(used >= 0.02);
    CHECK(soon.reached());
    CHECK_FALSE(never.reached());
}

TEST_CASE("a deadline that has passed is reached at once") {
    CHECK(bench::cpu_deadline{bench::cpu_seconds() - 1.0}.reached());
    CHECK(bench::cpu_deadline{0.0, 8}.reached());
    CHECK_FALSE(bench::cpu_deadline{std::numeric_limits<double>::infinity()}.reached());
    CHECK_FALSE(bench::cpu_deadline{1e300, 4}.reached());
}

TEST_CASE("a stop without a deadline has none") {
    CHECK_FALSE(bench::search_stop{}.deadline_reached());
    CHECK_FALSE(bench::search_stop{}.stop_requested());
}
