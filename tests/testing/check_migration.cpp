// SPDX-License-Identifier: Apache-2.0
#include "berth/testing/check_migration.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using berth::check_migration;
using berth::migration_plan;
using berth::migration_step;
using berth::order_options;
using berth::slot;
using berth::step_kind;
using berth::task_index;
using berth::unplaced;
using berth_test::bare_gpus;

namespace {

/// Tasks 0 (60) and 1 (50) change places by way of GPU 2.
struct exchange {
    bare_gpus in{3, 80, {60, 50}, 1};
    berth::assignment initial = in.on({0, 1});
    berth::assignment wanted = in.on({1, 0});
    slot third = in.on({2})[0];
    migration_plan plan{.steps = {{task_index{1}, initial[1], third, step_kind::stage, 1.0, 1.0},
                                  {task_index{0}, initial[0], wanted[0], step_kind::move_task, 1.0, 1.0},
                                  {task_index{1}, third, wanted[1], step_kind::move_task, 1.0, 1.0}},
                        .wave_ends = {1, 2, 3},
                        .dropped = {}};

    [[nodiscard]] std::string verdict(const order_options& options = {}, berth::task_moves in_flight = {}) const {
        const auto checked = check_migration(in.problem(), initial, wanted, plan, in_flight, options);
        return checked ? "fine" : checked.error().message;
    }
};

bool contains(std::string_view text, std::string_view piece) { return text.find(piece) != std::string_view::npos; }

}  // namespace

TEST_CASE("check: a good plan passes") { CHECK(exchange{}.verdict() == "fine"); }

TEST_CASE("check: names wave, task and counter of an overflow") {
    exchange e;
    e.plan.wave_ends = {2, 3};  // task 0 comes while task 1 still holds its slot
    const auto message = e.verdict();
    CHECK(contains(message, "wave 0, task 0 (\"task-0\"): GPU 0 of node 1 (\"node-1\") lacks 30 of memory"));
    e.plan.wave_ends = {1, 3};
    CHECK(contains(e.verdict(), "wave 1, task 0 (\"task-0\"): has two steps in one wave") == false);
    CHECK(contains(e.verdict(), "wave 1"));
}

TEST_CASE("check: steps chain up, once for each task and wave") {
    exchange e;
    e.plan.steps[2].from = e.initial[1];
    CHECK(contains(e.verdict(), "wave 2, task 1 (\"task-1\"): does not leave from its slot"));
    e = {};
    e.plan.steps[1] = e.plan.steps[0];
    e.plan.wave_ends = {2, 3};
    CHECK(contains(e.verdict(), "has two steps in one wave"));
    e = {};
    e.plan.steps[0].to = e.initial[1];
    CHECK(contains(e.verdict(), "goes to the slot that it leaves"));
    e = {};
    e.plan.steps[1].to = e.third;
    CHECK(contains(e.verdict(), "does not go to its wanted slot"));
    e = {};
    e.plan.steps[1].to.gpus = 2;
    CHECK(contains(e.verdict(), "not a slot"));
    e = {};
    e.plan.steps[0].task = task_index{7};
    CHECK(contains(e.verdict(), "no task 7"));
    e.plan.steps[0].task = task_index{};
    CHECK(contains(e.verdict(), "names no task"));
    e = {};
    e.plan.steps[0].to = unplaced;
    CHECK(contains(e.verdict(), "staged at no slot"));
}

TEST_CASE("check: slots and tasks that do not exist are refused") {
    exchange e;
    const slot nowhere{berth::node_index{99}, 1};
    e.initial[0] = nowhere;
    CHECK(e.verdict() == "task 0 (\"task-0\"): initial is no slot of the fleet for it");
    e = {};
    e.wanted[1].gpus = 3;
    CHECK(e.verdict() == "task 1 (\"task-1\"): wanted is no slot of the fleet for it");
    e = {};
    const berth::task_move unknown{task_index{7}, e.initial[0], e.third};
    CHECK(contains(e.verdict({}, {&unknown, 1}), "in_flight has a task that does not exist"));
    const berth::task_move away{task_index{0}, e.initial[0], nowhere};
    CHECK(contains(e.verdict({}, {&away, 1}), "in_flight has a task that does not exist"));
    const berth::task_move flying{task_index{0}, e.initial[0], e.third};
    const berth::task_move twice[] = {flying, flying};
    CHECK(contains(e.verdict({}, twice), "a task twice"));
    e.plan.steps[1].to = nowhere;
    CHECK(contains(e.verdict(), "not a slot"));
}

TEST_CASE("check: waves have ends") {
    exchange e;
    e.plan.wave_ends = {1, 2};
    CHECK(contains(e.verdict(), "after the last wave"));
    e.plan.wave_ends = {1, 1, 3};
    CHECK(contains(e.verdict(), "wave 1 has no step"));
    e.plan.wave_ends = {1, 2, 4};
    CHECK(contains(e.verdict(), "wave 2"));
}

TEST_CASE("check: at the end every task is at its wanted slot, or dropped and at its initial slot") {
    exchange e;
    e.plan.steps.pop_back();
    e.plan.wave_ends.pop_back();
    CHECK(contains(e.verdict(), "task 1 (\"task-1\"): is not at its wanted slot"));
    e.plan.dropped.push_back({{task_index{1}, e.initial[1], e.wanted[1]}, berth::drop_reason::cycle});
    CHECK(contains(e.verdict(), "was dropped, and is not at its initial slot"));
    e = {};
    e.plan = {};
    CHECK(contains(e.verdict(), "not dropped"));
    for (std::size_t t = 0; t < 2; ++t) {
        e.plan.dropped.push_back({{task_index{t}, e.initial[t], e.wanted[t]}, berth::drop_reason::cycle});
    }
    CHECK(e.verdict() == "fine");
    e.plan.dropped.push_back(e.plan.dropped.front());
    CHECK(contains(e.verdict(), "listed twice"));
    e.wanted.pop_back();
    CHECK(contains(e.verdict(), "the workload has 2 tasks"));
}

TEST_CASE("check: limits, host memory, and moves in flight") {
    exchange e;
    CHECK(e.verdict({.per_node = 1, .per_link = 1, .per_wave = 1}) == "fine");
    e.plan.steps[0].to = unplaced;
    e.plan.steps[0].kind = step_kind::park;
    e.plan.steps[2].from = unplaced;
    e.plan.steps[2].kind = step_kind::fetch;
    CHECK(e.verdict() == "fine");
    CHECK(e.verdict({.host_memory = {0, 50'000'000'000, 0}}) == "fine");
    CHECK(contains(e.verdict({.host_memory = {90'000'000'000, 49'000'000'000, 0}}), "lacks 1000000000 bytes"));
    CHECK(contains(e.verdict({.host_memory = {1, 1}}), "host_memory has 2 entries, the fleet has 3 nodes"));
    CHECK(contains(e.verdict({.per_wave = 0}), "at most 0"));
    CHECK(contains(e.verdict({.per_node = 0}), "one of its nodes"));
    CHECK(contains(e.verdict({.per_link = 0}), "wave 1, task 0 (\"task-0\"): too many steps on its link"));
    const berth::task_move flying{task_index{0}, e.initial[0], e.third};
    CHECK(contains(e.verdict({}, {&flying, 1}), "in flight"));
    e.plan.steps[2].kind = step_kind::move_task;
    CHECK(contains(e.verdict(), "from host memory"));
}
