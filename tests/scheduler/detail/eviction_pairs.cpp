// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/detail/eviction_pairs.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <utility>

using berth::job_handle;

TEST_CASE("eviction_pairs: who has evicted a job is known until that one ends, and never forgotten for lack of room") {
    berth::detail::eviction_pairs pairs;
    pairs.resize(3);
    std::set<std::uint32_t> ended;
    const auto is_there = [&](job_handle job) { return ended.count(job.position()) == 0; };
    const job_handle a{10, 1};
    const job_handle b{11, 1};
    CHECK_FALSE(pairs.has(0, a));
    pairs.note(0, a, is_there);
    pairs.note(0, b, is_there);
    pairs.note(0, a, is_there);
    CHECK(pairs.of(0).size() == 2);
    CHECK(pairs.has(0, a));
    CHECK_FALSE(pairs.has(0, {10, 2}));  // another job at its position
    CHECK_FALSE(pairs.has(1, a));
    ended.insert(10);
    pairs.note(0, {12, 1}, is_there);
    CHECK_FALSE(pairs.has(0, a));
    CHECK(pairs.has(0, b));

    for (std::uint32_t i = 0; i < berth::detail::eviction_pairs::most; ++i) {
        CHECK_FALSE(pairs.is_full(1, is_there));
        pairs.note(1, {100 + i, 1}, is_there);
    }
    CHECK(pairs.is_full(1, is_there));
    CHECK(pairs.has(1, {100, 1}));
    ended.insert(100);
    CHECK_FALSE(pairs.is_full(1, is_there));
    pairs.clear(1);
    CHECK(pairs.of(1).empty());
}
