// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/defragment/detail/eviction_ranking.hpp"

#include "berth/core/run_control.hpp"

#include "balance/defragment/tight_fleets.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

using namespace berth;
using berth::detail::eviction;
using berth::detail::eviction_ranking;
using berth::detail::flat;
using berth::detail::stop_poll;
using berth_test::below;
using berth_test::make_tight;

namespace {

struct stopped {
    [[nodiscard]] bool stop_requested() const { return true; }
};

}  // namespace

TEST_CASE("eviction_ranking: the best few of each kind, best first, compared with sorting") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        const auto f = make_tight(seed, {.nodes = 8});
        xoshiro256 g{seed};
        flat<eviction> options;
        const std::size_t count = below(g, seed < 50 ? 80 : 4000);
        for (std::size_t i = 0; i < count; ++i) {
            eviction e{.node = node_index{below(g, 8)}, .count = static_cast<std::uint32_t>(1 + below(g, 3))};
            for (std::uint32_t k = 0; k < e.count; ++k) e.tasks[k] = task_index{below(g, f.work.task_count())};
            e.left = static_cast<amount>(below(g, 5));
            options.push_back(e);
        }
        const std::size_t alternatives = 1 + below(g, 3);
        const auto before = [&](std::size_t a, std::size_t b) {
            const eviction& x = options[a];
            const eviction& y = options[b];
            if (x.left != y.left) return x.left > y.left;
            if (x.node != y.node) return x.node < y.node;
            return x.tasks < y.tasks;
        };
        std::vector<std::size_t> all(count);
        for (std::size_t i = 0; i < count; ++i) all[i] = i;
        std::sort(all.begin(), all.end(), before);
        std::map<std::vector<std::size_t>, std::size_t> kinds;
        std::vector<std::size_t> expected;
        for (const std::size_t o : all) {
            std::vector<std::size_t> shapes;
            for (const task_index t : options[o].all()) shapes.push_back(f.work.shape(t).value());
            std::sort(shapes.begin(), shapes.end());
            if (kinds[shapes]++ < alternatives) expected.push_back(o);
        }
        eviction_ranking ranking;
        flat<std::size_t> ranked;
        stop_poll poll;
        REQUIRE(ranking.rank(f.work, options, alternatives, poll, ranked));
        REQUIRE(ranked.size() == expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            // Evictions that are equal in all that counts may change places.
            CHECK_FALSE(before(expected[i], ranked[i]));
            CHECK_FALSE(before(ranked[i], expected[i]));
        }
        if (count == 0) continue;
        const run_control<stopped> control;
        stop_poll at_once{control};
        CHECK_FALSE(ranking.rank(f.work, options, alternatives, at_once, ranked));
        CHECK(ranked.empty());
    }
}
