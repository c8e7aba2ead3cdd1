// SPDX-License-Identifier: Apache-2.0
#include "support/run_clock.hpp"

#include "support/cpu_deadline.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <thread>

using bench::clock_kind;
using bench::run_clock;

namespace {

void burn(double seconds) {
    const double until = bench::cpu_seconds() + seconds;
    while (bench::cpu_seconds() < until) {}
}

}  // namespace

TEST_CASE("CPU time passes while something is done and half as fast for each of two threads") {
    const run_clock one{clock_kind::cpu, 0.02, 1};
    const run_clock two{clock_kind::cpu, 1000.0, 2};
    CHECK_FALSE(one.reached());
    burn(0.03);
    CHECK(one.used() >= 0.03);
    CHECK(one.reached());
    CHECK(one.elapsed() == 1.0);
    CHECK(two.used() >= 0.015);
    CHECK(two.used() < one.used());
    CHECK_FALSE(two.reached());
    CHECK(two.kind() == clock_kind::cpu);
    CHECK(two.seconds() == 1000.0);
}

TEST_CASE("time on the wall passes in sleep") {
    const run_clock clock{clock_kind::wall, 0.5};
    CHECK(clock.elapsed() < 1.0);
    std::this_thread::sleep_for(std::chrono::milliseconds{510});
    CHECK(clock.elapsed() == 1.0);
    CHECK(clock.reached());
    const run_clock slow{clock_kind::wall, 1e6};
    const double before = slow.elapsed();
    CHECK(before >= 0.0);
    CHECK(before < 0.01);
    CHECK(slow.elapsed() >= before);
}

TEST_CASE("without an end nothing of the time is over") {
    const run_clock clock;
    CHECK(clock.seconds() == std::numeric_limits<double>::infinity());
    CHECK(clock.elapsed() == 0.0);
    CHECK_FALSE(clock.reached());
    CHECK(clock.used() >= 0.0);
}

TEST_CASE("a stop without a clock never ends a run") {
    const bench::timed_stop none;
    CHECK_FALSE(none.stop_requested());
    CHECK_FALSE(none.deadline_reached());
    CHECK(none.elapsed() == 0.0);
    const run_clock over{clock_kind::wall, 1e-9};
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    CHECK(bench::timed_stop{&over}.deadline_reached());
    CHECK(bench::timed_stop{&over}.elapsed() == 1.0);
}
