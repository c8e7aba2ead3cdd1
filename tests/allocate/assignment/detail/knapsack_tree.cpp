// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/knapsack_tree.hpp"

#include "berth/allocate/assignment/detail/knapsack_rows.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

struct items {
    std::vector<double> profit;
    std::vector<amount> load;
    amount capacity = 0;

    [[nodiscard]] std::size_t size() const { return load.size(); }
    [[nodiscard]] bool solve(detail::knapsack_tree& tree, std::uint64_t max_nodes = no_limit) const {
        tree.start();
        for (std::size_t k = 0; k < size(); ++k) tree.add(profit[k], load[k]);
        return tree.solve(capacity, max_nodes);
    }
};

/// Loads of 0 among them, sometimes the same rate for all, sometimes no capacity.
items some_items(std::uint64_t seed, std::size_t most) {
    xoshiro256 g{seed};
    items made;
    const std::size_t count = below(g, most + 1);
    made.capacity = static_cast<amount>(chance(g, 10) ? 0 : below(g, 40));
    const bool equal_rates = chance(g, 20);
    for (std::size_t k = 0; k < count; ++k) {
        const auto load = static_cast<amount>(below(g, static_cast<std::size_t>(made.capacity) + 1));
        const auto eighths = static_cast<double>(1 + below(g, 50));
        made.load.push_back(load);
        made.profit.push_back(equal_rates && load > 0 ? 0.5 * static_cast<double>(load) : eighths / 8.0);
    }
    return made;
}

/// Checks that the last choice fits and has the profit reported.
void check_choice(const items& of, const detail::knapsack_tree& tree) {
    double profit = 0.0;
    amount used = 0;
    std::vector<int> times(of.size(), 0);
    tree.chosen([&](std::size_t k) {
        profit += of.profit[k];
        used += of.load[k];
        ++times[k];
    });
    CHECK(profit == doctest::Approx(tree.best()));
    CHECK(used <= of.capacity);
    for (const int each : times) CHECK(each <= 1);
}

}  // namespace

TEST_CASE("a knapsack by tree search agrees with trying everything") {
    detail::knapsack_tree tree;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        const items some = some_items(seed, 8);
        double best = 0.0;
        for (std::size_t set = 0; set < (std::size_t{1} << some.size()); ++set) {
            double sum = 0.0;
            amount used = 0;
            for (std::size_t k = 0; k < some.size(); ++k) {
                if ((set >> k & 1U) == 0) continue;
                sum += some.profit[k];
                used += some.load[k];
            }
            if (used <= some.capacity) best = std::max(best, sum);
        }
        CAPTURE(seed);
        REQUIRE(some.solve(tree));
        CHECK(tree.best() == doctest::Approx(best));
        check_choice(some, tree);
    }
}

TEST_CASE("a knapsack by tree search agrees with dynamic programming") {
    detail::knapsack_tree tree;
    detail::knapsack_rows rows;
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        const items some = some_items(seed, 60);
        rows.start(static_cast<std::size_t>(some.capacity));
        for (std::size_t k = 0; k < some.size(); ++k) {
            rows.add(some.profit[k], static_cast<std::size_t>(some.load[k]));
        }
        rows.fill();
        CAPTURE(seed);
        if (!some.solve(tree, 200'000)) continue;
        CHECK(tree.best() == doctest::Approx(rows.best()));
        check_choice(some, tree);
    }
}

TEST_CASE("items that need no room are taken into a full knapsack") {
    const items free{{2.0, 3.0}, {0, 0}, 0};
    detail::knapsack_tree tree;
    REQUIRE(free.solve(tree));
    CHECK(tree.best() == 5.0);
    check_choice(free, tree);
    const items mixed{{2.0, 7.0, 3.0, 9.0}, {0, 4, 0, 5}, 5};
    REQUIRE(mixed.solve(tree));
    CHECK(tree.best() == 14.0);
}

TEST_CASE("many items that need no room take no search") {
    items free{{5.0, 4.0}, {3, 2}, 4};
    for (int k = 0; k < 100; ++k) {
        free.profit.push_back(1.0);
        free.load.push_back(0);
    }
    detail::knapsack_tree tree;
    REQUIRE(free.solve(tree, 150));
    CHECK(tree.best() == 105.0);
}

TEST_CASE("a search for a knapsack gives up when it runs out of nodes") {
    detail::knapsack_tree tree;
    items even;  // no even number of units fills an odd capacity: nothing is pruned for long
    even.capacity = 201;
    for (int k = 0; k < 40; ++k) {
        even.load.push_back(10 + 2 * (k % 3));
        even.profit.push_back(static_cast<double>(even.load.back()));
    }
    CHECK_FALSE(even.solve(tree, 10'000));
    CHECK_FALSE(even.solve(tree, 1));

    // The least number of nodes that suffices is found, and one less does not.
    const items some = some_items(3, 8);
    REQUIRE(some.size() > 2);
    std::uint64_t enough = 1;
    while (!some.solve(tree, enough)) ++enough;
    CHECK(enough >= some.size());
    const double best = tree.best();
    CHECK_FALSE(some.solve(tree, enough - 1));
    REQUIRE(some.solve(tree));
    CHECK(tree.best() == best);
}

TEST_CASE("a knapsack without items is worth nothing") {
    detail::knapsack_tree tree;
    tree.start();
    REQUIRE(tree.solve(10, 1));
    CHECK(tree.best() == 0.0);
    int chosen = 0;
    tree.chosen([&](std::size_t) { ++chosen; });
    CHECK(chosen == 0);
}

TEST_CASE("what a short search leaves open holds a best choice") {
    detail::knapsack_tree tree;
    detail::knapsack_tree all;
    detail::knapsack_rows rows;
    int reduced = 0;
    for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
        const items some = some_items(seed, 40);
        if (some.solve(tree, seed % 200)) continue;
        REQUIRE(some.solve(all));
        check_choice(some, tree);
        amount room = some.capacity;
        double profit = 0.0;
        std::vector<std::size_t> open;
        tree.reduce(
            some.capacity,
            [&](std::size_t k) {
                room -= some.load[k];
                profit += some.profit[k];
            },
            [&](std::size_t k) { open.push_back(k); });
        CAPTURE(seed);
        REQUIRE(room >= 0);
        rows.start(static_cast<std::size_t>(room));
        for (const std::size_t k : open) {
            if (some.load[k] <= room) rows.add(some.profit[k], static_cast<std::size_t>(some.load[k]));
        }
        rows.fill();
        CHECK(profit + rows.best() == doctest::Approx(all.best()));
        reduced += open.size() < some.size() ? 1 : 0;
    }
    CHECK(reduced > 100);
}
