// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster.hpp"
#include "berth/testing/check_cluster.hpp"

#include "common/random_events.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using berth_test::random_events;

namespace {

/// Long runs set BERTH_CLUSTER_EVENTS.
std::size_t event_count(std::size_t usual) {
    const char* more = std::getenv("BERTH_CLUSTER_EVENTS");
    return more == nullptr ? usual : static_cast<std::size_t>(std::strtoull(more, nullptr, 10));
}

}  // namespace

TEST_CASE("cluster: no counter differs from a recount after any sequence of events") {
    const std::size_t total = event_count(6000);
    const std::size_t per_seed = total / 6 < 20'000 ? total / 6 : 20'000;
    std::size_t placed = 0;
    std::size_t moved = 0;
    std::size_t reserved = 0;
    for (std::uint64_t seed = 0; seed * per_seed < total; ++seed) {
        random_events events{seed};
        berth::cluster c{events.schema()};
        events.add_domains(c);
        for (std::size_t i = 0; i < per_seed; ++i) {
            events.step(c);
            for (const berth::slot& where : c.slots()) placed += where.placed() ? 1 : 0;
            moved += c.moving().size();
            reserved += c.reservation_count();
            if (i % 5 != 0 && i + 1 < per_seed) continue;
            const auto ok = berth::check_cluster(c);
            if (!ok) FAIL("seed ", seed, ", event ", i, ": ", ok.error().message);
        }
    }
    // The events are no idle ones.
    CHECK(placed > 2 * total);
    CHECK(moved > total / 4);
    CHECK(reserved > total / 4);
}
