// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/reassignment/detail/reassignment_pace.hpp"

#include "berth/allocate/reassignment/reassignment_search.hpp"

#include "allocate/reassignment/reassignment_instances.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace berth;
using namespace berth_test;
using berth::detail::average_move_cost;
using berth::detail::reassignment_cooling;
using berth::detail::reassignment_pace;

namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

/// Ten tasks of a load cost of 600 on two nodes. A move costs 2 for the task and 3 · 6 for the pair of nodes.
reassignment_problem ten_tasks(amount task_weight, amount pair_weight) {
    reassignment_input in = random_reassignment({.nodes = 2, .tasks = 10, .groups = 10, .resources = 1}, 1);
    in.resources = {{.transient = false, .load_weight = 100}};
    in.balances.clear();
    in.demand.assign(10, 6);
    in.move_cost.assign(10, 2);
    in.task_weight = task_weight;
    in.pair_weight = pair_weight;
    return need(make_reassignment_problem(in));
}
reassignment_cooling cooling_of(const reassignment_problem& p) { return {p, reassignment_search_options{}, unlimited}; }

}  // namespace

TEST_CASE("reassignment pace: what a move costs on average") {
    const reassignment_problem p = ten_tasks(5, 3);
    double sum = 0.0;
    for (std::size_t t = 0; t < 10; ++t) {
        const node_index from = p.initial(task_index{t});
        sum += 5 * 2 + 3 * static_cast<double>(p.pair_cost(from, node_index{1 - from.value()}));
    }
    CHECK(average_move_cost(p) == doctest::Approx(sum / 10));  // of two nodes there is one other
    CHECK(average_move_cost(ten_tasks(0, 0)) == 0.0);
}

TEST_CASE("reassignment pace: the schedule as it is where moves cost nothing") {
    const reassignment_problem p = ten_tasks(0, 0);
    reassignment_pace pace{p, cooling_of(p), 1.0, true};
    for (const double share : {0.0, 0.01, 0.1, 0.5, 1.0}) {
        pace.look(share, 0.0, 1.0);
        CHECK(pace.at(share) == share);
    }
}

TEST_CASE("reassignment pace: a trial at the temperature of moves, then the whole schedule") {
    const reassignment_problem p = ten_tasks(5, 0);
    const reassignment_cooling cooling = cooling_of(p);
    for (const bool scout : {false, true}) {
        reassignment_pace pace{p, cooling, 1.0, scout};
        CHECK(cooling.temperature(pace.at(0.0), 1.0) == doctest::Approx(0.25 * 10));
        int falls = 0;
        double before = pace.at(0.0);
        for (int i = 1; i <= 1000; ++i) {
            const double share = i / 1000.0;
            pace.look(share, 1e9, 10.0);  // loads never settle
            const double now = pace.at(share);
            CHECK((now >= 0.0 && now <= 1.0));
            falls += now < before ? 1 : 0;
            before = now;
        }
        CHECK(falls == (scout ? 2 : 1));  // from the trial into the hot phase, and from the scout's
        CHECK(before == 1.0);
        CHECK_FALSE(pace.settled());
    }
}

TEST_CASE("reassignment pace: once loads have settled, the rest of the run goes to moves") {
    const reassignment_problem p = ten_tasks(5, 0);
    const reassignment_cooling cooling = cooling_of(p);
    const auto settles_at = [&](double share, bool scout) {
        reassignment_pace pace{p, cooling, 1.0, scout};
        const double usual = pace.at(share);
        pace.look(share, 30.0, 100.0);  // loads are still to gain
        CHECK_FALSE(pace.settled());
        pace.look(share, 20.0, 100.0);
        if (!pace.settled()) {
            CHECK(pace.at(share) == usual);
            return false;
        }
        CHECK(cooling.temperature(pace.at(share), 1.0) == doctest::Approx(0.25 * 10));
        CHECK(pace.at(1.0) == doctest::Approx(1.0));
        CHECK(pace.at(0.5 + share / 2) > pace.at(share));
        return true;
    };
    CHECK(settles_at(0.02, false));  // the trial
    CHECK(settles_at(0.3, false));   // hot
    CHECK(settles_at(0.1, true));    // the scout
    CHECK(settles_at(0.199, true));
    CHECK_FALSE(settles_at(0.99, false));  // colder than moves already, and slowly
}

TEST_CASE("reassignment cooling: the share of a temperature") {
    const reassignment_problem p = ten_tasks(5, 0);
    const reassignment_cooling cooling = cooling_of(p);
    for (const double colder : {1.0, 0.2}) {
        for (const double share : {0.05, 0.3, 0.7, 0.75, 0.8, 0.95})
            CHECK(cooling.share_at(cooling.temperature(share, colder), colder) == doctest::Approx(share));
        CHECK(cooling.share_at(1e12, colder) == 0.0);
        CHECK(cooling.share_at(1e-9, colder) == 1.0);
    }
}
