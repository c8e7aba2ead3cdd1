// SPDX-License-Identifier: Apache-2.0
#include "berth/metrics/fairness.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

TEST_CASE("jain_index by hand") {
    CHECK(berth::jain_index(std::vector<double>{1, 1, 1, 1}) == 1.0);
    CHECK(berth::jain_index(std::vector<double>{5, 0, 0, 0}) == 0.25);
    CHECK(berth::jain_index(std::vector<double>{2, 2, 0, 0}) == 0.5);
    CHECK(berth::jain_index(std::vector<double>{1, 2, 3}) == doctest::Approx(36.0 / 42.0));
    CHECK(berth::jain_index(std::vector<double>{0, 0}) == 1.0);
    CHECK(berth::jain_index({}) == 1.0);
}

TEST_CASE("jain_index lies in 1/n..1 and ignores scale") {
    berth::xoshiro256 random{2};
    for (int round = 0; round < 200; ++round) {
        std::vector<double> loads(1 + berth::bounded(random, 30));
        for (double& x : loads) x = berth::uniform01(random);
        const double index = berth::jain_index(loads);
        CHECK(index <= 1.0 + 1e-12);
        CHECK(index >= 1.0 / static_cast<double>(loads.size()) - 1e-12);
        for (double& x : loads) x *= 1024.0;
        CHECK(berth::jain_index(loads) == index);
    }
}

TEST_CASE("gpu_load_fairness compares used shares, also of GPUs of different size") {
    berth::fleet_builder builder;
    const berth::amount small[] = {500};
    const berth::amount none[] = {0};
    const berth::gpu_description gpus[] = {{}, {.capacity = small}, {.capacity = none}};
    REQUIRE(builder.add_node({.gpus = gpus}));
    const auto fleet = std::move(builder).build().value();
    berth::ledger ledger{fleet};
    CHECK(berth::gpu_load_fairness(ledger) == 1.0);
    const berth::amount demand[] = {250};
    const berth::amount host[] = {0, 0};
    const berth::demand_view share{.gpu = demand, .node = host, .gpus = 1};
    ledger.place(share, {.node = berth::node_index{0}, .gpus = 0b01});
    CHECK(berth::gpu_load_fairness(ledger) == 0.5);
    ledger.place(share, {.node = berth::node_index{0}, .gpus = 0b10});
    CHECK(berth::gpu_load_fairness(ledger) == doctest::Approx(0.75 * 0.75 / (2.0 * (0.0625 + 0.25))));
    ledger.place(share, {.node = berth::node_index{0}, .gpus = 0b01});
    CHECK(berth::gpu_load_fairness(ledger) == 1.0);  // half of either
}
