// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/detail/score_index.hpp"

#include "berth/allocate/greedy/combine.hpp"
#include "berth/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using berth::tier_values;
using berth::detail::lowest_value;
using berth::detail::score_index;
constexpr std::size_t nowhere = score_index<double>::nowhere;

template <class Value>
std::size_t naive_best(const std::vector<Value>& values) {
    std::size_t best = nowhere;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] == lowest_value<Value>) continue;
        if (best == nowhere || values[i] > values[best]) best = i;
    }
    return best;
}

double drawn(berth::xoshiro256& g, double) {
    const auto x = berth::bounded(g, 12);
    return x == 0 ? lowest_value<double> : static_cast<double>(x) / 4.0 - 1.0;
}
tier_values<2> drawn(berth::xoshiro256& g, tier_values<2>) {
    const auto x = berth::bounded(g, 16);
    if (x == 0) return lowest_value<tier_values<2>>;
    return {{static_cast<double>(x / 4), static_cast<double>(x % 4)}};
}

template <class Value>
void agrees_with_naive(std::size_t size, std::size_t steps, std::uint64_t seed) {
    CAPTURE(size);
    berth::xoshiro256 g{seed};
    score_index<Value> index;
    index.reset(size);
    std::vector<Value> values(size, lowest_value<Value>);
    REQUIRE(index.best() == nowhere);
    for (std::size_t step = 0; step < steps; ++step) {
        if (step % 97 == 96) {
            for (std::size_t i = 0; i < size; ++i) {
                values[i] = drawn(g, Value{});
                index.set_unrepaired(i, values[i]);
            }
            index.rebuild();
        } else {
            const std::size_t at = berth::bounded(g, static_cast<std::uint32_t>(size));
            values[at] = drawn(g, Value{});
            index.set(at, values[at]);
            REQUIRE(index[at] == values[at]);
        }
        REQUIRE(index.best() == naive_best(values));
    }
}

}  // namespace

TEST_CASE("score_index equals a scan, the first of equals") {
    for (const std::size_t size : {1U, 2U, 15U, 16U, 17U, 31U, 255U, 256U, 257U, 1213U}) {
        agrees_with_naive<double>(size, 800, size);
        agrees_with_naive<tier_values<2>>(size, 400, size + 1);
    }
    for (const std::size_t size : {4095U, 4096U, 4097U, 5000U}) agrees_with_naive<double>(size, 250, size);
}

TEST_CASE("score_index: rising, falling and equal values by hand") {
    score_index<double> index;
    index.reset(40);
    index.set(20, 1.0);
    index.set(39, 1.0);
    CHECK(index.best() == 20);
    index.set(5, 1.0);
    CHECK(index.best() == 5);
    index.set(39, 2.0);
    CHECK(index.best() == 39);
    index.set(39, 1.0);
    CHECK(index.best() == 5);
    index.set(5, lowest_value<double>);
    CHECK(index.best() == 20);
    index.set(20, lowest_value<double>);
    index.set(39, lowest_value<double>);
    CHECK(index.best() == nowhere);
    index.set(0, -1e300);
    CHECK(index.best() == 0);
}

TEST_CASE("score_index: positions above the lowest value are visited in order, and may be set meanwhile") {
    for (const std::size_t size : {1U, 16U, 17U, 300U, 5000U}) {
        CAPTURE(size);
        berth::xoshiro256 g{size};
        score_index<double> index;
        index.reset(size);
        std::vector<double> values(size, lowest_value<double>);
        for (std::size_t i = 0; i < size / 8 + 1; ++i) {
            const std::size_t at = berth::bounded(g, static_cast<std::uint32_t>(size));
            values[at] = drawn(g, 0.0);
            index.set(at, values[at]);
        }
        std::vector<std::size_t> visited;
        index.for_each_set([&](std::size_t at) {
            visited.push_back(at);
            index.set(at, values[at] + 1.0);
        });
        std::vector<std::size_t> expected;
        for (std::size_t i = 0; i < size; ++i) {
            if (values[i] == lowest_value<double>) continue;
            expected.push_back(i);
            values[i] += 1.0;
        }
        CHECK(visited == expected);
        CHECK(index.best() == naive_best(values));
    }
}

TEST_CASE("an empty score_index has no best") {
    score_index<double> index;
    index.reset(0);
    CHECK(index.best() == nowhere);
    index.rebuild();
    CHECK(index.best() == nowhere);
}

TEST_CASE("the lowest value is below every value, numbers are stored as double") {
    CHECK(lowest_value<double> == -std::numeric_limits<double>::infinity());
    CHECK(lowest_value<tier_values<2>> < tier_values<2>{{-1e300, -1e300}});
    static_assert(std::same_as<berth::detail::kept_value<unsigned>, double>);
    static_assert(std::same_as<berth::detail::kept_value<float>, double>);
    static_assert(std::same_as<berth::detail::kept_value<tier_values<3>>, tier_values<3>>);
}
