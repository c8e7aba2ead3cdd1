// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster.hpp"

#include "berth/testing/check_cluster.hpp"

#include "common/small_cluster.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Nodes, GPUs, health and domains. Tasks, moves and reservations: cluster_tasks.cpp.

using berth::amount;
using berth::cluster;
using berth::node_index;
using berth::task_description;
using berth_test::check_sound;
using berth_test::gpus_of;
using berth_test::need;
using berth_test::node_spec;
using berth_test::on_node;

TEST_CASE("cluster: what join refuses is said, and changes nothing") {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    (void)need(c.add_domain("rack-0", 0));
    (void)need(c.add_domain("rack-1", 0));
    (void)need(c.join(*node_spec{.name = "n0", .gpus = gpus_of({"A100"}, {"u0"})}));
    struct wrong {
        node_spec node;
        const char* message;
    };
    const std::vector<amount> three(3, 1);
    std::vector<berth::gpu_description> bad = gpus_of({"A100"});
    bad[0].capacity = three;
    for (const auto& [node, message] : {
             wrong{{}, "node 1 (\"node-1\"): name is empty; a node of a cluster has a name"},
             {{.name = "n0"}, "node 1 (\"n0\"): a node of this name exists already"},
             {{.name = "n1", .capacity = {-1}}, "node 1 (\"n1\"): capacity[0] is -1, expected 0..35184372088832"},
             {{.name = "n1", .capacity = {1, 2}},
              "node 1 (\"n1\"): capacity has 2 values, the resource schema names 1"},
             {{.name = "n1", .gpus = bad}, "node 1 (\"n1\") gpu 0: capacity has 3 values, the resource schema names 2"},
             {{.name = "n1", .gpus = gpus_of(65)}, "node 1 (\"n1\"): gpus is 65, at most 64 GPUs fit on one node"},
             {{.name = "n1", .gpus = gpus_of({"T4", "T4"}, {"u1", "u1"})},
              "node 1 (\"n1\") gpu 1: uuid \"u1\" is listed twice"},
             {{.name = "n1", .gpus = gpus_of({"T4"}, {"u0"})}, "node 1 (\"n1\") gpu 0: uuid \"u0\" is on node \"n0\""},
             {{.name = "n1", .domains = {"rack-9"}}, "node 1 (\"n1\"): domain \"rack-9\" does not exist"},
             {{.name = "n1", .domains = {"rack-0", "rack-1"}},
              "node 1 (\"n1\"): domains \"rack-0\" and \"rack-1\" are of the same level"},
         }) {
        const auto joined = c.join(*node);
        REQUIRE_FALSE(joined);
        CHECK(joined.error().message == message);
        CHECK(c.node_count() == 1);
    }
    check_sound(c);
    CHECK_FALSE(cluster::check({.gpu = {}}));
    CHECK(c.join(*node_spec{.name = "n1", .gpus = gpus_of({"T4"}, {"u1"}), .domains = {"rack-0"}}));
    check_sound(c);
}

TEST_CASE("cluster: handles of nodes that left") {
    cluster c;
    const auto first = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of({"A100"}, {"u0"})}));
    const auto gpu = c.handle(node_index{0}, 0);
    CHECK(c.find_node("n0") == first);
    CHECK(c.find_gpu("u0") == gpu);
    CHECK(c.leave(first));
    CHECK_FALSE(c.leave(first));
    CHECK_FALSE(c.find(first));
    CHECK_FALSE(c.find(gpu).placed());
    CHECK_FALSE(c.find_node("n0"));
    CHECK_FALSE(c.find_gpu("u0"));
    CHECK_FALSE(c.set_healthy(first, false));
    CHECK_FALSE(c.set_healthy(gpu, false));
    CHECK_FALSE(c.set_open(first, false));
    CHECK(c.change(first, *node_spec{.name = "n0"}).error().message == "node \"n0\": it has left");
    CHECK(c.node_count() == 0);
    check_sound(c);
    const auto second = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of({"A100"}, {"u0"})}));
    CHECK(c.find(second) == node_index{0});
    CHECK(second != first);
    CHECK_FALSE(c.find(first));
    CHECK_FALSE(c.find(gpu).placed());
    CHECK_FALSE(c.find(berth::node_handle{}));
    CHECK_FALSE(c.find(berth::node_handle{77, 1}));
    check_sound(c);
}

TEST_CASE("cluster: a node that falls from 64 to 48 GB while 30 and 30 run is entered, 12 below zero") {
    cluster c{{.gpu = {"share"}, .node = {"memory"}}};
    const auto n0 = need(c.join(*node_spec{.name = "n0", .capacity = {64}, .gpus = gpus_of(2)}));
    (void)need(c.join(*node_spec{.name = "n1", .capacity = {64}, .gpus = gpus_of(2)}));
    const amount thirty[] = {30};
    const auto a = need(c.admit(task_description{.node_demand = thirty}));
    const auto b = need(c.admit(task_description{.node_demand = thirty}));
    CHECK(c.place(a, on_node(0, 1)));
    CHECK(c.place(b, on_node(0, 2)));
    CHECK(c.change(n0, *node_spec{.capacity = {48}, .gpus = gpus_of(2)}));
    CHECK(c.ledger().free(node_index{0})[0] == -12);
    CHECK(c.state(a) == berth::task_state::running);
    check_sound(c);
    const auto small = need(c.admit(task_description{.gpus = 0}));
    CHECK_FALSE(c.place(small, on_node(0)));  // nothing new, not even what wants nothing of it
    CHECK(c.begin_move(b, on_node(1, 1)));
    CHECK(c.finish_move(b));
    CHECK(c.ledger().free(node_index{0})[0] == 18);
    CHECK(c.place(small, on_node(0)));
    check_sound(c);
}

TEST_CASE("cluster: the device list shrinks from 8 to 6 while 8 are used") {
    cluster c;
    const auto n0 = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of(8)}));
    std::vector<berth::task_handle> tasks;
    for (std::size_t i = 0; i < 8; ++i) {
        tasks.push_back(need(c.admit(task_description{})));
        CHECK(c.place(tasks.back(), on_node(0, berth::gpu_mask{1} << i)));
    }
    const auto lost = c.handle(node_index{0}, 7);
    CHECK(c.change(n0, *node_spec{.gpus = gpus_of(6)}));
    CHECK(c.fleet().gpu_count(node_index{0}) == 8);
    CHECK(c.gpus_there(node_index{0}) == 0x3f);
    CHECK(c.healthy_gpus(node_index{0}) == 0x3f);
    CHECK(c.find(lost) == on_node(0, 0x80));
    for (const auto& task : tasks) CHECK(c.state(task) == berth::task_state::running);
    CHECK(c.ledger().free(c.fleet().gpu(node_index{0}, 7))[0] == -1000);
    check_sound(c);
    CHECK(c.retire(tasks[7]));
    CHECK_FALSE(c.place(need(c.admit(task_description{})), on_node(0, 0x80)));
    check_sound(c);
    CHECK(c.change(n0, *node_spec{.gpus = gpus_of(8)}));  // they come back
    CHECK(c.gpus_there(node_index{0}) == 0xff);
    CHECK(c.find(lost) == on_node(0, 0x80));
    CHECK(c.ledger().free(c.fleet().gpu(node_index{0}, 7))[0] == 1000);
    CHECK(c.ledger().free(c.fleet().gpu(node_index{0}, 6))[0] == 0);
    check_sound(c);
}

TEST_CASE("cluster: a node reported again in another order keeps its tasks on their GPUs") {
    cluster c;
    const auto n0 =
        need(c.join(*node_spec{.name = "n0", .gpus = gpus_of({"H100", "A100", "A100", "A100"}, {"h", "a", "b", "c"})}));
    const auto task = need(c.admit(task_description{}));
    CHECK(c.place(task, on_node(0, 1)));
    const auto h = *c.find_gpu("h");
    const auto before = c.changes().now();
    const auto version = c.structure_version();
    CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100", "A100", "H100"}, {"a", "b", "c", "h"})}));
    CHECK(c.find(h) == on_node(0, 1));
    CHECK(c.where(task) == on_node(0, 1));
    CHECK(c.fleet().name(c.fleet().model(c.fleet().gpu(node_index{0}, 0))) == "H100");
    CHECK(c.changes().now() == before);  // what repeats what is known changes nothing
    CHECK(c.structure_version() == version);
    check_sound(c);
}

TEST_CASE("cluster: GPUs that get, lose and change their names") {
    cluster c;
    const auto n0 = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of(2)}));
    const auto first = c.handle(node_index{0}, 0);
    const auto task = need(c.admit(task_description{}));
    CHECK(c.place(task, on_node(0, 1)));
    SUBCASE("names come later") {
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"u0", "u1"})}));
        CHECK(c.find_gpu("u0") == first);
        CHECK(c.gpus_there(node_index{0}) == 3);
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of(2)}));  // and are forgotten again
        CHECK(c.find_gpu("u0") == first);
        CHECK(c.gpus_there(node_index{0}) == 3);
    }
    SUBCASE("a free GPU is replaced by another one") {
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"u0", "u1"})}));
        const auto second = *c.find_gpu("u1");
        const auto version = c.structure_version();
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"u0", "u2"})}));
        CHECK(c.fleet().gpu_count(node_index{0}) == 2);
        CHECK(c.structure_version() != version);
        CHECK_FALSE(c.find(second).placed());
        CHECK_FALSE(c.find_gpu("u1"));
        CHECK(c.find(*c.find_gpu("u2")) == on_node(0, 2));
    }
    SUBCASE("a GPU that is used is replaced by another one") {
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"u0", "u1"})}));
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"u2", "u1"})}));
        CHECK(c.fleet().gpu_count(node_index{0}) == 3);
        CHECK(c.gpus_there(node_index{0}) == 6);
        CHECK(c.find(first) == on_node(0, 1));
        CHECK(c.state(task) == berth::task_state::running);
    }
    SUBCASE("GPUs with and without names on one node: a report that repeats itself changes nothing") {
        const node_spec mixed{.gpus = gpus_of({"A100", "A100", "A100"}, {"", "u1", ""})};
        CHECK(c.change(n0, *mixed));
        const auto before = c.changes().now();
        const auto handles = {c.handle(node_index{0}, 0), c.handle(node_index{0}, 1), c.handle(node_index{0}, 2)};
        for (int i = 0; i < 3; ++i) CHECK(c.change(n0, *mixed));
        CHECK(c.changes().now() == before);
        std::size_t i = 0;
        for (const auto& handle : handles) CHECK(handle == c.handle(node_index{0}, i++));
        CHECK(c.fleet().gpu_count(node_index{0}) == 3);
    }
    SUBCASE("a GPU that went missing appears on another node") {
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"u0", "u1"})}));
        const node_spec other{.name = "n1", .gpus = gpus_of({"A100"}, {"u0"})};
        CHECK_FALSE(c.join(*other));
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100"}, {"u1"})}));
        (void)need(c.join(*other));
        CHECK(c.find(*c.find_gpu("u0")) == on_node(1, 1));
        CHECK(c.find(first) == on_node(0, 1));  // the task is still there, as trouble
        CHECK(c.uuid(node_index{0}, 0).empty());
    }
    SUBCASE("all GPUs are replaced at once, again and again") {
        CHECK(c.retire(task));
        for (const auto& [a, b] : {std::pair{"a", "b"}, {"c", "d"}, {"e", "f"}, {"a", "b"}}) {
            CHECK(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {a, b})}));
            CHECK(c.fleet().gpu_count(node_index{0}) == 2);
        }
    }
    check_sound(c);
}

TEST_CASE("cluster: a node grows from 4 to 10 GPUs while tasks run") {
    cluster c;
    const auto n0 = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of(4)}));
    const auto n1 = need(c.join(*node_spec{.name = "n1", .gpus = gpus_of(2)}));
    const auto a = need(c.admit(task_description{.gpus = 3}));
    const auto b = need(c.admit(task_description{}));
    CHECK(c.place(a, on_node(0, 7)));
    CHECK(c.place(b, on_node(1, 2)));
    const auto third = c.handle(node_index{0}, 3);
    CHECK(c.change(n0, *node_spec{.gpus = gpus_of(10)}));
    CHECK(c.find(n0) == node_index{0});
    CHECK(c.find(n1) == node_index{1});
    CHECK(c.find(third) == on_node(0, 8));
    CHECK(c.where(a) == on_node(0, 7));
    CHECK(c.fleet().gpu_count(node_index{0}) == 10);
    CHECK(c.fleet().node_count() == 3);  // the old room waits for another node
    CHECK(c.node_count() == 2);
    check_sound(c);
    const auto big = need(c.admit(task_description{.gpus = 7}));
    CHECK_FALSE(c.place(big, on_node(0, 0x7f)));
    CHECK(c.place(big, on_node(0, 0x3f8)));
    CHECK(c.find(need(c.join(*node_spec{.name = "n2", .gpus = gpus_of(3)}))) == node_index{2});
    check_sound(c);
    CHECK(c.leave(n0));
    check_sound(c);
}

TEST_CASE("cluster: sick nodes and GPUs, closed nodes") {
    cluster c;
    const auto n0 = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of(2)}));
    const auto host = need(c.join(*node_spec{.name = "host", .capacity = {8, 8}}));
    const auto runs = need(c.admit(task_description{}));
    const auto waits = need(c.admit(task_description{}));
    CHECK(c.place(runs, on_node(0, 1)));
    SUBCASE("a GPU") {
        CHECK(c.set_healthy(c.handle(node_index{0}, 1), false));
        CHECK_FALSE(c.place(waits, on_node(0, 2)));
        CHECK(c.healthy(node_index{0}));
        CHECK(c.healthy_gpus(node_index{0}) == 1);
        CHECK(c.set_healthy(c.handle(node_index{0}, 1), true));
        CHECK(c.place(waits, on_node(0, 2)));
    }
    SUBCASE("a node") {
        CHECK(c.set_healthy(n0, false));
        CHECK_FALSE(c.place(waits, on_node(0, 2)));
        CHECK(c.occupy(waits, on_node(0, 2)));  // reality wins
        CHECK(c.state(runs) == berth::task_state::running);
        CHECK_FALSE(c.healthy(node_index{0}));
        CHECK(c.healthy_gpus(node_index{0}) == 0);
        CHECK(c.set_healthy(n0, true));
        CHECK(c.healthy_gpus(node_index{0}) == 3);
    }
    SUBCASE("a node without GPUs, while it runs") {
        const auto cpu = need(c.admit(task_description{.gpus = 0}));
        CHECK(c.place(cpu, on_node(1)));
        CHECK(c.set_healthy(host, false));
        CHECK_FALSE(c.healthy(node_index{1}));
        CHECK(c.where(cpu) == on_node(1));
        CHECK_FALSE(c.admissible(c.workload().demand(*c.find(cpu)), node_index{1}));
    }
    SUBCASE("a closed node is not to be drained") {
        CHECK(c.set_open(n0, false));
        CHECK(c.healthy(node_index{0}));
        CHECK_FALSE(c.open(node_index{0}));
        CHECK(c.healthy_gpus(node_index{0}) == 3);
        CHECK_FALSE(c.place(waits, on_node(0, 2)));
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of(2)}));  // a report does not open it
        CHECK_FALSE(c.place(waits, on_node(0, 2)));
        CHECK(c.set_open(n0, true));
        CHECK(c.place(waits, on_node(0, 2)));
    }
    SUBCASE("a report tells of the health of a closed node") {
        CHECK(c.set_open(n0, false));
        auto before = c.changes().now();
        CHECK(c.change(n0, *node_spec{.gpus = gpus_of(2)}));
        CHECK(c.changes().now() == before);
        auto gpus = gpus_of(2);
        gpus[1].healthy = false;
        CHECK(c.change(n0, *node_spec{.gpus = gpus}));
        CHECK(c.changes().now() != before);
        CHECK(c.healthy_gpus(node_index{0}) == 1);
        before = c.changes().now();
        CHECK(c.change(n0, *node_spec{.gpus = gpus, .healthy = false}));
        CHECK(c.changes().now() != before);
    }
    SUBCASE("what is said twice changes nothing") {
        CHECK(c.set_healthy(n0, false));
        const auto before = c.changes().now();
        CHECK(c.set_healthy(n0, false));
        CHECK(c.set_open(n0, true));
        CHECK(c.changes().now() == before);
    }
    check_sound(c);
}

TEST_CASE("cluster: unlimited counters take whatever there is") {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu", "memory"}, .domain = {"power"}}};
    const auto rack = need(c.add_domain("rack", 0));
    (void)need(c.join(*node_spec{.name = "n0", .gpus = gpus_of(1), .domains = {"rack"}}));
    const amount much[] = {berth::max_amount, berth::max_amount};
    const amount gpu[] = {1, berth::max_amount};
    const amount power[] = {berth::max_amount / 2};
    std::vector<berth::task_handle> tasks;
    for (int i = 0; i < 300; ++i) {
        tasks.push_back(need(c.admit({.gpu_demand = gpu, .node_demand = much, .domain_demand = power})));
        CHECK(c.place(tasks.back(), on_node(0, 1)));
    }
    CHECK(c.fleet().unlimited(node_index{0}, 0));
    CHECK(c.ledger().free(node_index{0})[0] == berth::max_amount);
    CHECK(c.ledger().free(rack)[0] == berth::max_amount);
    check_sound(c);
    for (const auto task : tasks) CHECK(c.release(task));
    CHECK(c.ledger().free(rack)[0] == berth::max_amount);
    check_sound(c);
}

TEST_CASE("cluster: what is in use is known again when a counter becomes limited") {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    const auto n0 = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of({"A100", "A100"}, {"U0", "U1"})}));
    (void)need(c.join(*node_spec{.name = "n1", .gpus = gpus_of(1)}));
    const amount gpu[] = {100, 30};
    const amount cpu[] = {7};
    const auto admit = [&] { return need(c.admit({.gpu_demand = gpu, .node_demand = cpu})); };
    const auto runs = admit();
    const auto arrives = admit();
    const auto leaves = admit();
    CHECK(c.place(runs, on_node(0, 1)));
    CHECK(c.place(arrives, on_node(1, 1)));
    CHECK(c.begin_move(arrives, on_node(0, 1)));
    CHECK(c.place(leaves, on_node(0, 2)));
    CHECK(c.begin_move(leaves, on_node(1, 1)));
    const auto held = c.reserve(c.handle(c.workload().shape(*c.find(runs))), on_node(0, 2));
    REQUIRE(held);
    check_sound(c);
    const auto report = [&](std::vector<amount> node, std::vector<amount> each, std::size_t gpus = 2) {
        auto listed = gpus_of({"A100", "A100"}, {"U0", "U1"});
        listed.resize(gpus);
        for (auto& g : listed) g.capacity = each;
        REQUIRE(c.change(n0, *node_spec{.capacity = node, .gpus = listed}));
        check_sound(c);
    };
    const auto gpu_free = [&](std::size_t i) { return c.ledger().free(c.fleet().gpu(node_index{0}, i))[1]; };
    report({20}, {});
    CHECK(c.ledger().free(node_index{0})[0] == -8);
    CHECK(gpu_free(0) == berth::max_amount);
    report({}, {1000, 80});
    CHECK(c.ledger().free(node_index{0})[0] == berth::max_amount);
    CHECK(gpu_free(0) == 20);
    report({berth::max_amount - 1}, {});
    CHECK(c.ledger().free(node_index{0})[0] == berth::max_amount - 29);
    CHECK(c.finish_move(arrives));
    CHECK(c.cancel_move(leaves));
    report({}, {});
    SUBCASE("a GPU that goes missing while only unlimited memory tells what is there") {
        const amount memory_alone[] = {0, 5};
        const auto small = need(c.admit({.gpu_demand = memory_alone}));
        CHECK(c.release(leaves));
        CHECK(c.release(*held));
        CHECK(c.place(small, on_node(0, 2)));
        report({}, {}, 1);
        CHECK(gpu_free(1) == -5);
        // Another GPU does not get the position that is held.
        REQUIRE(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"U0", "U2"})}));
        CHECK(c.fleet().gpu_count(node_index{0}) == 3);
        CHECK(c.where(small) == on_node(0, 2));
        CHECK(gpu_free(1) == -5);
        check_sound(c);
    }
    SUBCASE("the same, in one report") {
        const amount memory_alone[] = {0, 5};
        const auto small = need(c.admit({.gpu_demand = memory_alone}));
        CHECK(c.release(leaves));
        CHECK(c.release(*held));
        CHECK(c.place(small, on_node(0, 2)));
        REQUIRE(c.change(n0, *node_spec{.gpus = gpus_of({"A100", "A100"}, {"U0", "U2"})}));
        CHECK(c.fleet().gpu_count(node_index{0}) == 3);
        CHECK(gpu_free(1) == -5);
        check_sound(c);
    }
    SUBCASE("the node leaves") {
        CHECK(c.leave(n0));
        check_sound(c);
    }
    SUBCASE("it moves to a larger room") {
        REQUIRE(
            c.change(n0, *node_spec{.capacity = {50}, .gpus = gpus_of({"A100", "A100", "T4"}, {"U0", "U1", "U2"})}));
        CHECK(c.ledger().free(node_index{0})[0] == 22);
        check_sound(c);
    }
}

TEST_CASE("cluster: a task that accepts a model that does not exist waits for it") {
    cluster c;
    const auto old = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of({"A100"})}));
    const std::string_view either[] = {"H100", "A100"};
    const std::string_view only[] = {"H100"};
    const auto a = need(c.admit(task_description{.accepted_models = either}));
    const auto h = need(c.admit(task_description{.accepted_models = only}));
    CHECK(c.place(a, on_node(0, 1)));
    CHECK(c.release(a));
    CHECK_FALSE(c.place(h, on_node(0, 1)));
    (void)need(c.join(*node_spec{.name = "n1", .gpus = gpus_of({"H100"})}));
    CHECK(c.place(h, on_node(1, 1)));
    CHECK(c.leave(old));
    CHECK_FALSE(c.place(a, on_node(0, 1)));
    CHECK(c.release(h));
    CHECK(c.place(a, on_node(1, 1)));
    check_sound(c);
    // A list that is refused half way leaves fleet and workload in step.
    const std::string_view wrong[] = {"B200", ""};
    CHECK_FALSE(c.admit(task_description{.accepted_models = wrong}));
    check_sound(c);
}

TEST_CASE("cluster: domains, and a node that changes its rack while tasks run") {
    cluster c{{.gpu = {"share"}, .node = {}, .domain = {"power"}}};
    const amount hundred[] = {100};
    const auto r0 = need(c.add_domain("rack-0", 0, hundred));
    const auto r1 = need(c.add_domain("rack-1", 0, hundred));
    const auto row = need(c.add_domain("row", 1));
    CHECK_FALSE(c.add_domain("rack-0", 0));
    CHECK_FALSE(c.add_domain("", 0));
    const auto n0 = need(c.join(*node_spec{.name = "n0", .gpus = gpus_of(4), .domains = {"row", "rack-0"}}));
    (void)need(c.join(*node_spec{.name = "n1", .gpus = gpus_of(4), .domains = {"rack-0"}}));
    (void)need(c.join(*node_spec{.name = "n2", .gpus = gpus_of(4), .domains = {"rack-1"}}));
    const amount forty[] = {40};
    std::vector<berth::task_handle> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(need(c.admit(task_description{.domain_demand = forty})));
    CHECK(c.place(tasks[0], on_node(0, 1)));
    CHECK(c.place(tasks[1], on_node(1, 1)));
    CHECK_FALSE(c.place(tasks[2], on_node(1, 2)));
    CHECK(c.place(tasks[2], on_node(2, 1)));
    CHECK(c.begin_move(tasks[2], on_node(2, 2)));  // 80 of rack-1
    const auto held = c.reserve(c.handle(c.workload().shape(*c.find(tasks[3]))), on_node(0, 2));
    CHECK_FALSE(held);
    CHECK(c.ledger().free(r0)[0] == 20);
    const auto before = c.changes().now();
    CHECK(c.change(n0, *node_spec{.gpus = gpus_of(4), .domains = {"rack-1"}}));
    CHECK(c.ledger().free(r0)[0] == 60);
    CHECK(c.ledger().free(r1)[0] == -20);
    CHECK(c.ledger().free(row)[0] == berth::max_amount);
    std::size_t noted = 0;
    c.changes().for_each_since(before, [&](std::size_t) { ++noted; });
    CHECK(noted == 3);  // there is more room at n1, too
    check_sound(c);
    CHECK(c.finish_move(tasks[2]));
    CHECK(c.ledger().free(r1)[0] == 20);
    CHECK(c.leave(n0));
    CHECK(c.ledger().free(r1)[0] == 60);
    check_sound(c);
}

TEST_CASE("cluster: descriptions may be views of the cluster that they change") {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    std::vector<amount> gpu{900, 80};
    std::vector<berth::gpu_description> gpus = gpus_of({"A100", "A100"});
    for (auto& g : gpus) g.capacity = gpu;
    (void)need(c.add_domain("rack-0", 0));
    const auto n0 = need(c.join(*node_spec{.name = "n0", .capacity = {7}, .gpus = gpus, .domains = {"rack-0"}}));
    const auto& fleet = c.fleet();
    for (std::size_t i = 0; i < 20; ++i) {
        // A node like the first, and the first as it is.
        const std::string name = "n" + std::to_string(i + 1);
        std::string_view domains[1];
        const auto like_the_first = [&] {
            for (std::size_t g = 0; g < 2; ++g) {
                gpus[g] = {.model = fleet.name(fleet.model(fleet.gpu(node_index{0}, g))),
                           .capacity = fleet.capacity(fleet.gpu(node_index{0}, g))};
            }
            domains[0] = fleet.name(berth::domain_index{0});
            return berth::node_description{
                .name = name, .capacity = fleet.capacity(node_index{0}), .gpus = gpus, .domains = domains};
        };
        const auto joined = need(c.join(like_the_first()));
        CHECK(fleet.kind(*c.find(joined)) == fleet.kind(node_index{0}));
        berth::node_description same = like_the_first();
        same.name = fleet.name(node_index{0});
        CHECK(c.change(n0, same));
        CHECK(fleet.capacity(fleet.gpu(node_index{0}, 1))[1] == 80);
        // Tasks with a demand like that of another.
        const amount cpu[] = {static_cast<amount>(i)};
        const auto t = c.workload().task_count();
        const std::string fresh = "B" + std::to_string(i);
        const std::string_view models[] = {fresh, fleet.name(berth::model_index{0})};
        (void)need(
            c.admit({.gpu_demand = t == 0 ? std::span<const amount>{} : c.workload().demand(berth::task_index{0}).gpu,
                     .node_demand = cpu,
                     .accepted_models = models}));
        CHECK(c.workload().demand(berth::task_index{t}).gpu[0] == 1000);
        check_sound(c);
    }
}

// ---- own types ------------------------------------------------------------------------------------------------------

namespace shop {

struct device {
    std::string serial{};
    std::string model{};
};
struct host {
    std::string name{};
    std::vector<device> gpus{};
    std::vector<std::string> domains{};
    bool healthy = true;
};
struct job {
    std::string name{};
    int gpus = 1;
    int priority = 0;
};

}  // namespace shop

template <>
struct berth::gpu_traits<shop::device> {
    static const std::string& model(const shop::device& d) { return d.model; }
    static const std::string& uuid(const shop::device& d) { return d.serial; }
};

TEST_CASE("cluster: own types come in through the traits, at any time") {
    cluster c;
    shop::host h{.name = "n0", .gpus = {{"s0", "A100"}, {"s1", "A100"}}, .domains = {"rack-0", "", "zone"}};
    const auto n0 = need(c.join(h));
    CHECK(c.fleet().domain_count() == 2);
    CHECK(c.fleet().level(*c.fleet().find_domain("zone")) == 2);
    const auto j = need(c.admit(shop::job{.name = "j", .gpus = 2, .priority = 5}));
    CHECK(c.workload().priority(*c.find(j)) == 5);
    CHECK(c.place(j, on_node(0, 3)));
    std::swap(h.gpus[0], h.gpus[1]);
    h.domains = {"rack-1"};
    CHECK(c.change(n0, h));
    CHECK(c.find(*c.find_gpu("s0")) == on_node(0, 1));
    CHECK(c.fleet().nodes_in(*c.fleet().find_domain("rack-1")).size() == 1);
    CHECK(need(c.report(h)) == n0);
    h.name = "n1";
    h.gpus = {{"s2", "T4"}};
    CHECK(need(c.report(h)) != n0);
    CHECK(c.find(need(c.shape_of(shop::job{.gpus = 2}))) == c.workload().shape(*c.find(j)));
    CHECK_FALSE(c.admit(shop::job{.gpus = -1}));
    CHECK_FALSE(c.admit(shop::job{.name = "j"}));
    h.domains = {"zone"};  // it was level 2
    CHECK_FALSE(c.report(h));
    check_sound(c);
}
