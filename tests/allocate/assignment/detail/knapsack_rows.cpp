// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/assignment/detail/knapsack_rows.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace berth;
using namespace berth_test;

TEST_CASE("a knapsack and the worth of its items agree with trying everything") {
    detail::knapsack_rows rows;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        xoshiro256 g{seed};
        const std::size_t items = below(g, 9);
        const std::size_t capacity = below(g, 30);
        std::vector<double> profit;
        std::vector<std::size_t> load;
        for (std::size_t k = 0; k < items; ++k) {
            profit.push_back(1.0 + static_cast<double>(below(g, 50)) / 8.0);
            load.push_back(below(g, capacity + 1));
        }
        double best = 0.0;
        std::vector<double> with(items, 0.0);
        std::vector<double> without(items, 0.0);
        for (std::size_t set = 0; set < (std::size_t{1} << items); ++set) {
            double sum = 0.0;
            std::size_t used = 0;
            for (std::size_t k = 0; k < items; ++k) {
                if ((set >> k & 1U) == 0) continue;
                sum += profit[k];
                used += load[k];
            }
            if (used > capacity) continue;
            best = std::max(best, sum);
            for (std::size_t k = 0; k < items; ++k) {
                double& of = (set >> k & 1U) != 0 ? with[k] : without[k];
                of = std::max(of, sum);
            }
        }
        rows.start(capacity);
        for (std::size_t k = 0; k < items; ++k) rows.add(profit[k], load[k]);
        const std::size_t extra = below(g, capacity + 1);
        rows.fill(extra);
        CAPTURE(seed);
        CHECK(rows.size() == items);
        CHECK(rows.best() == doctest::Approx(best));
        double sum = 0.0;
        std::size_t used = 0;
        rows.chosen([&](std::size_t k) {
            sum += profit[k];
            used += load[k];
        });
        CHECK(sum == doctest::Approx(best));
        CHECK(used <= capacity);
        rows.look_back();
        for (std::size_t k = 0; k < items; ++k) {
            CHECK(rows.with(k) == doctest::Approx(with[k]));
            CHECK(rows.without(k) == doctest::Approx(without[k]));
        }
        CHECK(rows.with_extra(-2.0, 0) == doctest::Approx(best - 2.0));
        double beside = 0.0;
        for (std::size_t set = 0; set < (std::size_t{1} << items); ++set) {
            double worth = 0.0;
            std::size_t room = extra;
            for (std::size_t k = 0; k < items; ++k) {
                if ((set >> k & 1U) == 0) continue;
                worth += profit[k];
                room += load[k];
            }
            if (room <= capacity) beside = std::max(beside, worth);
        }
        CHECK(rows.with_extra(-2.0, extra) == doctest::Approx(beside - 2.0));
    }
}
