// SPDX-License-Identifier: Apache-2.0
#include "berth/core/recency_list.hpp"

#include "berth/core/random.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <deque>

using berth::detail::recency_list;
using berth_test::below;

TEST_CASE("recency_list: equals a queue") {
    for (const std::size_t count : {1U, 2U, 9U, 50U}) {
        CAPTURE(count);
        berth::xoshiro256 g{count};
        recency_list list;
        std::deque<std::size_t> queue;  // newest last
        std::size_t items = 1;
        list.resize(items);
        for (int step = 0; step < 4000; ++step) {
            if (items < count && below(g, 20) == 0) list.resize(++items);
            const std::size_t item = below(g, items);
            const auto at = std::find(queue.begin(), queue.end(), item);
            REQUIRE(list.contains(item) == (at != queue.end()));
            const bool touch = below(g, 3) != 0;
            if (at != queue.end()) queue.erase(at);
            if (touch) {
                list.touch(item);
                queue.push_back(item);
            } else {
                list.remove(item);
            }
            REQUIRE(list.size() == queue.size());
            std::deque<std::size_t> visited;
            list.for_each([&](std::size_t i) { visited.push_back(i); });
            REQUIRE(visited == queue);
            if (queue.empty()) continue;
            REQUIRE(list.oldest() == queue.front());
            if (below(g, 10) == 0) {
                list.remove(list.oldest());
                queue.pop_front();
            }
        }
    }
}
