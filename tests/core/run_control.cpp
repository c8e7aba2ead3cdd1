// SPDX-License-Identifier: Apache-2.0
#include "berth/core/run_control.hpp"

#include "berth/core/deadline.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <type_traits>

using berth::deadline;
using berth::never_stop;
using berth::run_control;
using berth::stop_reason;
using berth::stoppable;

namespace {

struct flag {
    bool raised = false;
    bool stop_requested() const { return raised; }
};
struct not_const {
    bool stop_requested() { return false; }
};
struct says_nothing {
    void stop_requested() const {}
};
struct misspelt {
    bool stop_request() const { return false; }
};
struct counter {
    int steps = 0;
    void on_progress(const berth::progress&) { ++steps; }
};

const auto long_ago = std::chrono::steady_clock::time_point{};

}  // namespace

static_assert(stoppable<std::stop_token> && stoppable<never_stop> && stoppable<flag>);
static_assert(!stoppable<not_const> && !stoppable<says_nothing> && !stoppable<misspelt> && !stoppable<bool>);
static_assert(std::is_aggregate_v<run_control<>>);
static_assert(std::is_same_v<decltype(run_control{flag{}}), run_control<flag>>);
static_assert(stoppable<deadline<>> && stoppable<deadline<flag>>);
static_assert(std::is_same_v<decltype(deadline{long_ago}), deadline<>>);
static_assert(std::is_same_v<decltype(deadline{long_ago, flag{}}), deadline<flag>>);

TEST_CASE("run_control: without limits a run continues") {
    CHECK(run_control<>{}.check(0) == stop_reason::completed);
    CHECK(run_control<>{}.check(1'000'000'000) == stop_reason::completed);
}

TEST_CASE("run_control: each limit alone") {
    CHECK(run_control<>{.max_evaluations = 10}.check(9) == stop_reason::completed);
    CHECK(run_control<>{.max_evaluations = 10}.check(10) == stop_reason::budget_exhausted);
    CHECK(run_control<>{.max_evaluations = 0}.check(0) == stop_reason::budget_exhausted);
    CHECK(run_control<deadline<>>{.stop = {long_ago}}.check(0) == stop_reason::deadline_reached);
    const auto later = std::chrono::steady_clock::now() + std::chrono::hours{1};
    CHECK(run_control<deadline<>>{.stop = {later}}.check(0) == stop_reason::completed);
    CHECK(run_control<deadline<>>{}.check(0) == stop_reason::completed);
    CHECK(run_control<flag>{.stop = {true}}.check(0) == stop_reason::cancelled);
}

TEST_CASE("run_control: stop comes before budget, budget before deadline") {
    const run_control<deadline<flag>> all{.stop = {long_ago, {true}}, .max_evaluations = 0};
    CHECK(all.check(0) == stop_reason::cancelled);
    const run_control<deadline<flag>> two{.stop = {long_ago, {false}}, .max_evaluations = 0};
    CHECK(two.check(0) == stop_reason::budget_exhausted);
    const run_control<deadline<flag>> one{.stop = {long_ago, {false}}, .max_evaluations = 1};
    CHECK(one.check(0) == stop_reason::deadline_reached);
}

TEST_CASE("run_control: elapsed() is the share of the budget, else of the clock, else 0") {
    CHECK_FALSE(run_control<>{}.bounded());
    CHECK(run_control<>{}.elapsed(1'000'000) == 0.0);
    CHECK(run_control<>{.max_evaluations = 200}.bounded());
    CHECK(run_control<>{.max_evaluations = 200}.elapsed(0) == 0.0);
    CHECK(run_control<>{.max_evaluations = 200}.elapsed(50) == 0.25);
    CHECK(run_control<>{.max_evaluations = 0}.elapsed(0) == 1.0);

    const auto now = std::chrono::steady_clock::now();
    const run_control<deadline<>> half{.stop = {now + std::chrono::hours{1}, {}, now - std::chrono::hours{1}}};
    CHECK(half.bounded());
    CHECK(half.elapsed(0) >= 0.5);
    CHECK(half.elapsed(0) < 0.51);
    const run_control<deadline<>> both{.stop = half.stop, .max_evaluations = 100};
    CHECK(both.elapsed(10) == 0.1);

    const run_control<deadline<>> over{.stop = {long_ago}};
    CHECK(over.elapsed(0) == 1.0);
    const run_control<deadline<>> never{};
    CHECK_FALSE(never.bounded());
    CHECK(never.elapsed(0) == 0.0);
    const run_control<deadline<>> ahead{.stop = {now + std::chrono::hours{2}, {}, now + std::chrono::hours{1}}};
    CHECK(ahead.elapsed(0) == 0.0);
}

TEST_CASE("deadline: time starts when it is made") {
    const auto soon = deadline<flag>::after(std::chrono::hours{1}, flag{true});
    CHECK(soon.stop_requested());
    CHECK(soon.bounded());
    CHECK_FALSE(soon.deadline_reached());
    CHECK(soon.elapsed() < 0.01);
    CHECK(deadline<>::after(std::chrono::seconds{0}).deadline_reached());
}

TEST_CASE("run_control: takes a std::stop_token") {
    std::stop_source source;
    const run_control<std::stop_token> control{.stop = source.get_token()};
    CHECK(control.check(0) == stop_reason::completed);
    source.request_stop();
    CHECK(control.check(0) == stop_reason::cancelled);
}

TEST_CASE("run_control: carries its observer") {
    run_control<never_stop, counter> control{.observer = {}};
    berth::notify::step(control.observer, {});
    CHECK(control.observer.steps == 1);
}

TEST_CASE("stop_reason: every reason has a name") {
    CHECK(std::string{to_string(stop_reason::completed)} == "completed");
    CHECK(std::string{to_string(stop_reason::cancelled)} == "cancelled");
    CHECK(std::string{to_string(stop_reason::budget_exhausted)} == "budget exhausted");
    CHECK(std::string{to_string(stop_reason::deadline_reached)} == "deadline reached");
}
