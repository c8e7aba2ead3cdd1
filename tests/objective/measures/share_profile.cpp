// SPDX-License-Identifier: Apache-2.0
#include "berth/objective/measures/share_profile.hpp"

#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("share_profile equals a loop over the GPUs, and every change can be undone") {
    CHECK(share_profile{}.size() == 0);
    CHECK(share_profile{}.total() == 0);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        const std::size_t counters = 1 + below(g, 2);
        resource_schema schema{.gpu = {"share", "memory"}, .node = {}, .domain = {}};
        schema.gpu.resize(counters);
        fleet_builder builder{schema};
        std::vector<std::vector<amount>> capacities(below(g, 65));
        std::vector<gpu_description> gpus;
        for (auto& capacity : capacities) {
            for (std::size_t r = 0; r < counters; ++r) capacity.push_back(static_cast<amount>(below(g, 12)) * 100);
            gpus.push_back({.capacity = capacity, .healthy = !chance(g, 10)});
        }
        (void)need(builder.add_node({.gpus = gpus}));
        const auto machines = need(std::move(builder).build());
        const ledger ledger{machines};
        const node_view node = ledger.node(node_index{0});

        std::vector<amount> shares;
        for (std::size_t i = 0; i < gpus.size(); ++i) {
            if (gpus[i].healthy) shares.push_back(capacities[i][0]);
        }
        share_profile profile{node};
        const auto agrees = [&] {
            std::sort(shares.begin(), shares.end());
            amount total = 0;
            for (const amount share : shares) total += share;
            bool same = profile.size() == shares.size() && profile.total() == total;
            for (amount u = 0; u <= 1300; u += 50) {
                const auto small = std::lower_bound(shares.begin(), shares.end(), u) - shares.begin();
                same = same && profile.short_of(u) == static_cast<std::size_t>(small);
            }
            amount below_sum = 0;
            for (std::size_t i = 0; i < shares.size(); ++i) {
                same = same && profile.below(i) == below_sum;
                below_sum += shares[i];
            }
            return same;
        };
        REQUIRE(agrees());
        for (int step = 0; step < 50 && !shares.empty(); ++step) {
            const std::size_t at = below(g, shares.size());
            const amount before = shares[at];
            const auto after = static_cast<amount>(below(g, 13)) * 100;
            profile.replace(before, after);
            shares[at] = after;
            REQUIRE(agrees());
            if (step % 3 == 0) {
                profile.replace(after, before);
                const auto undone = std::find(shares.begin(), shares.end(), after);
                *undone = before;
                REQUIRE(agrees());
            }
        }
    }
}
