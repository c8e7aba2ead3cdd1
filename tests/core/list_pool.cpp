// SPDX-License-Identifier: Apache-2.0
#include "berth/core/list_pool.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

using berth::detail::list_pool;
using berth_test::below;

namespace {

std::vector<int> entries(const list_pool<int>& lists, std::size_t list) {
    const std::span<const int> values = lists[list];
    return {values.begin(), values.end()};
}

}  // namespace

TEST_CASE("list_pool: appends, inserts in order, removes") {
    list_pool<int> lists;
    lists.resize(2);
    for (const int value : {5, 3, 4}) lists.insert_sorted(0, value);
    lists.push_back(1, 7);
    CHECK(entries(lists, 0) == std::vector<int>{3, 4, 5});
    CHECK(lists.erase(0, 3));
    CHECK_FALSE(lists.erase(0, 3));
    CHECK(entries(lists, 0) == std::vector<int>{4, 5});
    lists.at(0, 1) = 9;
    lists.swap_remove(0, 0);
    CHECK(entries(lists, 0) == std::vector<int>{9});
    lists.clear(0);
    CHECK(lists[0].empty());
    CHECK(entries(lists, 1) == std::vector<int>{7});
}

TEST_CASE("list_pool: equals a vector of vectors") {
    for (const std::size_t count : {1U, 3U, 40U}) {
        CAPTURE(count);
        berth::xoshiro256 g{count};
        list_pool<int> lists;
        std::vector<std::vector<int>> plain;
        for (int step = 0; step < 6000; ++step) {
            if (plain.size() < count && (plain.empty() || below(g, 10) == 0)) {
                plain.emplace_back();
                lists.resize(plain.size());
            }
            const std::size_t list = below(g, plain.size());
            std::vector<int>& values = plain[list];
            const int value = static_cast<int>(below(g, 30));
            switch (below(g, 6)) {
                case 0:
                    lists.push_back(list, value);
                    values.push_back(value);
                    break;
                case 1:
                case 2: {  // the lists are kept in order, so that this is right
                    std::sort(values.begin(), values.end());
                    for (std::size_t i = 0; i < values.size(); ++i) lists.at(list, i) = values[i];
                    lists.insert_sorted(list, value);
                    values.insert(std::lower_bound(values.begin(), values.end(), value), value);
                    break;
                }
                case 3: {
                    const auto at = std::find(values.begin(), values.end(), value);
                    REQUIRE(lists.erase(list, value) == (at != values.end()));
                    if (at != values.end()) values.erase(at);
                    break;
                }
                case 4:
                    if (values.empty()) break;
                    lists.swap_remove(list, 0);
                    values.front() = values.back();
                    values.pop_back();
                    break;
                default:
                    if (below(g, 20) != 0) break;
                    lists.clear(list);
                    values.clear();
            }
            REQUIRE(entries(lists, list) == values);
            if (step % 500 == 0) {
                for (std::size_t i = 0; i < plain.size(); ++i) REQUIRE(entries(lists, i) == plain[i]);
            }
        }
    }
}

TEST_CASE("list_pool: many lists that were emptied are packed") {
    list_pool<int> lists;
    lists.resize(1000);
    for (std::size_t round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < 1000; ++i) {
            for (int k = 0; k < 50; ++k) lists.push_back(i, k);
            lists.clear(i);
        }
    }
    for (std::size_t i = 0; i < 1000; ++i) CHECK(lists[i].empty());
}
