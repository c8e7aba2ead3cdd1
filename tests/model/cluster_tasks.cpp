// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster.hpp"

#include "common/small_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Tasks, moves, reservations and demands. Nodes: cluster.cpp.

using berth::amount;
using berth::cluster;
using berth::node_index;
using berth::task_description;
using berth::task_state;
using berth_test::check_sound;
using berth_test::gpus_of;
using berth_test::need;
using berth_test::node_spec;
using berth_test::on_node;

namespace {

/// Two nodes of four GPUs, 10 CPUs each.
cluster two_nodes() {
    cluster c{{.gpu = {"share"}, .node = {"cpu"}, .domain = {}}};
    for (const char* name : {"n0", "n1"}) {
        (void)need(c.join(*node_spec{.name = name, .capacity = {10}, .gpus = gpus_of(4)}));
    }
    return c;
}
berth::task_handle admit(cluster& c, std::size_t gpus = 1, const char* name = "") {
    return need(c.admit(task_description{.name = name, .gpus = gpus}));
}
std::size_t free_gpus(const cluster& c, std::size_t node) {
    std::size_t free = 0;
    for (std::size_t i = 0; i < c.fleet().gpu_count(node_index{node}); ++i) {
        free += c.ledger().free(c.fleet().gpu(node_index{node}, i))[0] == 1000 ? 1 : 0;
    }
    return free;
}

}  // namespace

TEST_CASE("cluster: what admit refuses is said, and changes nothing") {
    cluster c = two_nodes();
    (void)admit(c, 1, "t0");
    (void)need(c.admit({.group = "gang", .gang = true, .min_tasks = 2}));
    const amount minus[] = {-1};
    const amount two[] = {1, 2};
    const amount zero[] = {0};
    struct wrong {
        task_description task;
        const char* message;
    };
    for (const auto& [task, message] : {
             wrong{{.name = "t0"}, "task 2 (\"t0\"): a task of this name exists already"},
             {{.gpus = 65}, "task 2 (\"task-2\"): gpus is 65, a task gets at most 64 GPUs of one node"},
             {{.gpu_demand = minus}, "task 2 (\"task-2\"): gpu_demand[0] is -1, expected 0..35184372088832"},
             {{.node_demand = two}, "task 2 (\"task-2\"): node_demand has 2 values, the resource schema names 1"},
             {{.gpu_demand = zero}, "task 2 (\"task-2\"): gpu_demand is 0 in every counter, but the task wants 1 GPU"},
             {{.gang = true}, "task 2 (\"task-2\"): gang is set, but the task has no group"},
             {{.group = "gang"}, "task 2 (\"task-2\"): gang differs from the other members of group \"gang\""},
             {{.group = "gang", .gang = true},
              "task 2 (\"task-2\"): min_tasks differs from the other members of group \"gang\""},
             {{.state_bytes = -1}, "task 2 (\"task-2\"): state_bytes is -1, expected 0..35184372088832"},
         }) {
        const auto admitted = c.admit(task);
        REQUIRE_FALSE(admitted);
        CHECK(admitted.error().message == message);
        CHECK(c.task_count() == 2);
        check_sound(c);
    }
}

TEST_CASE("cluster: a task waits, runs, waits and leaves, doubled events are data") {
    cluster c = two_nodes();
    const auto t = admit(c, 2, "t0");
    CHECK(c.state(t) == task_state::waiting);
    CHECK_FALSE(c.release(t));
    CHECK_FALSE(c.place(t, on_node(0, 1)));     // one GPU too few
    CHECK_FALSE(c.place(t, on_node(0, 0x11)));  // a GPU that does not exist
    CHECK_FALSE(c.place(t, on_node(2, 3)));     // nor such a node
    CHECK_FALSE(c.place(t, berth::unplaced));
    const auto alike = need(c.admit(task_description{.gpus = 2, .same_model = true}));
    (void)need(c.join(*node_spec{.name = "mixed", .gpus = gpus_of({"T4", "A100"})}));
    CHECK_FALSE(
        c.place(alike, on_node(2, berth::gpu_mask{3} << 62)));  // asked for the models of GPUs that do not exist
    CHECK(c.place(t, on_node(0, 3)));
    CHECK_FALSE(c.place(t, on_node(1, 3)));
    CHECK_FALSE(c.occupy(t, on_node(1, 3)));
    CHECK(c.state(t) == task_state::running);
    CHECK(c.find_task("t0") == t);
    CHECK(c.where(t) == on_node(0, 3));
    CHECK(std::ranges::equal(c.tasks_on(node_index{0}), std::vector{*c.find(t)}));
    check_sound(c);
    CHECK(c.release(t));
    CHECK_FALSE(c.release(t));
    CHECK(c.place(t, on_node(1, 12)));
    CHECK(c.retire(t));
    CHECK_FALSE(c.retire(t));  // the departure arrives twice
    CHECK(free_gpus(c, 1) == 4);
    CHECK_FALSE(c.place(t, on_node(0, 3)));
    CHECK_FALSE(c.occupy(t, on_node(0, 3)));
    CHECK_FALSE(c.begin_move(t, on_node(0, 3)));
    CHECK_FALSE(c.finish_move(t));
    CHECK_FALSE(c.cancel_move(t));
    CHECK(c.state(t) == task_state::waiting);
    CHECK_FALSE(c.where(t).placed());
    CHECK_FALSE(c.find(t));
    CHECK_FALSE(c.find_task("t0"));
    CHECK_FALSE(c.retire({}));
    CHECK_FALSE(c.place(berth::task_index{}, on_node(0, 3)));
    CHECK_FALSE(c.place(berth::task_index{99}, on_node(0, 3)));
    const auto next = admit(c, 2, "t0");
    CHECK(next.position() == t.position());
    CHECK_FALSE(c.retire(t));
    CHECK(c.find(next));
    check_sound(c);
}

TEST_CASE("cluster: what is observed exceeds, what is planned does not") {
    cluster c = two_nodes();
    const auto a = admit(c);
    const auto b = admit(c);
    CHECK(c.occupy(a, on_node(0, 1)));
    CHECK_FALSE(c.place(b, on_node(0, 1)));
    CHECK_FALSE(c.occupy(b, on_node(0, 3)));
    CHECK_FALSE(c.occupy(b, on_node(9, 1)));
    CHECK(c.occupy(b, on_node(0, 1)));
    CHECK(c.ledger().free(c.fleet().gpu(node_index{0}, 0))[0] == -1000);
    check_sound(c);
    const std::vector<berth::task_handle> tasks{admit(c), a, {}, admit(c), admit(c)};
    const std::vector<berth::slot> where{on_node(1, 1), on_node(1, 1), on_node(1, 1), on_node(1, 3), on_node(1, 1)};
    std::vector<std::size_t> refused{77};
    CHECK(cluster{c}.occupy(tasks, where) == 2);
    CHECK(c.occupy(tasks, where, &refused) == 2);
    CHECK(refused == std::vector<std::size_t>{77, 1, 2, 3});
    CHECK(c.where(tasks[4]) == on_node(1, 1));
    // Without a slot each.
    refused.clear();
    CHECK(c.occupy(std::vector{admit(c), admit(c)}, std::vector{on_node(1, 2)}, &refused) == 1);
    CHECK(refused == std::vector<std::size_t>{1});
    check_sound(c);
}

TEST_CASE("cluster: a move holds both ends") {
    cluster c = two_nodes();
    const auto t = admit(c, 2);
    CHECK_FALSE(c.begin_move(t, on_node(1, 3)));
    CHECK(c.place(t, on_node(0, 3)));
    CHECK_FALSE(c.finish_move(t));
    CHECK_FALSE(c.cancel_move(t));
    CHECK_FALSE(c.begin_move(t, on_node(0, 6)));  // its own GPUs are no room
    const amount half[] = {500};
    const auto small = need(c.admit(task_description{.gpu_demand = half}));
    CHECK(c.place(small, on_node(0, 8)));
    CHECK_FALSE(c.begin_move(small, on_node(0, 8)));  // no move, although there is room for two
    CHECK(c.retire(small));
    CHECK(c.begin_move(t, on_node(1, 3)));
    CHECK_FALSE(c.begin_move(t, on_node(1, 12)));
    CHECK(c.state(t) == task_state::moving);
    CHECK(c.where(t) == on_node(0, 3));
    CHECK(c.targets()[c.find(t)->value()] == on_node(1, 3));
    CHECK(c.moving().size() == 1);
    CHECK(free_gpus(c, 0) == 2);
    CHECK(free_gpus(c, 1) == 2);
    CHECK(c.tasks_on(node_index{1}).empty());
    check_sound(c);
    SUBCASE("it arrives") {
        CHECK(c.finish_move(t));
        CHECK_FALSE(c.finish_move(t));
        CHECK_FALSE(c.cancel_move(t));
        CHECK(c.where(t) == on_node(1, 3));
        CHECK(free_gpus(c, 0) == 4);
    }
    SUBCASE("it fails") {
        CHECK(c.cancel_move(t));
        CHECK_FALSE(c.cancel_move(t));
        CHECK_FALSE(c.finish_move(t));
        CHECK(c.where(t) == on_node(0, 3));
        CHECK(free_gpus(c, 1) == 4);
    }
    SUBCASE("the task is stopped meanwhile") {
        CHECK(c.release(t));
        CHECK(free_gpus(c, 0) + free_gpus(c, 1) == 8);
    }
    SUBCASE("the task ends meanwhile") {
        CHECK(c.retire(t));
        CHECK(free_gpus(c, 0) + free_gpus(c, 1) == 8);
    }
    SUBCASE("it arrives on a GPU that failed meanwhile") {
        CHECK(c.set_healthy(c.handle(node_index{1}, 0), false));
        CHECK(c.finish_move(t));
        CHECK(c.where(t) == on_node(1, 3));
    }
    CHECK(c.moving().empty());
    check_sound(c);
}

TEST_CASE("cluster: a move within a node") {
    cluster c = two_nodes();
    const auto a = admit(c);
    const auto b = admit(c);
    CHECK(c.place(a, on_node(0, 1)));
    CHECK(c.place(b, on_node(0, 2)));
    CHECK(c.begin_move(a, on_node(0, 4)));
    CHECK(c.finish_move(a));
    CHECK(c.tasks_on(node_index{0}).size() == 2);
    check_sound(c);
}

TEST_CASE("cluster: a node leaves with moves from and to it, and with reservations") {
    cluster c = two_nodes();
    const auto stays = admit(c);
    const auto to = admit(c);
    const auto from = admit(c);
    CHECK(c.place(stays, on_node(0, 1)));
    CHECK(c.place(to, on_node(1, 1)));
    CHECK(c.place(from, on_node(0, 2)));
    CHECK(c.begin_move(to, on_node(0, 4)));
    CHECK(c.begin_move(from, on_node(1, 2)));
    const auto shape = c.handle(c.workload().shape(*c.find(stays)));
    const auto held = *c.reserve(shape, on_node(0, 8));
    const auto elsewhere = *c.reserve(shape, on_node(1, 8));
    std::vector<berth::task_handle> displaced{{}};
    CHECK(c.leave(*c.find_node("n0"), &displaced));
    CHECK(displaced == std::vector<berth::task_handle>{{}, stays, from});
    CHECK(c.state(stays) == task_state::waiting);
    CHECK(c.state(from) == task_state::waiting);
    CHECK(c.state(to) == task_state::running);
    CHECK(c.where(to) == on_node(1, 1));
    CHECK_FALSE(c.where(held).placed());
    CHECK_FALSE(c.release(held));
    CHECK(c.where(elsewhere) == on_node(1, 8));
    CHECK(free_gpus(c, 1) == 2);
    CHECK_FALSE(c.place(stays, on_node(0, 1)));
    CHECK_FALSE(c.occupy(stays, on_node(0)));
    check_sound(c);
    CHECK_FALSE(c.leave({}, &displaced));
    CHECK(displaced.size() == 3);
}

TEST_CASE("cluster: reservations hold room for a demand") {
    cluster c = two_nodes();
    const amount cpu[] = {10};
    const auto shape = need(c.shape_of(task_description{.gpus = 3, .node_demand = cpu}));
    CHECK_FALSE(c.reserve(berth::shape_handle{}, on_node(0, 7)));
    CHECK_FALSE(c.reserve(berth::shape_handle{9, 1}, on_node(0, 7)));
    CHECK_FALSE(c.reserve(shape, on_node(0, 3)));
    const auto held = c.reserve(shape, on_node(0, 7));
    REQUIRE(held);
    CHECK(c.reservation_count() == 1);
    CHECK_FALSE(c.reserve(shape, on_node(0, 14)));
    CHECK_FALSE(c.place(need(c.admit(task_description{.node_demand = cpu})), on_node(0, 8)));
    std::size_t seen = 0;
    c.for_each_reservation([&](berth::reservation_handle r, berth::shape_index s, berth::slot where) {
        CHECK(r == *held);
        CHECK(c.handle(s) == shape);
        CHECK(where == on_node(0, 7));
        ++seen;
    });
    CHECK(seen == 1);
    check_sound(c);
    CHECK(c.release(*held));
    CHECK_FALSE(c.release(*held));
    CHECK_FALSE(c.where(*held).placed());
    const auto again = c.reserve(shape, on_node(1, 7));
    REQUIRE(again);
    CHECK(again->position() == held->position());
    CHECK_FALSE(c.release(*held));
    CHECK(c.reservation_count() == 1);
    check_sound(c);
}

TEST_CASE("cluster: demands that nobody has make way after a thousand others") {
    cluster c = two_nodes();
    const auto shape = [&](amount cpu) {
        const amount wanted[] = {cpu};
        return need(c.shape_of(task_description{.node_demand = wanted}));
    };
    const amount one[] = {1};
    const auto t = need(c.admit(task_description{.node_demand = one}));
    const amount two[] = {2};
    const auto reserved = need(c.shape_of(task_description{.node_demand = two}));
    const auto held = *c.reserve(reserved, on_node(0, 1));
    const auto used_often = shape(3);
    const auto used_once = shape(4);
    for (amount cpu = 10; cpu < 3000; ++cpu) {
        (void)shape(cpu);
        CHECK(shape(3) == used_often);
    }
    CHECK(c.workload().shape_count() <= 1030);
    CHECK(c.find(shape(1)) == c.workload().shape(*c.find(t)));
    CHECK(shape(2) == reserved);
    // Its position is somebody else's by now, and it is not taken for that.
    CHECK_FALSE(c.find(used_once));
    CHECK(c.workload().generation(berth::shape_index{used_once.position()}) > used_once.generation());
    CHECK_FALSE(c.reserve(used_once, on_node(1, 1)));
    CHECK(c.workload().demand(*c.find(shape(4))).node[0] == 4);
    CHECK(c.release(held));
    check_sound(c);
}

TEST_CASE("cluster: a demand that no task may have has no shape") {
    cluster c = two_nodes();
    const auto refused = [&](std::vector<amount> gpu, std::size_t gpus, std::vector<amount> node,
                             std::uint64_t models) {
        const auto shape =
            c.shape_of(berth::demand_view{.gpu = gpu, .node = node, .gpus = gpus, .accepted_models = models});
        REQUIRE_FALSE(shape);
        return shape.error().message;
    };
    const std::uint64_t every = ~std::uint64_t{0};
    CHECK(refused({1000}, 65, {0}, every) == "demand: gpus is 65, a task gets at most 64 GPUs of one node");
    CHECK(refused({-1}, 1, {0}, every).find("demand: gpu[0] is -1") == 0);
    CHECK(refused({0}, 1, {0}, every) == "demand: gpu[0] is 0, but the task wants 1 GPUs");
    CHECK(refused({5}, 0, {0}, every) == "demand: gpu[0] is 5, but the task wants 0 GPUs");
    CHECK(refused({1000}, 1, {berth::max_amount + 1}, every).find("demand: node[0] is ") == 0);
    CHECK(refused({1000}, 1, {}, every).find("demand: it has 1 GPU, 0 node and 0 domain counters") == 0);
    CHECK(refused({1000}, 1, {0}, std::uint64_t{1} << 40U) ==
          "demand: accepted_models has no bit of a model of the fleet");
    check_sound(c);
    // What does not matter makes no other shape, and bits of models that do not exist are not kept.
    const std::vector<amount> one{1000};
    const std::vector<amount> none{0};
    const auto shape = [&](std::size_t gpus, std::uint64_t models, bool same) {
        return need(c.shape_of(berth::demand_view{
            .gpu = gpus == 0 ? none : one, .node = none, .gpus = gpus, .accepted_models = models, .same_model = same}));
    };
    CHECK(shape(1, every, true) == shape(1, every, false));
    CHECK(shape(0, 0, false) == shape(0, every, true));
    CHECK(shape(1, 1, false) == shape(1, std::uint64_t{1} << 40U | 1U, false));
    (void)need(c.join(*node_spec{.name = "b", .gpus = gpus_of({"B200"})}));
    check_sound(c);
}

TEST_CASE("cluster: groups come and go with their members") {
    cluster c = two_nodes();
    const auto member = [&](const char* group, bool same_model) {
        return need(c.admit(task_description{.same_model = same_model, .group = group, .gang = true}));
    };
    const auto a = member("a", false);
    const auto b = member("a", true);
    const auto group = *c.workload().find_group("a");
    CHECK(c.workload().members(group).size() == 2);
    CHECK(c.workload().same_model(group));
    CHECK(c.workload().min_tasks(group) == 2);
    check_sound(c);
    CHECK(c.retire(b));  // nobody wants it any more
    CHECK_FALSE(c.workload().same_model(group));
    check_sound(c);
    CHECK(c.retire(a));
    CHECK_FALSE(c.workload().find_group("a"));
    check_sound(c);
    (void)member("b", false);
    CHECK(c.workload().find_group("b") == group);
    // The name is free for a group of another sort.
    (void)need(c.admit(task_description{.group = "a"}));
    CHECK_FALSE(c.workload().is_gang(*c.workload().find_group("a")));
    check_sound(c);
}

TEST_CASE("cluster: copies answer what-if questions, a moved one goes on") {
    cluster c = two_nodes();
    const auto a = admit(c);
    const auto b = admit(c);
    CHECK(c.place(a, on_node(0, 1)));
    CHECK(c.begin_move(a, on_node(1, 1)));
    cluster what_if{c};
    CHECK(what_if.finish_move(a));
    CHECK(what_if.place(b, on_node(0, 1)));
    CHECK(what_if.leave(*what_if.find_node("n1")));
    CHECK(&what_if.ledger().fleet() == &what_if.fleet());
    CHECK(&what_if.problem().fleet() == &what_if.fleet());
    CHECK(c.state(a) == task_state::moving);
    CHECK(c.state(b) == task_state::waiting);
    CHECK(c.node_count() == 2);
    check_sound(c);
    check_sound(what_if);
    cluster moved{std::move(c)};
    CHECK(&moved.ledger().fleet() == &moved.fleet());
    CHECK(moved.state(a) == task_state::moving);
    CHECK(moved.cancel_move(a));
    CHECK(moved.place(b, on_node(1, 1)));
    check_sound(moved);
}

TEST_CASE("cluster: what changed is listed, of domains at all their nodes") {
    cluster c{{.gpu = {"share"}, .node = {}, .domain = {"power"}}};
    const amount watts[] = {5};
    (void)need(c.add_domain("rack", 0, watts));
    (void)need(c.add_domain("room", 1));  // without a limit: it takes nothing from anybody
    for (const char* name : {"n0", "n1"}) {
        (void)need(c.join(*node_spec{.name = name, .gpus = gpus_of(2), .domains = {"rack", "room"}}));
    }
    (void)need(c.join(*node_spec{.name = "n2", .gpus = gpus_of(2), .domains = {"room"}}));
    auto since = c.changes().now();
    const auto changed = [&] {
        std::vector<std::size_t> nodes;
        c.changes().for_each_since(since, [&](std::size_t n) { nodes.push_back(n); });
        std::sort(nodes.begin(), nodes.end());
        since = c.changes().now();
        return nodes;
    };
    const amount power[] = {1};
    const auto a = admit(c);
    const auto b = need(c.admit(task_description{.domain_demand = power}));
    CHECK(changed().empty());  // who waits changes no node
    CHECK(c.place(a, on_node(0, 1)));
    CHECK(changed() == std::vector<std::size_t>{0});
    CHECK(c.place(b, on_node(0, 2)));
    CHECK(changed() == std::vector<std::size_t>{0, 1});
    CHECK(c.begin_move(a, on_node(2, 1)));
    CHECK(changed() == std::vector<std::size_t>{0, 2});  // the source, because the task moves
    CHECK(c.finish_move(a));
    CHECK(changed() == std::vector<std::size_t>{0, 2});
    CHECK(c.retire(b));
    CHECK(changed() == std::vector<std::size_t>{0, 1});
    const auto version = c.structure_version();
    CHECK(c.set_open(*c.find_node("n2"), false));
    CHECK(changed() == std::vector<std::size_t>{2});
    CHECK(c.structure_version() == version);
    CHECK(c.leave(*c.find_node("n2")));
    CHECK(changed() == std::vector<std::size_t>{2});
    CHECK(c.structure_version() != version);
}

TEST_CASE("cluster: models that tasks accept take no number until a GPU is of them") {
    cluster living;
    const auto join = [&](const char* name, const char* model) {
        const berth::gpu_description gpu{.model = model};
        return living.join(berth::node_description{.name = name, .gpus = {&gpu, 1}});
    };
    REQUIRE(join("a", "A100"));
    for (int i = 0; i < 100; ++i) {
        const std::string junk = "junk-" + std::to_string(i);
        const std::string_view models[] = {junk};
        const auto task = living.admit(task_description{.accepted_models = models});
        REQUIRE(task);
        REQUIRE(living.retire(*task));
    }
    CHECK(living.fleet().model_count() == 1);
    const std::string_view later[] = {"B200", "C300"};
    const auto waits = living.admit(task_description{.name = "waits", .accepted_models = later});
    REQUIRE(waits);
    const berth::task_index t = *living.find(*waits);
    CHECK(living.workload().demand(t).accepted_models == 0);
    CHECK_FALSE(living.admissible(living.workload().demand(t), node_index{0}));
    REQUIRE(join("c", "C300"));
    REQUIRE(join("b", "B200"));
    CHECK(living.workload().demand(t).accepted_models == 0b110);
    CHECK(living.place(*waits, {node_index{2}, 0b1}));
    // Equal demands are one shape, whenever they arrived.
    const auto twin = living.admit(task_description{.accepted_models = later});
    REQUIRE(twin);
    CHECK(living.workload().shape(*living.find(*twin)) == living.workload().shape(t));
    check_sound(living);
}
