// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/detail/wave_planner.hpp"

#include "berth/migrate/order/detail/order_input.hpp"
#include "berth/testing/check_migration.hpp"

#include "migrate/bare_gpus.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <utility>
#include <vector>

using berth::migration_plan;
using berth::order_options;
using berth::step_kind;
using berth::uniform_migration;
using berth::detail::migration_estimates;
using berth::detail::order_control;
using berth::detail::order_input;
using berth::detail::wave_planner;
using berth_test::bare_gpus;

namespace {

constexpr uniform_migration equal_cost{};

struct always {
    [[nodiscard]] bool stop_requested() const { return true; }
};

/// Moves from one placement to another, and a planner for them.
struct planned {
    berth::problem p;
    berth::assignment from;
    berth::assignment to;
    order_options options;
    order_input in;
    order_control control;
    wave_planner planner;

    planned(const bare_gpus& g, const std::vector<int>& start, const std::vector<int>& goal, order_options o = {},
            order_control c = {})
        : p{g.problem()},
          from{g.on(start)},
          to{g.on(goal)},
          options{std::move(o)},
          in{p, from, to, {}},
          control{c},
          planner{p, in.numbers, migration_estimates::of(equal_cost), options, in.wanted, in.moves, in.free, control} {}
    planned(const planned&) = delete;

    [[nodiscard]] migration_plan finish() {
        migration_plan plan;
        planner.finish(plan);
        const auto checked = berth::check_migration(p, from, to, plan, {}, options);
        if (!checked) FAIL(checked.error().message);
        return plan;
    }
};

}  // namespace

TEST_CASE("wave planner: direct moves go in the earliest wave with room") {
    const bare_gpus in{4, 80, {60, 50, 40}};
    planned made{in, {0, 1, 3}, {1, 2, 3}};
    made.planner.go(1, 0);  // 1 -> 2 is free
    made.planner.go(0, 0);  // 0 -> 1 once task 1 has left
    CHECK(made.planner.size() == 2);
    const auto plan = made.finish();
    CHECK(plan.wave_count() == 2);
    CHECK(plan.duration == 2.0);
    CHECK(plan.extra_steps == 0);
}

TEST_CASE("wave planner: a broken move waits at a temporary host if one is free, else in host memory") {
    const std::uint32_t order[] = {1};
    const std::uint32_t broken[] = {0};
    const bare_gpus roomy{3, 80, {60, 50}};
    planned staged{roomy, {0, 1}, {1, 0}};
    CHECK(staged.planner.carry_out(order, broken) == 1);
    const auto by_slot = staged.finish();
    REQUIRE(by_slot.steps.size() == 3);
    CHECK(by_slot.steps[0].kind == step_kind::stage);
    CHECK(by_slot.steps[0].to == roomy.on({2})[0]);

    const bare_gpus full{2, 80, {60, 50}};
    planned parked{full, {0, 1}, {1, 0}};
    CHECK(parked.planner.carry_out(order, broken) == 1);
    const auto by_memory = parked.finish();
    REQUIRE(by_memory.steps.size() == 3);
    CHECK(by_memory.steps[0].kind == step_kind::park);
    CHECK(by_memory.steps[2].kind == step_kind::fetch);
    CHECK(by_memory.extra_steps == 1);
    CHECK(by_memory.downtime == 4.0);  // a second of it is the wait
}

TEST_CASE("wave planner: a broken move that can wait nowhere leaves nothing entered") {
    const std::uint32_t order[] = {1};
    const std::uint32_t broken[] = {0};
    const bare_gpus full{2, 80, {60, 50}};
    planned made{full, {0, 1}, {1, 0}, {.host_memory = {59'000'000'000, 59'000'000'000}}};
    CHECK(made.planner.carry_out(order, broken) == 0);
    CHECK(made.planner.size() == 0);
    // The other one fits into host memory, with the same planner.
    const std::uint32_t first[] = {0};
    const std::uint32_t small[] = {1};
    CHECK(made.planner.carry_out(first, small) == 1);
    CHECK(made.finish().steps.size() == 3);
}

TEST_CASE("wave planner: after a stop a broken move is parked without a look at slots, and staged if it has to be") {
    const std::uint32_t order[] = {1};
    const std::uint32_t broken[] = {0};
    const bare_gpus roomy{3, 80, {60, 50}};
    berth::run_control<always> stop;
    order_control stopped{stop};
    REQUIRE(stopped.poll());
    planned parked{roomy, {0, 1}, {1, 0}, {}, stopped};
    CHECK(parked.planner.carry_out(order, broken) == 1);
    CHECK(parked.finish().steps[0].kind == step_kind::park);
    planned staged{roomy, {0, 1}, {1, 0}, {.parking = false}, stopped};
    CHECK(staged.planner.carry_out(order, broken) == 1);
    CHECK(staged.finish().steps[0].kind == step_kind::stage);
}
