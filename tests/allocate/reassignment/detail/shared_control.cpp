// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/shared_control.hpp"

#include "berth/core/deadline.hpp"
#include "berth/core/thread_pool.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>

using namespace berth;
using berth::detail::shared_control;

namespace {

/// Counts without atomics: the thread sanitizer reports it if two threads poll at once.
struct counting_stop {
    int* polls;
    int end;
    [[nodiscard]] bool stop_requested() const noexcept { return ++*polls == end; }
};

}  // namespace

TEST_CASE("shared control: threads poll one at a time and all end") {
    int polls = 0;
    const run_control<counting_stop> control{.stop = {&polls, 1000}};
    shared_control shared{control};
    thread_pool pool{3};
    pool.for_each(6, [&](std::size_t) {
        while (!shared.ends()) {}
    });
    CHECK(polls == 1000);  // none after the stop, though the next would say that the run goes on
    CHECK(shared.reason() == stop_reason::cancelled);
    CHECK(shared.ends());
    CHECK(polls == 1000);
}

TEST_CASE("shared control: ends by a deadline and not by a budget") {
    const run_control<deadline<>> past{.stop = deadline<>::after(std::chrono::nanoseconds{0})};
    shared_control late{past};
    CHECK(late.ends());
    CHECK(late.reason() == stop_reason::deadline_reached);
    const run_control<> spent{.max_evaluations = 0};
    shared_control goes_on{spent};
    CHECK_FALSE(goes_on.ends());
    CHECK(goes_on.reason() == stop_reason::completed);
}
