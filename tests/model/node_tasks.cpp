// SPDX-License-Identifier: Apache-2.0
#include "berth/model/node_tasks.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("node_tasks: lists the tasks added and not removed, also if all are on one node") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        xoshiro256 g{seed};
        const std::size_t nodes = 1 + below(g, 6);
        std::vector<slot> where(1 + below(g, 80), unplaced);
        for (auto& one : where) one = chance(g, 70) ? slot{node_index{below(g, nodes)}, 1} : unplaced;
        detail::node_tasks on{nodes, where};
        for (int step = 0; step < 3000; ++step) {
            const std::size_t t = below(g, where.size());
            // Phases in which all tasks move to one node.
            const std::size_t target =
                step / 300 % 2 == 0 ? below(g, nodes) : (static_cast<std::size_t>(step) / 600) % nodes;
            if (where[t].placed()) on.remove(task_index{t}, where[t].node);
            where[t] = chance(g, 10) ? unplaced : slot{node_index{target}, 1};
            if (where[t].placed()) on.add(task_index{t}, where[t].node);
            if (step % 50 != 0) continue;
            std::size_t placed = 0;
            for (std::size_t n = 0; n < nodes; ++n) {
                const auto here = on.on(node_index{n});
                placed += here.size();
                std::vector<task_index> sorted(here.begin(), here.end());
                std::sort(sorted.begin(), sorted.end());
                REQUIRE(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
                for (const auto task : here) REQUIRE(where[task.value()].node == node_index{n});
            }
            const auto expected = std::count_if(where.begin(), where.end(), [](const slot& s) { return s.placed(); });
            REQUIRE(placed == static_cast<std::size_t>(expected));
        }
    }
}
