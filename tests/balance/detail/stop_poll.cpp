// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/detail/stop_poll.hpp"

#include "berth/core/run_control.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using berth::run_control;
using berth::stop_reason;
using berth::detail::stop_poll;

namespace {

struct counting_stop {
    std::size_t* polls;
    std::size_t last;
    [[nodiscard]] bool stop_requested() const { return ++*polls >= last; }
};

/// A clock that has run out.
struct late {
    [[nodiscard]] bool stop_requested() const { return false; }
    [[nodiscard]] bool deadline_reached() const { return true; }
};

}  // namespace

TEST_CASE("stop_poll: ends exactly at the smaller budget") {
    for (const std::uint64_t budget : {0U, 1U, 5U, 300U}) {
        const run_control<> control{.max_evaluations = budget};
        const run_control<> unlimited;
        for (stop_poll poll : {stop_poll{control}, stop_poll{unlimited, budget}, stop_poll{control, 1000}}) {
            std::uint64_t done = 0;
            for (; !poll.stopped(); ++done) poll.count();
            CHECK(done == budget);
            CHECK(poll.evaluations() == budget);
            CHECK(poll.reason() == stop_reason::budget_exhausted);
        }
    }
}

TEST_CASE("stop_poll: asks at the first call, then once per interval of work, and stays stopped") {
    std::size_t polls = 0;
    const run_control<counting_stop> control{.stop = {&polls, 3}};
    stop_poll poll{control};
    CHECK_FALSE(poll.stopped());
    CHECK(polls == 1);
    for (std::uint32_t i = 1; i < stop_poll::interval; ++i) CHECK_FALSE(poll.stopped());
    CHECK(polls == 1);
    CHECK_FALSE(poll.stopped());
    CHECK(polls == 2);
    CHECK_FALSE(poll.stopped(0));
    CHECK(poll.stopped(stop_poll::interval));
    CHECK(poll.reason() == stop_reason::cancelled);
    CHECK(poll.stopped(0));
    CHECK(polls == 3);
}

TEST_CASE("stop_poll: reads a deadline, and never stops without a control") {
    const run_control<late> control;
    stop_poll poll{control};
    CHECK(poll.stopped());
    CHECK(poll.reason() == stop_reason::deadline_reached);
    stop_poll none;
    for (int i = 0; i < 1000; ++i) CHECK_FALSE(none.stopped());
}
