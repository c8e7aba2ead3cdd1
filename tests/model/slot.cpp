// SPDX-License-Identifier: Apache-2.0
#include "berth/model/slot.hpp"

#include "berth/model/resources.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <type_traits>

using berth::first_gpus;
using berth::gpu_count;
using berth::has_gpus;
using berth::lowest_gpu;
using berth::node_index;
using berth::slot;
using berth::unplaced;

static_assert(first_gpus(0) == 0 && first_gpus(1) == 1 && first_gpus(8) == 0xff);
static_assert(first_gpus(63) == ~berth::gpu_mask{0} >> 1U && first_gpus(64) == ~berth::gpu_mask{0});
static_assert(gpu_count(0) == 0 && gpu_count(0b1011) == 3 && gpu_count(first_gpus(64)) == 64);
static_assert(lowest_gpu(0b1000) == 3 && lowest_gpu(berth::gpu_mask{1} << 63U) == 63);

static_assert(has_gpus(0, 0) && !has_gpus(0, 1) && has_gpus(0b100, 1) && !has_gpus(0b100, 2));
static_assert(has_gpus(first_gpus(64), 64) && !has_gpus(first_gpus(63), 64) && has_gpus(0b1011, 3));

static_assert(!unplaced.placed() && slot{}.placed() == false);
static_assert(slot{node_index{0}}.placed(), "a task without GPUs is placed on a node alone");
static_assert(slot{node_index{1}, 3} == slot{node_index{1}, 3});
static_assert(slot{node_index{1}, 3} != slot{node_index{1}, 1} && slot{node_index{1}} != unplaced);
static_assert(std::is_trivially_copyable_v<slot> && std::is_aggregate_v<slot>);

static_assert(std::numeric_limits<berth::amount>::max() / berth::max_amount >= berth::amount{1} << 17U);
static_assert(berth::max_gpus_per_node == 64 && berth::max_models == 64 && berth::whole_gpu == 1000);

TEST_CASE("the default schema") {
    const berth::resource_schema schema;
    CHECK(schema.gpu == std::vector<std::string>{"share"});
    CHECK(schema.node == std::vector<std::string>{"cpu", "memory"});
    CHECK(schema.domain.empty());
    CHECK(schema == berth::resource_schema{});
}
