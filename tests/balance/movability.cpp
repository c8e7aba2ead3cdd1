// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/movability.hpp"

#include "berth/model/fleet_builder.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>

static_assert(!berth::movability<int>);

TEST_CASE("movability: pinned tasks and GPU models, alone and together") {
    berth::fleet_builder builder;
    const berth::gpu_description a[] = {{.model = "A"}, {.model = "B"}};
    const berth::gpu_description b[] = {{.model = "B"}, {.model = "A"}};
    (void)berth_test::need(builder.add_node({.gpus = a}));
    (void)berth_test::need(builder.add_node({.gpus = b}));
    const auto machines = berth_test::need(std::move(builder).build());
    const std::vector<std::uint8_t> pinned{0, 1};
    const berth::slot from{berth::node_index{0}, 1};
    const berth::slot same{berth::node_index{1}, 2};
    const berth::slot other{berth::node_index{1}, 1};
    const berth::task_index free{0};
    const berth::task_index fixed{1};
    const berth::same_gpu_model model{&machines};
    CHECK(model({free, from, same}));
    CHECK_FALSE(model({free, from, other}));
    CHECK(model({free, {berth::node_index{0}, 0}, {berth::node_index{1}, 0}}));
    const berth::all_of both{berth::except_pinned{pinned}, model};
    CHECK(both({free, from, same}));
    CHECK_FALSE(both({free, from, other}));
    CHECK_FALSE(both({fixed, from, same}));
    CHECK(berth::all_movable{}({fixed, from, other}));
}
