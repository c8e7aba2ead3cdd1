// SPDX-License-Identifier: Apache-2.0
#include "berth/watch/fleet_watch.hpp"

#include "common/counting_new.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

TEST_CASE("a watch allocates nothing once it has seen as many changes at a time") {
    berth::cluster living{{.gpu = {"share"}, .node = {}}};
    std::vector<berth::gpu_handle> gpus;
    for (std::size_t n = 0; n < 4; ++n) {
        const std::string name = "n" + std::to_string(n);
        const std::vector<berth::gpu_description> cards(4);
        REQUIRE(living.join(berth::node_description{.name = name, .gpus = cards}));
        for (std::size_t g = 0; g < 4; ++g) gpus.push_back(living.handle(berth::node_index{n}, g));
    }
    auto watch = berth::fleet_watch<>{}.start(living);
    double now = 0.0;
    const auto day = [&] {
        for (int minute = 0; minute < 300; ++minute) {
            now += 60.0;
            for (std::size_t g = 0; g < gpus.size(); ++g) {
                if (minute > 100 && minute < 120 && g < 6) continue;
                (void)watch.observe({.time = now,
                                     .gpu = gpus[g],
                                     .load = 0.5,
                                     .temperature = 60.0,
                                     .power = 200.0,
                                     .energy = 200.0 * now,
                                     .xid = minute > 20 && minute < 30 ? 79U : 0U});
            }
            (void)watch.update(now);
        }
    };
    day();
    CHECK(berth_test::allocations_of(day) == 0);
}
