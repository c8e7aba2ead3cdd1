// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster_text.hpp"

#include "berth/testing/check_cluster.hpp"
#include "common/random_events.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using berth_test::below;
using berth_test::need;
using berth_test::random_events;

TEST_CASE("cluster text: the loaded cluster is the saved one, and answers every event as it does") {
    for (std::uint64_t seed = 100; seed < 104; ++seed) {
        random_events events{seed};
        berth::cluster c{events.schema()};
        events.add_domains(c);
        for (std::size_t i = 0; i < 400; ++i) {
            events.step(c);
            if (i % 20 != 0) continue;
            const std::string text = berth::save_cluster(c);
            berth::cluster loaded = need(berth::load_cluster(text));
            const auto ok = berth::check_cluster(loaded);
            if (!ok) FAIL("seed ", seed, ", event ", i, ": ", ok.error().message);
            REQUIRE(berth::save_cluster(loaded) == text);
        }
    }
}
