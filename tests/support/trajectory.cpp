// SPDX-License-Identifier: Apache-2.0
#include "support/trajectory.hpp"

#include "berth/core/observer.hpp"

#include "support/cpu_deadline.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <thread>
#include <vector>

using bench::trajectory;

namespace {

constexpr double none = std::numeric_limits<double>::infinity();

berth::progress at(double objective, std::uint64_t evaluations = 1) {
    return {.evaluations = evaluations, .objective = objective};
}

}  // namespace

static_assert(berth::observer<bench::search_observer>);

TEST_CASE("a trajectory keeps improvements and nothing else") {
    trajectory seen{bench::cpu_seconds()};
    const bench::search_observer observer{&seen};
    observer.on_begin({});  // does not know the objective yet
    CHECK(seen.best() == none);
    observer.on_progress(at(none));
    CHECK(seen.points().empty());
    for (const double objective : {9.0, 9.0, 11.0, 7.0, none, 8.0}) observer.on_progress(at(objective));
    observer.on_end(at(6.0));
    seen.see(6.0);
    seen.see(5.0);
    REQUIRE(seen.points().size() == 4);
    CHECK(seen.best() == 5.0);
    double before = 0.0;
    std::size_t i = 0;
    for (const double cost : {9.0, 7.0, 6.0, 5.0}) {
        CHECK(seen.points()[i].cost == cost);
        CHECK(seen.points()[i].seconds >= before);
        before = seen.points()[i++].seconds;
    }
    bench::search_observer{}.on_progress(at(1.0));  // watches nothing
}

TEST_CASE("a cost of 0 counts once something was decided") {
    trajectory seen;
    seen.see(at(0.0, 0));
    CHECK(seen.points().empty());
    seen.see(at(0.0, 10));
    CHECK(seen.points().size() == 1);
}

TEST_CASE("the cost at a point in time is that of the last improvement before it") {
    const std::vector<bench::trajectory_point> points{{1.0, 30.0}, {2.0, 20.0}, {4.0, 10.0}};
    CHECK(bench::cost_at(points, 0.5) == none);
    CHECK(bench::cost_at(points, 1.0) == 30.0);
    CHECK(bench::cost_at(points, 3.9) == 20.0);
    CHECK(bench::cost_at(points, 100.0) == 10.0);
    CHECK(bench::cost_at({}, 1.0) == none);
}

TEST_CASE("several threads may report") {
    trajectory seen;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&seen, t] {
            for (int i = 1000; i > 0; --i) seen.see(at(i * 4 + t));
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(seen.best() == 4.0);
    for (std::size_t i = 1; i < seen.points().size(); ++i) CHECK(seen.points()[i].cost < seen.points()[i - 1].cost);
}
