// SPDX-License-Identifier: Apache-2.0
#include "berth/metrics/utilisation.hpp"

#include "berth/model/fleet_builder.hpp"

#include "metrics/placed.hpp"

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("utilisation by hand: counters by name, unlimited places left out") {
    const auto fleet = three_nodes();
    berth::ledger ledger{fleet};
    CHECK(berth::allocation_percent(ledger) == 0.0);
    CHECK(berth::gpus_in_use(ledger) == 0);
    CHECK(berth::nodes_in_use(ledger) == 0);
    place_share(ledger, 0, 0b11);
    place_share(ledger, 0, 0b01);
    place_share(ledger, 1, 0b01);
    CHECK(berth::gpu_utilisation(ledger) ==
          std::vector<berth::counter_use>{{.name = "share", .used = 1600, .capacity = 3000},
                                          {.name = "memory", .used = 4, .capacity = 16}});
    CHECK(berth::node_utilisation(ledger) ==
          std::vector<berth::counter_use>{{.name = "cpu", .used = 6, .capacity = 24}});
    CHECK(berth::domain_utilisation(ledger) ==
          std::vector<berth::counter_use>{{.name = "watts", .used = 300, .capacity = 1000}});
    CHECK(berth::gpu_utilisation(ledger)[1].percent() == 25.0);
    CHECK(berth::gpu_share(ledger).idle() == 1400);
    CHECK(berth::allocation_percent(ledger) == doctest::Approx(160.0 / 3.0));
    CHECK(berth::gpus_in_use(ledger) == 3);
    CHECK(berth::nodes_in_use(ledger) == 2);
    place_share(ledger, 2, 0);
    CHECK(berth::gpus_in_use(ledger) == 3);
    CHECK(berth::nodes_in_use(ledger) == 3);
}

TEST_CASE("utilisation of a fleet without GPUs is zero, not NaN") {
    berth::fleet_builder builder;
    REQUIRE(builder.add_node({}));
    const auto fleet = std::move(builder).build().value();
    const berth::ledger ledger{fleet};
    CHECK(berth::allocation_percent(ledger) == 0.0);
    CHECK(berth::node_utilisation(ledger)[0].percent() == 0.0);
}
