// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/order_control.hpp"

#include <doctest/doctest.h>

#include <cstddef>

using berth::run_control;
using berth::stop_reason;
using berth::detail::order_control;

namespace {

struct counted {
    std::size_t* polls;
    std::size_t allowed;

    [[nodiscard]] bool stop_requested() const { return ++*polls > allowed; }
};
struct late {
    [[nodiscard]] bool stop_requested() const { return false; }
    [[nodiscard]] bool deadline_reached() const { return true; }
};

}  // namespace

TEST_CASE("order control: polls every 250 units, and never again after a stop") {
    std::size_t polls = 0;
    run_control<counted> control{.stop = {&polls, 3}};
    order_control watched{control};
    std::size_t units = 0;
    while (!watched.work(1)) ++units;
    CHECK(units == 4 * 250 - 1);
    CHECK(polls == 4);
    CHECK(watched.work(10'000));
    CHECK(polls == 4);
    CHECK(watched.reason() == stop_reason::cancelled);
}

TEST_CASE("order control: a deadline stops, a spent budget does not") {
    run_control<late> control{.max_evaluations = 100};
    order_control watched{control};
    watched.evaluated(70);
    CHECK(watched.evaluations_left() == 30);
    watched.evaluated(70);
    CHECK(watched.evaluations_left() == 0);
    CHECK_FALSE(watched.stopped());
    CHECK(watched.reason() == stop_reason::completed);
    watched.budget_spent();
    CHECK(watched.reason() == stop_reason::budget_exhausted);
    CHECK(watched.poll());
    CHECK(watched.reason() == stop_reason::deadline_reached);
}

TEST_CASE("order control: without a run control nothing stops") {
    order_control none;
    CHECK_FALSE(none.work(1'000'000));
    CHECK(none.reason() == stop_reason::completed);
}
