// SPDX-License-Identifier: Apache-2.0
// The order of moves on a cluster: what its ledger, its moves in flight and its rules say.
#include "berth/migrate/order/migration_order.hpp"
#include "berth/testing/check_migration.hpp"

#include "migrate/cluster_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

const migration_order<uniform_migration> order{uniform_migration{}};

slot on(std::size_t node, gpu_mask gpus = 1) { return {node_index{node}, gpus}; }

/// Nodes of one GPU with 80 GB, and jobs of so much memory.
struct small {
    cluster c{own_schema()};
    std::vector<task_handle> tasks{};

    explicit small(std::size_t nodes) {
        for (std::size_t n = 0; n < nodes; ++n) (void)need(c.join(own_machine{"n" + std::to_string(n), {{}}}));
    }
    task_index add(amount memory, slot where = unplaced, amount ram = 0) {
        const std::string name = "t" + std::to_string(tasks.size());
        tasks.push_back(need(c.admit(own_job{.name = name, .gpu_demand = {1, memory}, .node_demand = {ram}})));
        if (where.placed()) REQUIRE(c.occupy(tasks.back(), where));
        return *c.find(tasks.back());
    }
    [[nodiscard]] migration_plan plan(std::vector<std::pair<task_index, slot>> moves) const {
        assignment wanted(c.slots().begin(), c.slots().end());
        for (const auto& [t, to] : moves) wanted[t.value()] = to;
        const migration_plan made = need(order.run(c, wanted));
        const auto good = check_migration(c, wanted, made);
        CHECK_MESSAGE(good.has_value(), (good ? "" : good.error().message));
        return made;
    }
};

drop_reason only_drop(const migration_plan& plan) {
    REQUIRE(plan.dropped.size() == 1);
    CHECK(plan.steps.empty());
    return plan.dropped[0].reason;
}

/// Carries a plan out wave by wave, in random order within a wave; false if the cluster refuses a step.
bool carried_out(xoshiro256& g, cluster& c, const migration_plan& plan) {
    for (std::size_t w = 0; w < plan.wave_count(); ++w) {
        std::vector<migration_step> steps(plan.wave(w).begin(), plan.wave(w).end());
        for (std::size_t i = steps.size(); i > 1; --i) std::swap(steps[i - 1], steps[below(g, i)]);
        for (const migration_step& s : steps) {
            if (!s.to.placed()) continue;
            if (!(s.from.placed() ? c.begin_move(s.task, s.to) : c.place(s.task, s.to))) return false;
        }
        for (const migration_step& s : steps) {
            if (!s.from.placed()) continue;
            if (!(s.to.placed() ? c.finish_move(s.task) : c.release(s.task))) return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("reserved room is not free") {
    small s{3};
    const task_index a = s.add(60, on(0));
    const auto shape = need(s.c.shape_of(own_job{.name = "later", .gpu_demand = {1, 50}}));
    const auto held = s.c.reserve(shape, on(1));
    REQUIRE(held.has_value());
    CHECK(only_drop(s.plan({{a, on(1)}})) == drop_reason::no_room);
    CHECK(s.c.release(*held));
    CHECK(s.plan({{a, on(1)}}).steps.size() == 1);
}

TEST_CASE("a move in flight holds both ends and gets no step") {
    small s{3};
    const task_index a = s.add(60, on(0));
    const task_index b = s.add(60, on(1));
    REQUIRE(s.c.begin_move(a, on(2)));
    CHECK(only_drop(s.plan({{b, on(2)}})) == drop_reason::no_room);
    CHECK(only_drop(s.plan({{b, on(0)}})) == drop_reason::no_room);
    CHECK(only_drop(s.plan({{a, on(1)}})) == drop_reason::not_movable);
    CHECK(s.plan({{a, on(2)}}).steps.empty());
}

TEST_CASE("a slot that takes nothing new is no target") {
    small s{3};
    const task_index a = s.add(60, on(0));
    CHECK(s.c.set_healthy(s.c.handle(node_index{1}, 0), false));
    CHECK(only_drop(s.plan({{a, on(1)}})) == drop_reason::not_admissible);
    CHECK(s.c.set_open(s.c.handle(node_index{2}), false));
    CHECK(only_drop(s.plan({{a, on(2)}})) == drop_reason::not_admissible);
    const task_index h = *s.c.find(need(s.c.admit(own_job{.name = "h", .accepted_models = "H100"})));
    CHECK(only_drop(s.plan({{h, on(0)}})) == drop_reason::not_admissible);
}

TEST_CASE("a node fell from 64 to 48 GB with 30 and 30 running: one task leaves, and nothing comes before") {
    cluster c{own_schema()};
    const auto machine = [](const char* name, amount memory) {
        return own_machine{name, {{.uuid = name, .capacity = {100, memory}}}};
    };
    (void)need(c.join(machine("a", 64)));
    (void)need(c.join(machine("b", 64)));
    const task_index first = *c.find(need(c.admit(own_job{.name = "first", .gpu_demand = {1, 30}})));
    const task_index second = *c.find(need(c.admit(own_job{.name = "second", .gpu_demand = {1, 30}})));
    const task_index other = *c.find(need(c.admit(own_job{.name = "other", .gpu_demand = {1, 5}})));
    const task_index none = *c.find(need(c.admit(own_job{.name = "none", .gpu_demand = {1, 0}})));
    REQUIRE((c.place(first, on(0)) && c.place(second, on(0)) && c.place(other, on(1))));
    REQUIRE(need(c.report(machine("a", 48))) == c.handle(node_index{0}));
    CHECK(c.ledger().free(gpu_index{0})[1] == -12);
    CHECK_FALSE(c.place(none, on(0)));

    assignment wanted(c.slots().begin(), c.slots().end());
    wanted[none.value()] = on(0);
    CHECK(need(order.run(c, wanted)).dropped.size() == 1);
    wanted[other.value()] = on(0);
    CHECK(need(order.run(c, wanted)).dropped.size() == 2);
    wanted[second.value()] = on(1);
    const migration_plan plan = need(order.run(c, wanted));
    CHECK(plan.dropped.empty());
    CHECK(check_migration(c, wanted, plan).has_value());
    REQUIRE(plan.wave_count() == 2);
    CHECK(plan.wave(0).size() == 1);
    CHECK(plan.wave(0)[0].task == second);
    xoshiro256 g{1};
    CHECK(carried_out(g, c, plan));
    CHECK(std::equal(wanted.begin(), wanted.end(), c.slots().begin()));
}

TEST_CASE("the checker of a cluster's plans finds what the cluster would refuse") {
    small s{2};
    const task_index a = s.add(60, on(0));
    assignment wanted{on(1)};
    const migration_plan plan = need(order.run(s.c, wanted));
    const auto shape = need(s.c.shape_of(own_job{.name = "later", .gpu_demand = {1, 50}}));
    REQUIRE(s.c.reserve(shape, on(1)).has_value());
    CHECK(check_migration(s.c, wanted, plan).error().message.find("lacks 30 of memory") != std::string::npos);
    CHECK(s.c.set_healthy(s.c.handle(node_index{1}), false));
    CHECK(check_migration(s.c, wanted, plan).error().message.find("is not healthy") != std::string::npos);
    CHECK(s.c.retire(s.c.handle(a)));
    CHECK_FALSE(check_migration(s.c, wanted, plan).has_value());
}

TEST_CASE("vacant positions are not looked at, and lists of moves begin where tasks are") {
    small s{3};
    const task_index a = s.add(60, on(0));
    const task_index b = s.add(60, on(1));
    CHECK(s.c.retire(s.c.handle(a)));
    CHECK(s.c.leave(s.c.handle(node_index{0})));
    assignment wanted{on(17, 0xff), on(2)};
    CHECK(need(order.run(s.c, wanted)).steps.size() == 1);
    const auto refusal = [&](std::vector<task_move> moves) { return order.run(s.c, moves).error().message; };
    CHECK(need(order.run(s.c, std::vector<task_move>{{b, on(1), on(2)}})).steps.size() == 1);
    CHECK(refusal({{a, on(0), on(2)}}) == "migration order: moves[0]: task does not exist");
    CHECK(refusal({{b, on(1), on(2)}, {b, on(1), on(2)}}) ==
          "migration order: moves[1]: task 1 (\"t1\") is listed already, expected each task once");
    CHECK(refusal({{b, on(2), on(1)}}) ==
          "migration order: moves[0]: task 1 (\"t1\"): from is not the slot where it is");
    CHECK(refusal({{b, on(1), on(0)}}) ==
          "migration order: task 1 (\"t1\"): wanted is no slot of the cluster with 1 GPUs, nor unplaced");
    wanted.push_back(unplaced);
    CHECK(order.run(s.c, wanted).error().message ==
          "migration order: wanted has 3 slots, expected 2, one for each position of a task");
}

TEST_CASE("whatever is wanted of a random cluster, no step of the order is refused by it") {
    std::size_t steps = 0;
    std::size_t extra = 0;
    std::size_t dropped = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        xoshiro256 g{seed};
        cluster c{own_schema()};
        fill_at_random(g, c, 3 + below(g, 6), 8 + below(g, 30));
        std::vector<reservation_handle> reserved;
        for (std::size_t k = 0; k < 2; ++k) {
            const auto shape = need(c.shape_of(random_job(g, 1000)));
            if (const auto r = c.reserve(shape, admissible_slot(g, c, c.workload().demand(*c.find(shape)))))
                reserved.push_back(*r);
        }
        assignment wanted(c.slots().begin(), c.slots().end());
        for (std::size_t t = 0; t < wanted.size(); ++t) {
            if (!c.workload().present(task_index{t})) continue;
            const std::size_t other = below(g, wanted.size());
            const std::size_t gpus = c.workload().demand(task_index{t}).gpus;
            const bool exchange = chance(g, 40) && c.workload().present(task_index{other}) &&
                                  c.workload().demand(task_index{other}).gpus == gpus;
            if (exchange) std::swap(wanted[t], wanted[other]);
            if (!exchange && chance(g, 30)) wanted[t] = any_slot(g, c, gpus);
        }
        const order_options options{.parking = seed % 2 == 0};
        const migration_plan plan = need(migration_order{uniform_migration{}, options}.run(c, wanted));
        const auto good = check_migration(c, wanted, plan, options);
        REQUIRE_MESSAGE(good.has_value(), (good ? "" : good.error().message));
        steps += plan.steps.size();
        extra += plan.extra_steps;
        dropped += plan.dropped.size();
        CHECK(carried_out(g, c, plan));
        for (const dropped_move& d : plan.dropped) wanted[d.wanted.task.value()] = d.wanted.from;
        for (std::size_t t = 0; t < wanted.size(); ++t) {
            if (c.state(task_index{t}) == task_state::moving || !c.workload().present(task_index{t})) continue;
            CHECK(c.slots()[t] == wanted[t]);
        }
    }
    MESSAGE(steps, " steps, ", extra, " of them extra, ", dropped, " dropped");
    CHECK(steps > 300);
    CHECK(extra > 0);
    CHECK(dropped > 100);
}
