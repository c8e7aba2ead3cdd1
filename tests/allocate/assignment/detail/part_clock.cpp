// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/part_clock.hpp"

#include "berth/core/deadline.hpp"

#include "allocate/assignment/allocator_kit.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using namespace berth;
using namespace berth_test;

TEST_CASE("the clock of a part runs from now to its share of the time left") {
    double now = 0.2;
    const run_control<set_clock> whole{.stop = {&now}};
    const auto half = detail::stop_of_part(whole, 0.5);
    CHECK(half.elapsed() == 0.0);
    now = 0.4;
    CHECK(half.elapsed() == doctest::Approx(0.5));
    CHECK_FALSE(half.deadline_reached());
    // A part of the part: again half of what is left of it.
    const auto quarter = detail::stop_of_part(run_control<detail::part_clock<set_clock>>{.stop = half}, 0.5);
    static_assert(std::is_same_v<decltype(quarter), const detail::part_clock<set_clock>>);
    now = 0.45;
    CHECK(quarter.elapsed() == doctest::Approx(0.5));
    now = 0.5;
    CHECK(quarter.deadline_reached());
    CHECK(quarter.elapsed() == 1.0);
    CHECK_FALSE(half.deadline_reached());
    now = 0.61;
    CHECK(half.deadline_reached());
    CHECK(half.elapsed() == 1.0);
}

TEST_CASE("a budget is shared out in evaluations alone, a stop without a clock stays as it is") {
    double now = 0.5;
    const auto stop = detail::stop_of_part(run_control<set_clock>{.stop = {&now}, .max_evaluations = 100}, 0.1);
    now = 0.9;
    CHECK_FALSE(stop.deadline_reached());
    now = 1.0;
    CHECK(stop.deadline_reached());
    static_assert(std::is_same_v<detail::part_stop_t<never_stop>, never_stop>);
    static_assert(std::is_same_v<detail::part_stop_t<stop_after>, stop_after>);
    const auto endless = detail::stop_of_part(run_control<deadline<>>{}, 0.5);
    CHECK_FALSE(endless.bounded());
    CHECK_FALSE(endless.deadline_reached());
}
