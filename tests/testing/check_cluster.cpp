// SPDX-License-Identifier: Apache-2.0
#include "berth/testing/check_cluster.hpp"

#include "berth/model/detail/fleet_editor.hpp"
#include "berth/model/detail/workload_editor.hpp"

#include "common/small_cluster.hpp"

#include <doctest/doctest.h>

#include <string>

using berth::amount;
using berth::cluster;
using berth::group_index;
using berth::ledger;
using berth::node_index;
using berth::task_description;
using berth::task_index;
using berth::detail::fleet_editor;
using berth::detail::workload_editor;
using berth_test::gpus_of;
using berth_test::need;
using berth_test::node_spec;
using berth_test::on_node;

namespace {

/// A cluster behind whose back its parts are written to.
struct broken_cluster {
    cluster c{{.gpu = {"share"}, .node = {"cpu"}, .domain = {"power"}}};
    berth::task_handle task{};

    broken_cluster() {
        const amount power[] = {5};
        (void)need(c.add_domain("rack", 0));
        for (const char* name : {"n0", "n1"}) {
            (void)need(c.join(*node_spec{.name = name, .gpus = gpus_of(2), .domains = {"rack"}}));
        }
        task = need(c.admit(task_description{.domain_demand = power, .group = "job", .gang = true}));
        (void)need(c.admit(task_description{.domain_demand = power, .group = "job", .gang = true}));
        CHECK(c.place(task, on_node(0, 1)));
        CHECK(c.begin_move(task, on_node(1, 1)));
        CHECK(berth::check_cluster(c));
    }
    [[nodiscard]] fleet_editor nodes() const { return fleet_editor{const_cast<berth::fleet&>(c.fleet())}; }
    [[nodiscard]] workload_editor tasks() const { return workload_editor{const_cast<berth::workload&>(c.workload())}; }
    [[nodiscard]] ledger& counters() const { return const_cast<ledger&>(c.ledger()); }
    [[nodiscard]] std::string verdict() const {
        const auto ok = berth::check_cluster(c);
        return ok ? std::string{} : ok.error().message;
    }
};

constexpr node_index n0{0};

}  // namespace

TEST_CASE("check_cluster: counters that are not what tasks and targets hold") {
    broken_cluster b;
    SUBCASE("of a GPU, a node, a domain") {
        const amount one[] = {1};
        const amount none[] = {0};
        b.counters().place({.gpu = none, .node = one, .domain = none}, on_node(0));
        CHECK(b.verdict() ==
              "node 0 (\"n0\"): node[0] has 35184372088831 free by the ledger, 35184372088832 by its tasks");
        b.counters().remove({.gpu = none, .node = one, .domain = none}, on_node(0));
        b.counters().place({.gpu = one, .node = none, .domain = none, .gpus = 1}, on_node(1, 2));
        CHECK(b.verdict() == "node 1 (\"n1\"): gpu[0] has 999 free by the ledger, 1000 by its tasks");
        b.counters().remove({.gpu = one, .node = none, .domain = none, .gpus = 1}, on_node(1, 2));
        b.counters().place({.gpu = none, .node = none, .domain = one}, on_node(0));
        CHECK(b.verdict().starts_with("domain 0 (\"rack\"): domain[0] has "));
    }
    SUBCASE("a capacity that changed alone") {
        const amount half[] = {500};
        b.nodes().set_gpu(n0, 1, berth::model_index{0}, half);
        b.nodes().number(n0);
        CHECK(b.verdict() == "node 0 (\"n0\"): gpu[0] has 1000 free by the ledger, 500 by its tasks");
    }
    SUBCASE("an open checkpoint") {
        b.counters().checkpoint();
        CHECK(b.verdict() == "ledger: a checkpoint is open");
    }
}

TEST_CASE("check_cluster: nodes that are not what they should be") {
    broken_cluster b;
    SUBCASE("a name") {
        b.nodes().erase_name(n0);
        CHECK(b.verdict() == "node 0 (\"node-0\"): its name does not find it");
    }
    SUBCASE("health") {
        b.nodes().set_state(n0, 2, 3, 1, true, true);
        CHECK(b.verdict() == "node 0 (\"n0\"): what takes new tasks is not what is open and healthy");
    }
    SUBCASE("a node that vanished") {
        b.nodes().set_state(n0, 0, 0, 0, false, false);
        CHECK(b.verdict() == "node 0: the position is vacant, but something is there");
    }
    SUBCASE("a kind") {
        const amount one[] = {1};
        b.nodes().set_capacity(n0, one);
        CHECK(b.verdict() == "node 1 (\"n1\"): its hardware is that of another one");
    }
    SUBCASE("domains") {
        b.nodes().set_domains(n0, {});
        CHECK(b.verdict().starts_with("domain 0 (\"rack\"): domain[0] has "));
    }
}

TEST_CASE("check_cluster: tasks, groups and shapes that are not what they should be") {
    broken_cluster b;
    SUBCASE("a task that vanished") {
        b.tasks().vacate_task(task_index{1});
        CHECK(b.verdict() == "task 1 (\"task-1\"): the position is vacant, but something is there");
    }
    SUBCASE("a group") {
        b.tasks().vacate_group(group_index{0});
        CHECK(b.verdict() == "group 0 (\"group-0\"): it has a name or members, not both");
    }
    SUBCASE("models") {
        b.tasks().set_model_count(9);
        CHECK(b.verdict() == "workload: it does not match the fleet");
    }
}
