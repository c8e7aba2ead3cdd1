// SPDX-License-Identifier: Apache-2.0
#include "berth/migrate/order/migration_order.hpp"

#include "berth/core/random.hpp"
#include "berth/model/fleet_builder.hpp"
#include "berth/model/workload_builder.hpp"
#include "berth/testing/check_migration.hpp"

#include "common/instances.hpp"
#include "migrate/bare_gpus.hpp"
#include "support/random_rebalance.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using berth::drop_reason;
using berth::migration_order;
using berth::migration_plan;
using berth::node_index;
using berth::order_options;
using berth::slot;
using berth::step_kind;
using berth::task_index;
using berth::uniform_migration;
using berth::unplaced;
using berth_test::bare_gpus;
using berth_test::need;

static_assert(std::is_same_v<decltype(migration_order{}), migration_order<berth::stop_and_copy<>>>);
static_assert(std::is_same_v<decltype(migration_order{uniform_migration{}}), migration_order<uniform_migration>>);

namespace {

std::size_t count(const migration_plan& plan, step_kind kind) {
    std::size_t found = 0;
    for (const auto& step : plan.steps) found += step.kind == kind ? 1 : 0;
    return found;
}

/// The plan, checked.
template <class Cost>
migration_plan ordered(const migration_order<Cost>& order, const berth::problem& p, const berth::assignment& initial,
                       const berth::assignment& wanted, berth::task_moves in_flight = {}) {
    migration_plan plan = need(order.run(p, initial, wanted, in_flight));
    const auto checked = berth::check_migration(p, initial, wanted, plan, in_flight, order.options());
    if (!checked) FAIL(checked.error().message);
    return plan;
}

const migration_order counting{uniform_migration{}};

}  // namespace

TEST_CASE("order: a chain starts at its end, one wave per move, and moves with room share a wave") {
    // 0 -> 1 -> 2 -> 3, where GPU 3 is free and the others are full; task 3 has room anyway.
    const bare_gpus in{5, 80, {80, 80, 80, 10}};
    const auto plan = ordered(counting, in.problem(), in.on({0, 1, 2, 4}), in.on({1, 2, 3, 0}));
    REQUIRE(plan.wave_count() == 4);
    CHECK(plan.wave(0)[0].task == task_index{2});
    CHECK(plan.wave(1)[0].task == task_index{1});
    CHECK(plan.wave(2)[0].task == task_index{0});
    CHECK(plan.wave(3)[0].task == task_index{3});  // task 0 has to leave first
    CHECK(plan.steps.size() == 4);
    CHECK(plan.duration == 4.0);
    CHECK(plan.downtime == 4.0);
    CHECK(plan.extra_steps == 0);
    CHECK(plan.proven);
    const auto apart = ordered(counting, in.problem(), in.on({0, 1, 2, 4}), in.on({3, 1, 2, 4}));
    CHECK(apart.wave_count() == 1);
}

TEST_CASE("order: an exchange is broken by a temporary host or host memory, whichever is cheaper") {
    const bare_gpus in{3, 80, {60, 50, 30}};
    const auto plan = ordered(migration_order{}, in.problem(), in.on({0, 1, 2}), in.on({1, 0, 2}));
    REQUIRE(plan.steps.size() == 3);
    CHECK(plan.extra_steps == 1);
    CHECK(plan.steps[0].task == task_index{1});
    CHECK(plan.steps[0].kind == step_kind::stage);
    CHECK(plan.steps[0].to == in.on({2})[0]);
    CHECK(plan.steps[1].task == task_index{0});
    CHECK(plan.steps[2].kind == step_kind::move_task);
    CHECK(plan.proven);
    // Nothing but host memory is left.
    const bare_gpus full{3, 80, {60, 50, 40}};
    const auto parked = ordered(counting, full.problem(), full.on({0, 1, 2}), full.on({1, 0, 2}));
    REQUIRE(parked.steps.size() == 3);
    CHECK(parked.steps[0].kind == step_kind::park);
    CHECK(parked.steps[2].kind == step_kind::fetch);
    CHECK(parked.extra_steps == 1);
    CHECK(parked.duration == 3.0);
    CHECK(parked.downtime == 4.0);  // it waits a second while the other moves
}

TEST_CASE("order: with neither a free slot nor host memory an exchange is dropped, and nothing else") {
    const bare_gpus in{4, 80, {60, 50, 40, 10}};
    const migration_order strict{uniform_migration{}, {.parking = false}};
    const auto plan = ordered(strict, in.problem(), in.on({0, 1, 2, 3}), in.on({1, 0, 2, 2}));
    CHECK(plan.dropped.empty());  // by way of GPU 3
    const bare_gpus full{4, 80, {60, 50, 40, 40}};
    const auto less = ordered(strict, full.problem(), full.on({0, 1, 2, 3}), full.on({1, 0, 2, 2}));
    CHECK(less.dropped.empty());  // once GPU 3 is free
    const bare_gpus stuck{3, 80, {60, 50, 40}};
    const auto none = ordered(strict, stuck.problem(), stuck.on({0, 1, 2}), stuck.on({1, 0, 2}));
    REQUIRE(none.dropped.size() == 2);
    CHECK(none.dropped[0].reason == drop_reason::cycle);
    CHECK(none.dropped[0].wanted == berth::task_move{task_index{0}, stuck.on({0})[0], stuck.on({1})[0]});
    CHECK(none.steps.empty());
}

TEST_CASE("order: host memory is counted in bytes") {
    const bare_gpus in{2, 80, {80, 40, 40}};
    order_options options{.host_memory = {50'000'000'000, 50'000'000'000}};
    const auto initial = in.on({0, 1, 1});
    const auto wanted = in.on({1, 0, 0});
    // Parking the large one would do; the memory has room for the small ones, one on each node.
    const auto plan = ordered(migration_order{uniform_migration{}, options}, in.problem(), initial, wanted);
    CHECK(plan.dropped.size() == 3);
    options.host_memory = {50'000'000'000, 80'000'000'000};
    const auto both = ordered(migration_order{uniform_migration{}, options}, in.problem(), initial, wanted);
    CHECK(both.dropped.empty());
    CHECK(count(both, step_kind::park) == 2);
    options.host_memory = {80'000'000'000, 50'000'000'000};
    const auto large = ordered(migration_order{uniform_migration{}, options}, in.problem(), initial, wanted);
    CHECK(large.dropped.empty());
    CHECK(count(large, step_kind::park) == 1);
}

TEST_CASE("order: sums of moves are ordered, not only pairs") {
    // Three leave GPU 0, one large one comes. No two wait for each other alone.
    const bare_gpus in{3, 80, {30, 30, 20, 70}};
    const auto initial = in.on({0, 0, 0, 1});
    const auto wanted = in.on({1, 1, 2, 0});
    const auto plan = ordered(counting, in.problem(), initial, wanted);
    CHECK(plan.extra_steps == 1);  // the large one
    CHECK(plan.proven);
    // Only host memory has room for it; without that both others go by way of the GPU that task 2 goes to.
    const migration_order strict{uniform_migration{}, {.parking = false}};
    const auto staged = ordered(strict, in.problem(), initial, wanted);
    CHECK(staged.extra_steps == 2);
    CHECK(staged.dropped.empty());
}

TEST_CASE("order: a drop_cost below that of a step drops") {
    const bare_gpus in{3, 80, {60, 50, 30}};
    const migration_order order{uniform_migration{}, {.step_cost = 10.0, .drop_cost = 1.0}};
    const auto plan = ordered(order, in.problem(), in.on({0, 1, 2}), in.on({1, 0, 2}));
    CHECK(plan.dropped.size() == 2);
    const migration_order dear{uniform_migration{}, {.step_cost = 10.0, .drop_cost = 100.0}};
    CHECK(ordered(dear, in.problem(), in.on({0, 1, 2}), in.on({1, 0, 2})).dropped.empty());
}

TEST_CASE("order: a move without room is dropped, with the moves that need its source") {
    const bare_gpus in{3, 80, {50, 50, 60}};
    // Both tasks of 50 want GPU 2; task 2 wants GPU 0.
    const auto plan = ordered(counting, in.problem(), in.on({0, 1, 2}), in.on({2, 2, 0}));
    REQUIRE(!plan.dropped.empty());
    CHECK(plan.dropped[0].reason == drop_reason::no_room);
}

TEST_CASE("order: limits on nodes, links and waves") {
    const bare_gpus in{8, 80, {10, 10, 10, 10, 10, 10}, 4};
    const auto initial = in.on({0, 0, 1, 1, 2, 2});
    const auto wanted = in.on({4, 4, 5, 5, 6, 6});
    CHECK(ordered(counting, in.problem(), initial, wanted).wave_count() == 1);
    const auto waves = [&](const order_options& options) {
        const auto plan = ordered(migration_order{uniform_migration{}, options}, in.problem(), initial, wanted);
        CHECK(plan.dropped.empty());
        return plan.wave_count();
    };
    CHECK(waves({.per_node = 1}) == 6);
    CHECK(waves({.per_node = 4}) == 2);
    CHECK(waves({.per_link = 2}) == 3);
    CHECK(waves({.per_wave = 5}) == 2);
    const auto none = ordered(migration_order{uniform_migration{}, {.per_link = 0}}, in.problem(), initial, wanted);
    CHECK(none.dropped.size() == 6);
    CHECK(none.dropped[0].reason == drop_reason::limit_reached);
    const auto within = ordered(migration_order{uniform_migration{}, {.per_link = 0}}, in.problem(), initial,
                                in.on({1, 1, 2, 2, 3, 3}));
    CHECK(within.dropped.empty());
}

TEST_CASE("order: moves in flight hold both ends and get no step") {
    const bare_gpus in{3, 80, {60, 60, 20}};
    const auto initial = in.on({0, 1, 1});
    const berth::task_move flying{task_index{0}, initial[0], in.on({2})[0]};
    // Task 1 wants GPU 0, which task 0 still holds.
    const auto plan = ordered(counting, in.problem(), initial, in.on({2, 0, 0}), {&flying, 1});
    REQUIRE(plan.dropped.size() == 1);
    CHECK(plan.dropped[0].wanted.task == task_index{1});
    CHECK(plan.dropped[0].reason == drop_reason::no_room);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps[0].task == task_index{2});
    const auto elsewhere = ordered(counting, in.problem(), initial, in.on({1, 1, 1}), {&flying, 1});
    REQUIRE(elsewhere.dropped.size() == 1);
    CHECK(elsewhere.dropped[0].reason == drop_reason::not_movable);
}

TEST_CASE("order: tasks that arrive or leave are moves with one end") {
    const bare_gpus in{2, 80, {60, 70, 50}};
    const auto plan = ordered(counting, in.problem(), in.on({0, -1, 1}), in.on({-1, 0, 1}));
    REQUIRE(plan.steps.size() == 2);
    CHECK(plan.steps[0].kind == step_kind::park);
    CHECK(plan.steps[1].kind == step_kind::fetch);
    CHECK(plan.extra_steps == 0);
}

TEST_CASE("order: both ends count even where they overlap") {
    berth::fleet_builder fleet{{.gpu = {"share"}, .node = {"cpu"}, .domain = {}}};
    const berth::gpu_description gpu{};
    const std::vector<berth::gpu_description> gpus(3, gpu);
    const berth::amount cpu[] = {10};
    (void)need(fleet.add_node({.capacity = cpu, .gpus = gpus}));
    (void)need(fleet.add_node({.capacity = cpu, .gpus = gpus}));
    const auto machines = need(std::move(fleet).build());
    const berth::amount demand[] = {4};
    const berth::amount most[] = {6};
    berth::workload_builder work{machines};
    (void)need(work.add_task({.gpus = 2, .node_demand = demand}));
    (void)need(work.add_task({.gpus = 1, .node_demand = most}));
    const auto tasks = need(std::move(work).build());
    const berth::problem p{machines, tasks};
    // From GPUs {0, 1} to {1, 2}: GPU 1 would be needed twice, so the task has to go by way of the other node.
    const berth::assignment initial{{node_index{0}, 0b011}, unplaced};
    const berth::assignment wanted{{node_index{0}, 0b110}, unplaced};
    const auto plan = ordered(counting, p, initial, wanted);
    REQUIRE(plan.steps.size() == 2);
    CHECK(plan.steps[0].to.node == node_index{1});
    // From GPU 0 to GPU 1 of one node: its CPUs would be needed twice.
    const berth::assignment one{unplaced, {node_index{0}, 0b001}};
    const berth::assignment other{unplaced, {node_index{0}, 0b010}};
    CHECK(ordered(counting, p, one, other).extra_steps == 1);
}

TEST_CASE("order: a temporary host is healthy and of an accepted model") {
    berth::fleet_builder fleet{};
    const berth::gpu_description h100{.model = "H100"};
    const berth::gpu_description a100{.model = "A100"};
    const berth::gpu_description sick{.model = "H100", .healthy = false};
    for (const auto& gpu : {h100, h100, a100, sick}) (void)need(fleet.add_node({.gpus = {&gpu, 1}}));
    const auto machines = need(std::move(fleet).build());
    berth::workload_builder work{machines};
    const std::string_view accepted[] = {"H100"};
    for (int i = 0; i < 2; ++i) (void)need(work.add_task({.accepted_models = accepted}));
    const auto tasks = need(std::move(work).build());
    const berth::problem p{machines, tasks};
    const berth::assignment initial{{node_index{0}, 1}, {node_index{1}, 1}};
    const berth::assignment wanted{{node_index{1}, 1}, {node_index{0}, 1}};
    CHECK(count(ordered(counting, p, initial, wanted), step_kind::park) == 1);
    const migration_order strict{uniform_migration{}, {.parking = false}};
    CHECK(ordered(strict, p, initial, wanted).dropped.size() == 2);
}

TEST_CASE("order: a long step joins a wave that is as long") {
    // Tasks 0 and 1 are one chain (1 leaves first); task 2 is long, as 0 is, and can go with it.
    const bare_gpus in{4, 80, {70, 60, 70}};
    const auto by_size = [](const berth::problem& p, const berth::task_move& r) {
        const double seconds = static_cast<double>(p.workload().state_bytes(r.task)) / 1e9;
        return berth::migration_estimate{seconds, seconds, 0};
    };
    const bare_gpus more{6, 80, {70, 60, 70}};
    const auto plan = ordered(migration_order{by_size}, more.problem(), more.on({0, 1, 3}), more.on({1, 2, 4}));
    CHECK(plan.wave_count() == 2);
    CHECK(plan.duration == 130.0);  // not 140
}

TEST_CASE("order: many exchanges each take one extra step, and a second run gives the same plan") {
    std::vector<berth::amount> sizes;
    std::vector<int> from;
    std::vector<int> to;
    for (int i = 0; i < 400; ++i) {
        sizes.push_back(40 + i % 40);
        from.push_back(i);
        to.push_back(i % 2 == 0 ? i + 1 : i - 1);
    }
    const bare_gpus in{402, 80, sizes};
    const auto plan = ordered(migration_order{}, in.problem(), in.on(from), in.on(to));
    CHECK(plan.dropped.empty());
    CHECK(plan.extra_steps == 200);
    CHECK(plan == ordered(migration_order{}, in.problem(), in.on(from), in.on(to)));
}

TEST_CASE("order: plans are the same on every compiler") {
    std::uint64_t sum = 0;
    const auto mix = [&sum](std::uint64_t value) { sum = berth::splitmix64(sum ^ value); };
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const auto in = bench::make_random_rebalance(seed);
        const berth::problem p{in.machines, in.tasks};
        const auto plan = need(migration_order{in.options}.run(p, in.initial, in.wanted, in.in_flight));
        for (const auto& step : plan.steps) {
            for (const auto& end : {step.from, step.to}) mix(end.placed() ? end.node.value() * 64 + end.gpus : 1);
            mix(step.task.value() * 4 + static_cast<std::uint64_t>(step.kind));
        }
        for (const std::size_t end : plan.wave_ends) mix(end);
        for (const auto& drop : plan.dropped) mix(drop.wanted.task.value());
    }
    CHECK(sum == 0x4c7b7ceef96563c7ULL);
}

TEST_CASE("order: random plans never overflow, and with unbounded host memory nothing is dropped for a cycle") {
    // More of them: BERTH_RANDOM_PLANS=100000, or berth-bench moves --random-plans 100000.
    const char* more = std::getenv("BERTH_RANDOM_PLANS");
    const std::uint64_t plans = more != nullptr ? std::strtoull(more, nullptr, 10) : 1500;
    std::size_t steps = 0;
    std::size_t extra = 0;
    std::size_t dropped = 0;
    for (std::uint64_t seed = 0; seed < plans; ++seed) {
        CAPTURE(seed);
        const auto in = bench::make_random_rebalance(seed);
        const berth::problem p{in.machines, in.tasks};
        const auto plan = ordered(migration_order{in.options}, p, in.initial, in.wanted, in.in_flight);
        steps += plan.steps.size();
        extra += plan.extra_steps;
        dropped += plan.dropped.size();
        const bool memory = in.options.parking && in.options.host_memory.empty();
        if (!memory || in.options.drop_cost < order_options::never) continue;
        for (const auto& drop : plan.dropped) CHECK(drop.reason != drop_reason::cycle);
    }
    CHECK(steps > 5 * plans);
    CHECK(extra > plans / 20);
    CHECK(dropped > plans / 10);
}

namespace {

/// Stops at poll number `allowed`, from 0.
struct stops_after {
    std::size_t allowed;
    std::size_t* polls;

    [[nodiscard]] bool stop_requested() const { return (*polls)++ >= allowed; }
};

struct counts_hooks {
    int* begins;
    int* ends;
    void on_begin(const berth::progress&) { ++*begins; }
    void on_end(const berth::progress&) { ++*ends; }
};

/// Tasks that change places in one large ring after another.
struct rings {
    bare_gpus in;
    berth::assignment from;
    berth::assignment to;

    rings(int count, int length) : in{gpus(count, length), 80, sizes(count * length)} {
        std::vector<int> start;
        std::vector<int> goal;
        for (int i = 0; i < count * length; ++i) {
            start.push_back(i);
            goal.push_back(i / length * length + (i + 1) % length);
        }
        from = in.on(start);
        to = in.on(goal);
    }

private:
    static std::size_t gpus(int count, int length) { return static_cast<std::size_t>(count * length); }
    static std::vector<berth::amount> sizes(int tasks) {
        std::vector<berth::amount> made;
        for (int i = 0; i < tasks; ++i) made.push_back(45 + i * 7 % 30);
        return made;
    }
};

}  // namespace

TEST_CASE("order: a stop at any poll leaves a valid and complete plan") {
    std::size_t stopped = 0;
    for (std::uint64_t seed = 0; seed < 250; ++seed) {
        CAPTURE(seed);
        const auto in = bench::make_random_rebalance(seed);
        const berth::problem p{in.machines, in.tasks};
        std::size_t polls = 0;
        berth::run_control<stops_after> control{.stop = {seed % 5, &polls}};
        const migration_order order{in.options};
        const auto plan = need(order.run(p, in.initial, in.wanted, in.in_flight, control));
        const auto checked = berth::check_migration(p, in.initial, in.wanted, plan, in.in_flight, in.options);
        if (!checked) FAIL(checked.error().message);
        CHECK((plan.stopped == berth::stop_reason::cancelled) == (polls > seed % 5));
        stopped += plan.stopped == berth::stop_reason::cancelled ? 1 : 0;
        const bool memory = in.options.parking && in.options.host_memory.empty();
        if (!memory || in.options.drop_cost < order_options::never) continue;
        for (const auto& drop : plan.dropped) CHECK(drop.reason != drop_reason::cycle);
    }
    CHECK(stopped > 50);
}

TEST_CASE("order: a large search is polled at least once per thousand moves, and stops where it is asked to") {
    const rings in{1, 200};
    std::size_t polls = 0;
    berth::run_control<stops_after> whole{.stop = {std::size_t{1} << 40U, &polls}};
    const migration_order order{uniform_migration{}, {.max_evaluations = 40'000}};
    const auto plan = need(order.run(in.in.problem(), in.from, in.to, {}, whole));
    CHECK(plan.evaluations >= 40'000);
    CHECK(plan.stopped == berth::stop_reason::budget_exhausted);
    CHECK(polls >= plan.evaluations / 1000);
    const std::size_t all = polls;
    for (const std::size_t allowed : {std::size_t{0}, std::size_t{1}, all / 2}) {
        polls = 0;
        berth::run_control<stops_after> part{.stop = {allowed, &polls}};
        const auto less = need(order.run(in.in.problem(), in.from, in.to, {}, part));
        CHECK(berth::check_migration(in.in.problem(), in.from, in.to, less));
        CHECK(polls == allowed + 1);
        CHECK(less.stopped == berth::stop_reason::cancelled);
        CHECK_FALSE(less.proven);
        CHECK(less.evaluations < plan.evaluations * 3 / 4);
        CHECK(less.dropped.empty());
        CHECK(less.extra_steps >= 1);
    }
}

TEST_CASE("order: the budget of a run control and that of the options are one") {
    const rings in{3, 40};
    const auto with = [&](std::uint64_t of_options, std::uint64_t of_control) {
        berth::run_control<> control{.max_evaluations = of_control};
        const migration_order order{uniform_migration{}, {.max_evaluations = of_options}};
        return need(order.run(in.in.problem(), in.from, in.to, {}, control));
    };
    CHECK(with(1200, ~std::uint64_t{0}).evaluations >= 1200);
    const auto bounded = with(120'000, 1000);
    CHECK(bounded.evaluations <= 1000 + 40);
    CHECK(bounded.stopped == berth::stop_reason::budget_exhausted);
    CHECK(bounded == with(120'000, 1000));
    CHECK(with(120'000, 0).evaluations == 0);
}

TEST_CASE("order: an observer sees the beginning and the end, and a refusal sees none") {
    const bare_gpus in{3, 80, {60, 50, 30}};
    int begins = 0;
    int ends = 0;
    berth::run_control<berth::never_stop, counts_hooks> control{.observer = {&begins, &ends}};
    (void)need(counting.run(in.problem(), in.on({0, 1, 2}), in.on({1, 0, 2}), {}, control));
    CHECK(begins == 1);
    CHECK(ends == 1);
    CHECK_FALSE(counting.run(in.problem(), in.on({0, 1}), in.on({1, 0, 2}), {}, control));
    CHECK(begins == 1);
}

TEST_CASE("order: input that makes no sense is refused in every build") {
    const bare_gpus in{3, 80, {60, 50}};
    const auto p = in.problem();
    const auto from = in.on({0, 1});
    const auto refused = [&](const berth::assignment& a, const berth::assignment& b, berth::task_moves flying = {}) {
        const auto plan = counting.run(p, a, b, flying);
        REQUIRE_FALSE(plan.has_value());
        return plan.error().code;
    };
    CHECK(refused({from[0]}, from) == berth::error_code::inconsistent);
    CHECK(refused(from, {from[0], from[1], from[0]}) == berth::error_code::inconsistent);
    CHECK(refused(from, {from[0], {node_index{7}, 1}}) == berth::error_code::unknown_name);
    CHECK(refused(from, {from[0], {node_index{1}, 0b10}}) == berth::error_code::unknown_name);
    const berth::task_move twice[] = {{task_index{0}, from[0], from[1]}, {task_index{0}, from[0], from[1]}};
    CHECK(refused(from, from, twice) == berth::error_code::duplicate);
    const berth::task_move unknown[] = {{task_index{9}, from[0], from[1]}};
    CHECK(refused(from, from, unknown) == berth::error_code::unknown_name);
    CHECK_FALSE(migration_order{uniform_migration{}, {.host_memory = {1}}}.run(p, from, from).has_value());
}
