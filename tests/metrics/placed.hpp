// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/fleet.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/ledger.hpp"

#include <doctest/doctest.h>

#include <utility>

/// Three nodes: two GPUs, one GPU, none. GPU counters share and memory (unlimited on the first node), node counter cpu.
inline berth::fleet three_nodes() {
    berth::fleet_builder builder{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {"watts"}}};
    const berth::amount watts[] = {1000};
    REQUIRE(builder.add_domain("rack", 0, watts));
    const berth::amount open[] = {1000, berth::max_amount};
    const berth::amount limited[] = {1000, 16};
    const berth::amount cpu[] = {8};
    const berth::gpu_description two[] = {{.capacity = open}, {.capacity = open}};
    const berth::gpu_description one[] = {{.capacity = limited}};
    const std::string_view rack[] = {"rack"};
    REQUIRE(builder.add_node({.capacity = cpu, .gpus = two, .domains = rack}));
    REQUIRE(builder.add_node({.capacity = cpu, .gpus = one, .domains = rack}));
    REQUIRE(builder.add_node({.capacity = cpu}));
    return std::move(builder).build().value();
}

/// 400 thousandths and 4 of memory of a GPU, 2 CPUs, 100 W.
inline void place_share(berth::ledger& ledger, std::size_t node, berth::gpu_mask gpus) {
    static constexpr berth::amount gpu[] = {400, 4};
    static constexpr berth::amount cpu[] = {2};
    static constexpr berth::amount watts[] = {100};
    ledger.place({.gpu = gpu, .node = cpu, .domain = watts, .gpus = berth::gpu_count(gpus)},
                 {.node = berth::node_index{node}, .gpus = gpus});
}
