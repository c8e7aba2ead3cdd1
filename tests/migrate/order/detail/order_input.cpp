// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/order_input.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using berth::error_code;
using berth::node_index;
using berth::order_options;
using berth::slot;
using berth::task_index;
using berth::task_move;
using berth::unplaced;
using berth::detail::check_order_input;
using berth::detail::order_input;
using berth_test::bare_gpus;

namespace {

struct input {
    bare_gpus in{3, 80, {60, 50, 30}};
    berth::assignment initial = in.on({0, 1, 2});
    berth::assignment wanted = in.on({1, 0, -1});
    std::vector<task_move> in_flight{};
    order_options options{};

    [[nodiscard]] std::string refusal() const {
        const auto ok = check_order_input(in.problem(), initial, wanted, in_flight, options);
        return ok ? "" : ok.error().message;
    }
};

}  // namespace

TEST_CASE("order input: placements, tasks in flight and options that make no sense are refused by name") {
    const auto refusal = [](auto&& spoil) {
        input i;
        spoil(i);
        return i.refusal();
    };
    CHECK(refusal([](input&) {}).empty());
    CHECK(refusal([](input& i) { i.initial.pop_back(); }) ==
          "migration order: initial has 2 slots, expected 3, one for each task");
    CHECK(refusal([](input& i) { i.wanted.push_back(unplaced); }) ==
          "migration order: wanted has 4 slots, expected 3, one for each task");
    CHECK(refusal([](input& i) { i.wanted[2] = {node_index{3}, 1}; }) ==
          "migration order: task 2 (\"task-2\"): wanted is no slot of the fleet with 1 GPUs, nor unplaced");
    // A GPU beyond the node, too many of them, and GPUs of no node.
    for (const slot& bad : {slot{node_index{0}, 2}, slot{node_index{0}, 3}, slot{node_index{}, 1}}) {
        CHECK(refusal([&](input& i) { i.initial[1] = bad; }).find("task 1 (\"task-1\"): initial is no slot") !=
              std::string::npos);
    }
    const slot a{node_index{0}, 1};
    const slot b{node_index{1}, 1};
    CHECK(refusal([&](input& i) { i.in_flight = {{task_index{0}, a, b}}; }).empty());
    CHECK(refusal([&](input& i) { i.in_flight = {{task_index{3}, a, b}}; }) ==
          "migration order: in_flight[0]: task does not exist, there are 3 tasks");
    CHECK(refusal([&](input& i) { i.in_flight = {{task_index{}, a, b}}; }).find("task does not exist") !=
          std::string::npos);
    CHECK(refusal([&](input& i) { i.in_flight = {{task_index{1}, a, b}, {task_index{1}, a, b}}; }) ==
          "migration order: in_flight[1]: task 1 (\"task-1\") is listed already, expected each task once");
    CHECK(refusal([&](input& i) { i.in_flight = {{task_index{1}, a, {node_index{1}, 4}}}; }) ==
          "migration order: in_flight[0]: task 1 (\"task-1\"): to is no slot of the fleet with 1 GPUs, nor unplaced");
    CHECK(refusal([](input& i) { i.options.host_memory = {1, 2}; }) ==
          "migration order: host_memory has 2 entries, expected 0 or 3, one for each node");
    CHECK(refusal([](input& i) { i.options.step_cost = -1.0; }) ==
          "migration order: step_cost is negative or not a number, expected seconds from 0 on");
    CHECK(refusal([](input& i) { i.options.drop_cost = std::numeric_limits<double>::quiet_NaN(); }) ==
          "migration order: drop_cost is negative or not a number, expected seconds from 0 on");
}

TEST_CASE("order input: a task in flight holds both ends, and is refused if it is wanted at neither") {
    const bare_gpus in{4, 80, {60, 50}};
    const auto initial = in.on({0, 1});
    const task_move flying{task_index{0}, initial[0], in.on({2})[0]};
    const auto wanted = in.on({3, 2});
    const order_input read{in.problem(), initial, wanted, {&flying, 1}};
    const auto memory_of = [&](std::size_t gpu) {
        return read.free[read.numbers.first(berth::gpu_index{gpu}) + 1];  // share, memory
    };
    CHECK(memory_of(0) == 20);
    CHECK(memory_of(1) == 30);
    CHECK(memory_of(2) == 20);
    CHECK(memory_of(3) == 80);
    REQUIRE(read.refused.size() == 1);
    CHECK(read.refused[0].reason == berth::drop_reason::not_movable);
    CHECK(read.refused[0].wanted == task_move{task_index{0}, initial[0], wanted[0]});
    REQUIRE(read.wanted.size() == 1);
    CHECK(read.wanted[0] == task_move{task_index{1}, initial[1], wanted[1]});
    REQUIRE(read.moves.size() == 1);
    CHECK(read.moves.from(0).size() == 2);
}
