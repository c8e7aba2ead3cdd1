// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/block_tree.hpp"

#include "berth/allocate/assignment/priced_problem.hpp"

#include "allocate/assignment/gap_instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

/// Some GPUs of an instance and some of its tasks.
struct block {
    gap_instance of;
    std::vector<std::uint32_t> gpus;
    std::vector<std::uint32_t> tasks;

    [[nodiscard]] std::size_t at(std::size_t i, std::size_t k) const { return tasks[i] * of.gpus() + gpus[k]; }
    /// The block as a problem of its own.
    [[nodiscard]] gap_instance alone() const {
        gap_instance made;
        made.tasks = tasks.size();
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            for (std::size_t k = 0; k < gpus.size(); ++k) {
                made.costs.push_back(of.costs[at(i, k)]);
                made.loads.push_back(of.loads[at(i, k)]);
            }
        }
        for (const std::uint32_t g : gpus) made.capacities.push_back(of.capacities[g]);
        return made;
    }
};

std::vector<std::uint32_t> some_of(std::size_t n, std::size_t count, xoshiro256& g) {
    std::vector<std::uint32_t> all(n);
    std::iota(all.begin(), all.end(), 0U);
    shuffle(g, std::span{all});
    all.resize(count);
    return all;
}

/// Whole, fractional and negative costs; loads and capacities of 0.
block tiny_block(std::uint64_t seed) {
    xoshiro256 g{seed};
    block made{seed % 2 == 0 ? odd_instance(5, 9, seed) : gap_of_type("ABCDE"[seed % 5], 4, 9, seed), {}, {}};
    if (chance(g, 20)) {
        for (amount& load : made.of.loads) load = chance(g, 30) ? 0 : load;
    }
    if (made.of.gpus() == 0) return made;
    made.gpus = some_of(made.of.gpus(), 1 + below(g, std::min<std::size_t>(made.of.gpus(), 4)), g);
    made.tasks = some_of(made.of.tasks, below(g, std::min<std::size_t>(made.of.tasks, 6) + 1), g);
    return made;
}

/// What the answer of a search costs; fails if it breaks a capacity.
double checked_cost(const block& b, const detail::block_tree& tree) {
    std::vector<amount> room;
    for (const std::uint32_t g : b.gpus) room.push_back(b.of.capacities[g]);
    double cost = 0.0;
    for (std::size_t i = 0; i < b.tasks.size(); ++i) {
        REQUIRE(tree.target(i) < b.gpus.size());
        cost += b.of.costs[b.at(i, tree.target(i))];
        room[tree.target(i)] -= b.of.loads[b.at(i, tree.target(i))];
    }
    for (const amount left : room) CHECK(left >= 0);
    return cost;
}

}  // namespace

TEST_CASE("a block is spread anew as cheaply as can be") {
    int solvable = 0;
    for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
        const block b = tiny_block(seed);
        if (b.gpus.empty()) continue;
        const priced_problem p{b.of.problem()};
        const double optimum = cheapest(b.alone());
        detail::block_tree tree{p};
        xoshiro256 random{seed};
        CAPTURE(seed);
        if (optimum == std::numeric_limits<double>::infinity()) {
            CHECK_FALSE(tree.search(b.gpus, b.tasks, 1e6, 1e-6, no_limit, random));
            continue;
        }
        ++solvable;
        const double slack = 1e-9 * (1.0 + std::abs(optimum));
        for (const double above : {slack, 3.0, 1e4}) {
            REQUIRE(tree.search(b.gpus, b.tasks, optimum + above, slack, no_limit, random));
            const double cost = checked_cost(b, tree);
            CHECK(cost <= optimum + 2.0 * slack);
            CHECK(cost >= optimum - 1e-12);
            CHECK(tree.cost() == doctest::Approx(cost));
            CHECK(tree.nodes() > 0);
            CHECK_FALSE(tree.cut_off());
        }
        CHECK_FALSE(tree.search(b.gpus, b.tasks, optimum - 1e-6 * (1.0 + std::abs(optimum)), slack, no_limit, random));
        CHECK_FALSE(tree.search(b.gpus, b.tasks, optimum - 10.0, slack, no_limit, random));
        CHECK_FALSE(tree.cut_off());
    }
    CHECK(solvable > 2000);
}

TEST_CASE("with a tilt a block is spread anew as cheaply as can be if each unit of load costs that") {
    int lighter = 0;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        const block b = tiny_block(seed);
        if (b.gpus.empty() || b.tasks.empty()) continue;
        constexpr double tilt = 0.25;
        gap_instance tilted = b.alone();
        for (std::size_t i = 0; i < tilted.costs.size(); ++i) {
            tilted.costs[i] += tilt * static_cast<double>(tilted.loads[i]);
        }
        const double optimum = cheapest(tilted);
        if (optimum == std::numeric_limits<double>::infinity()) continue;
        const priced_problem p{b.of.problem()};
        detail::block_tree tree{p, tilt};
        xoshiro256 random{seed};
        CAPTURE(seed);
        REQUIRE(tree.search(b.gpus, b.tasks, optimum + 20.0, 1e-6, no_limit, random));
        double load = 0.0;
        for (std::size_t i = 0; i < b.tasks.size(); ++i)
            load += static_cast<double>(b.of.loads[b.at(i, tree.target(i))]);
        const double cost = checked_cost(b, tree);
        CHECK(cost + tilt * load == doctest::Approx(optimum));
        lighter += cost > cheapest(b.alone()) + 1e-9 ? 1 : 0;
    }
    CHECK(lighter > 50);  // the tilt decided
}

TEST_CASE("the assignment of a search costs at most the goal for any nodes and steps") {
    int found = 0;
    int cut_off = 0;
    for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
        const block b = tiny_block(seed);
        if (b.gpus.empty()) continue;
        const priced_problem p{b.of.problem()};
        const double optimum = cheapest(b.alone());
        detail::block_tree tree{p};
        xoshiro256 random{seed};
        const double goal = std::isfinite(optimum) ? optimum + static_cast<double>(below(random, 40)) : 50.0;
        CAPTURE(seed);
        for (const std::uint64_t nodes : {1U, 4U, 10U, 40U}) {
            const double step = 0.5 * static_cast<double>(below(random, 4)) + 1e-6;
            const bool any = tree.search(b.gpus, b.tasks, goal, step, nodes, random);
            CHECK(tree.nodes() <= nodes + 1);
            cut_off += tree.cut_off() ? 1 : 0;
            if (!any) {
                // Nothing is there unless the search was cut off, or goal and optimum are as good as equal.
                if (!tree.cut_off()) CHECK(!(optimum < goal - 1e-6));
                continue;
            }
            ++found;
            const double cost = checked_cost(b, tree);
            CHECK(cost <= goal + 1e-6);
            CHECK(cost >= optimum - 1e-9);
            CHECK(tree.cost() == doctest::Approx(cost));
            // Without a limit of nodes, less than a step is left to gain.
            if (!tree.cut_off()) CHECK(cost <= optimum + step + 1e-6);
        }
    }
    CHECK(found > 1000);
    CHECK(cut_off > 500);
}

TEST_CASE("a block of many tasks is cut off and reports it") {
    const type_d d{6, 120, 5};
    const priced_problem p{d.problem()};
    block b{d, {0, 1, 2, 3, 4, 5}, {}};
    for (std::uint32_t t = 0; t < 120; ++t) b.tasks.push_back(t);
    detail::block_tree tree{p};
    xoshiro256 random{1};
    CHECK_FALSE(tree.search(b.gpus, b.tasks, 1e9, 1.0, 50, random));  // fewer nodes than tasks
    CHECK(tree.cut_off());
    CHECK(tree.nodes() == 51);
    const bool found = tree.search(b.gpus, b.tasks, 1e9, 1.0, 200'000, random);
    CHECK(tree.cut_off());
    if (found) CHECK(checked_cost(b, tree) == doctest::Approx(tree.cost()));
    // A goal below the bound is answered without a node.
    CHECK_FALSE(tree.search(b.gpus, b.tasks, p.bound().value - 1.0, 1.0, 200'000, random));
    CHECK(tree.nodes() == 0);
    CHECK_FALSE(tree.cut_off());
}

TEST_CASE("a block of more open tasks than the stack can take is cut off at once") {
    gap_instance d;
    d.tasks = 120'000;
    d.costs.assign(2 * d.tasks, 1.0);
    d.loads.assign(2 * d.tasks, 1);
    d.capacities = {60'000, 60'000};
    const priced_problem p{d.problem(), {.bound = {.max_iterations = 1}, .candidates = 1}};
    std::vector<std::uint32_t> tasks(d.tasks);
    std::iota(tasks.begin(), tasks.end(), 0U);
    const std::vector<std::uint32_t> gpus{0, 1};
    detail::block_tree tree{p};
    xoshiro256 random{1};
    CHECK_FALSE(tree.search(gpus, tasks, 1e9, 1.0, no_limit, random));
    CHECK(tree.cut_off());
    CHECK(tree.nodes() == 0);
}

TEST_CASE("equals are broken at random and everything else is not") {
    gap_instance d;  // two tasks on two GPUs with room for one each: both ways cost the same
    d.tasks = 2;
    d.costs = {1, 1, 1, 1};
    d.loads = {1, 1, 1, 1};
    d.capacities = {1, 1};
    const priced_problem p{d.problem()};
    const block b{d, {0, 1}, {0, 1}};
    detail::block_tree tree{p};
    int first = 0;
    for (std::uint64_t seed = 0; seed < 64; ++seed) {
        xoshiro256 random{seed};
        REQUIRE(tree.search(b.gpus, b.tasks, 2.0 + 1e-9, 0.9, no_limit, random));
        const std::size_t target = tree.target(0);
        CHECK(checked_cost(b, tree) == 2.0);
        xoshiro256 again{seed};
        REQUIRE(tree.search(b.gpus, b.tasks, 2.0 + 1e-9, 0.9, no_limit, again));
        CHECK(tree.target(0) == target);
        first += target == 0 ? 1 : 0;
    }
    CHECK(first > 10);
    CHECK(first < 54);
}

TEST_CASE("a block without tasks costs nothing, and one without room holds tasks without load") {
    gap_instance d;
    d.tasks = 2;
    d.costs = {-3, 4, 2, -1.5};
    d.loads = {0, 0, 1, 0};
    d.capacities = {0, 0};
    const priced_problem p{d.problem()};
    detail::block_tree tree{p};
    xoshiro256 random{1};
    const block empty{d, {0, 1}, {}};
    CHECK(tree.search(empty.gpus, empty.tasks, 0.0, 1e-9, no_limit, random));
    CHECK(tree.cost() == doctest::Approx(0.0));
    CHECK_FALSE(tree.search(empty.gpus, empty.tasks, -1.0, 1e-9, no_limit, random));
    const block both{d, {0, 1}, {0, 1}};
    REQUIRE(tree.search(both.gpus, both.tasks, 0.0, 1e-9, no_limit, random));
    CHECK(checked_cost(both, tree) == -4.5);
    const block only{d, {0}, {1}};  // the other task does not fit there
    CHECK_FALSE(tree.search(only.gpus, only.tasks, 100.0, 1e-9, no_limit, random));
}
