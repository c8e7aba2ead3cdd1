// SPDX-License-Identifier: Apache-2.0
#include "berth/cost/divisible/load_cost.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <type_traits>
#include <vector>

namespace {

using berth::amount;
using berth::gpu_index;
using berth::load_gpu;
using berth::load_task;
using berth::task_index;

static_assert(!std::is_constructible_v<berth::load_state, berth::load_cost&&>, "the description outlives the state");
static_assert(std::is_copy_assignable_v<berth::load_state>);

struct random_model {
    std::vector<load_task> tasks;
    std::vector<load_gpu> gpus;

    random_model(berth::xoshiro256& random, std::size_t task_count, std::size_t gpu_count) {
        for (std::size_t i = 0; i < task_count; ++i) {
            tasks.push_back({.execution_cost = berth::uniform01(random) * 10.0,
                             .load = static_cast<amount>(berth::bounded(random, 500))});
        }
        for (std::size_t g = 0; g < gpu_count; ++g) {
            gpus.push_back({.max_load = 500 + static_cast<amount>(berth::bounded(random, 1500)),
                            .available_time = static_cast<amount>(berth::bounded(random, 2000)),
                            .load = static_cast<amount>(berth::bounded(random, 300))});
        }
    }
};

}  // namespace

TEST_CASE("load_cost by hand: L * T <= G - used, cost C * P, P rises") {
    // GPU 0: G = 2, T = 1.5, load 0.5;  task: C = 4, L = 0.4, so L * T = 0.6
    const auto model = berth::make_load_cost({{.execution_cost = 4.0, .load = 400}},
                                             {{.max_load = 2000, .available_time = 1500, .load = 500}})
                           .value();
    berth::load_state state{model};
    const task_index t{0};
    const gpu_index g{0};
    CHECK(state.load(g) == doctest::Approx(0.5));
    CHECK(state.cost(t, g) == doctest::Approx(2.0));
    CHECK(state.room(g) == 1000);  // (2 - 0.5) / 1.5
    state.place(t, g);
    CHECK(state.load(g) == doctest::Approx(1.1));
    CHECK(state.cost(t, g) == doctest::Approx(4.4));
    CHECK(state.admits(t, g));
    state.place(t, g);
    CHECK(state.load_micro(g) == 1'700'000);
    CHECK_FALSE(state.admits(t, g));  // 1.7 + 0.6 > 2
    CHECK(state.room(g) == 200);
    CHECK(state.admits(load_task{.load = 200}, g));
    CHECK_FALSE(state.admits(load_task{.load = 201}, g));
    state.remove(t, g);
    state.remove(t, g);
    CHECK(state.load_micro(g) == 500'000);
}

TEST_CASE("load_cost: relative loads are shares of G") {
    const auto model =
        berth::make_load_cost({{.execution_cost = 3.0, .load = 100}},
                              {{.max_load = 4000, .load = 1000}, {.max_load = 0}}, berth::load_measure::relative)
            .value();
    const berth::load_state state{model};
    CHECK(state.load(gpu_index{0}) == 0.25);
    CHECK(state.cost(task_index{0}, gpu_index{0}) == 0.75);
    CHECK(state.load(gpu_index{1}) == 0.0);
    CHECK_FALSE(state.admits(task_index{0}, gpu_index{1}));
}

TEST_CASE("load_cost: a GPU with T = 0 admits any load, a GPU above its limit admits none") {
    const auto model = berth::make_load_cost({{.load = 7}}, {{.max_load = 10, .available_time = 0},
                                                             {.max_load = 10, .available_time = 1000, .load = 11}})
                           .value();
    const berth::load_state state{model};
    CHECK(state.admits(task_index{0}, gpu_index{0}));
    CHECK(state.room(gpu_index{0}) == berth::max_load_amount);
    CHECK_FALSE(state.admits(load_task{.load = 0}, gpu_index{1}));
    CHECK(state.room(gpu_index{1}) == 0);
}

TEST_CASE("load_cost: loads after random placing and removing equal a full recomputation, exactly") {
    berth::xoshiro256 random{11};
    for (int round = 0; round < 20; ++round) {
        const random_model numbers{random, 40, 6};
        const auto model = berth::make_load_cost(numbers.tasks, numbers.gpus).value();
        berth::load_state state{model};
        std::vector<gpu_index> place(40);
        for (int step = 0; step < 400; ++step) {
            const task_index t{berth::bounded(random, 40)};
            gpu_index& at = place[t.value()];
            if (at.valid()) {
                state.remove(t, at);
                at = {};
            } else {
                at = gpu_index{berth::bounded(random, 6)};
                state.place(t, at);
            }
            for (std::size_t g = 0; g < 6; ++g) {
                amount expected = numbers.gpus[g].load * 1000;
                for (std::size_t i = 0; i < 40; ++i) {
                    if (place[i] == gpu_index{g}) expected += numbers.tasks[i].load * numbers.gpus[g].available_time;
                }
                REQUIRE(state.load_micro(gpu_index{g}) == expected);
                REQUIRE(state.admits(t, gpu_index{g}) ==
                        (numbers.tasks[t.value()].load * numbers.gpus[g].available_time <=
                         numbers.gpus[g].max_load * 1000 - expected));
                const amount room = state.room(gpu_index{g});
                if (room < berth::max_load_amount)
                    REQUIRE_FALSE(state.admits(load_task{.load = room + 1}, gpu_index{g}));
                if (room > 0) REQUIRE(state.admits(load_task{.load = room}, gpu_index{g}));
            }
        }
        double expected = 0.0;
        for (std::size_t i = 0; i < 40; ++i) {
            if (place[i].valid()) expected += numbers.tasks[i].execution_cost * state.load(place[i]);
        }
        CHECK(berth::assignment_cost(model, place) == doctest::Approx(expected));
        state.reset();
        CHECK(state.load_micro(gpu_index{0}) == numbers.gpus[0].load * 1000);
    }
}

TEST_CASE("load_cost: assignment_cost by hand does not depend on the order of placing") {
    const auto model = berth::make_load_cost({{.execution_cost = 1.0, .load = 1000},
                                              {.execution_cost = 2.0, .load = 3000},
                                              {.execution_cost = 5.0, .load = 2000}},
                                             {{.max_load = 9000}, {.max_load = 9000}})
                           .value();
    const std::vector<gpu_index> place{gpu_index{0}, gpu_index{0}, gpu_index{1}};
    CHECK(berth::assignment_cost(model, place) == doctest::Approx(1.0 * 4.0 + 2.0 * 4.0 + 5.0 * 2.0));
    CHECK(berth::assignment_cost(model, std::vector<gpu_index>(3)) == 0.0);
}

TEST_CASE("load_cost: the model of a problem uses its GPU shares") {
    berth::fleet_builder machines;
    const berth::gpu_description two[2] = {};
    REQUIRE(machines.add_node({.gpus = two}));
    const auto fleet = std::move(machines).build().value();
    berth::workload_builder tasks{fleet};
    const amount share[] = {300};
    REQUIRE(tasks.add_task({.gpus = 1, .gpu_demand = share}));
    REQUIRE(tasks.add_task({.gpus = 2}));
    REQUIRE(tasks.add_task({.gpus = 0}));
    const auto work = std::move(tasks).build().value();
    const auto model = berth::make_load_cost(berth::problem{fleet, work}).value();
    CHECK(model.task(task_index{0}).execution_cost == doctest::Approx(0.3));
    CHECK(model.task(task_index{0}).load == 300);
    CHECK(model.task(task_index{1}).execution_cost == 2.0);
    CHECK(model.task(task_index{2}).load == 0);
    CHECK(model.gpus().size() == 2);
    CHECK(model.gpu(gpu_index{1}).max_load == 1000);
    CHECK(model.measure() == berth::load_measure::relative);
}

TEST_CASE("load_cost: wrong numbers are refused with item and field") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto message = [](std::vector<load_task> tasks, std::vector<load_gpu> gpus) {
        return berth::make_load_cost(std::move(tasks), std::move(gpus)).error().message;
    };
    CHECK(message({{}, {.execution_cost = nan}}, {}) == "task 1: execution_cost is not a finite number of 0 or more");
    CHECK(message({{.execution_cost = -1.0}}, {}) == "task 0: execution_cost is not a finite number of 0 or more");
    CHECK(message({{.load = -5}}, {}) == "task 0: load is -5, expected 0..1000000000000");
    CHECK(message({{.load = berth::max_load_amount + 1}}, {}) ==
          "task 0: load is 1000000000001, expected 0..1000000000000");
    CHECK(message({}, {{}, {.max_load = -1}}) == "gpu 1: max_load is -1, expected 0..1000000000000");
    CHECK(message({}, {{.available_time = 2'000'000}}) == "gpu 0: available_time is 2000000, expected 0..1000000");
    CHECK(message({}, {{.load = -2}}) == "gpu 0: load is -2, expected 0..1000000000000");
    const auto sum = berth::make_load_cost(std::vector<load_task>(5, {.load = berth::max_load_amount}),
                                           {{.available_time = berth::max_load_time}});
    CHECK(sum.error() == berth::error{berth::error_code::overflow,
                                      "load cost: the loads of all tasks on one GPU add up to more than 4e12 units"});
}
