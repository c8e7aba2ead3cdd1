// SPDX-License-Identifier: Apache-2.0
// Tasks that list alternatives: kept by a cluster, one of them runs.
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/cluster_text.hpp"
#include "berth/model/lower.hpp"
#include "berth/testing/check_cluster.hpp"

#include "common/instances.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace berth;
using namespace berth_test;

namespace {

struct card {
    std::string model;
    std::array<amount, 2> capacity{1000, 80};
};
struct machine {
    std::string name;
    std::array<amount, 1> capacity{64};
    std::vector<card> gpus;
};
/// Another way to run a job.
struct form {
    std::size_t gpus = 0;
    std::vector<amount> gpu_demand{};
    std::array<amount, 1> node_demand{};
    std::string accepted_models{};
    double speed = 1.0;
};
struct job {
    std::string name;
    std::size_t gpus = 1;
    std::array<amount, 2> gpu_demand{1000, 40};
    std::array<amount, 1> node_demand{4};
    std::string accepted_models{"H100"};
    int speed = 8;
    std::vector<form> alternatives{};
};

const form on_t4{1, {1000, 10}, {8}, "T4", 2.5};
const form on_cpu{0, {}, {32}, "", 1.0};

cluster two_machines() {
    cluster c{{.gpu = {"share", "memory"}, .node = {"cpu"}, .domain = {}}};
    REQUIRE(c.join(machine{"big", {64}, {{"H100"}, {"H100"}}}));
    REQUIRE(c.join(machine{"old", {64}, {{"T4", {1000, 16}}}}));
    return c;
}
amount free_cpu(const cluster& c, std::size_t node) { return c.ledger().free(node_index{node})[0]; }
amount free_share(const cluster& c, std::size_t node, std::size_t gpu) {
    return c.ledger().free(c.fleet().gpu(node_index{node}, gpu))[0];
}
void good(const cluster& c) {
    const auto checked = check_cluster(c);
    REQUIRE_MESSAGE(checked, checked.error().message);
    const std::string text = save_cluster(c);
    const auto again = load_cluster(text);
    REQUIRE_MESSAGE(again, again.error().message);
    REQUIRE(save_cluster(*again) == text);
    REQUIRE(check_cluster(*again));
}

}  // namespace

TEST_CASE("own types: alternatives are read as tasks are, the task's own demand first") {
    cluster c = two_machines();
    const task_handle plain = need(c.admit(job{.name = "plain"}));
    const task_handle t = need(c.admit(job{.name = "any", .alternatives = {on_t4, on_cpu}}));
    CHECK(c.alternatives(*c.find(plain)).empty());
    CHECK(c.alternative(plain) == 0);
    const auto listed = c.alternatives(*c.find(t));
    REQUIRE(listed.size() == 3);
    CHECK(listed[0].speed == 8.0);
    CHECK(listed[1].speed == 2.5);
    CHECK(c.workload().demand(listed[0].shape).gpu[1] == 40);
    CHECK(c.workload().demand(listed[1].shape).gpu[1] == 10);
    CHECK(c.workload().accepted_text(listed[1].shape) == "T4");
    CHECK(c.workload().demand(listed[2].shape).gpus == 0);
    CHECK(c.workload().demand(listed[2].shape).node[0] == 32);
    CHECK(c.workload().demand(*c.find(t)).node[0] == 4);  // it waits
    // A workload for a batch has the own demand alone.
    const workload w = need(make_workload(std::vector<job>{{.name = "any", .alternatives = {on_t4}}}, c.fleet()));
    CHECK(w.shape_count() == 1);
    good(c);
}

TEST_CASE("the ledger holds the demand of the alternative that runs, through moves, releases and departures") {
    cluster c = two_machines();
    const task_handle t = need(c.admit(job{.name = "any", .alternatives = {on_t4, on_cpu}}));
    const auto unused = save_cluster(c);
    CHECK_FALSE(c.place(t, {node_index{1}, 1}));     // no H100
    CHECK_FALSE(c.place(t, {node_index{0}, 1}, 1));  // no T4
    CHECK_FALSE(c.place(t, {node_index{1}, 1}, 3));  // there is no such alternative
    CHECK_FALSE(c.occupy(t, {node_index{1}, 1}, 3));
    CHECK_FALSE(c.occupy(t, {node_index{1}, 1}, 2));  // wants no GPU
    CHECK(save_cluster(c) == unused);

    REQUIRE(c.place(t, {node_index{1}, 1}, 1));
    CHECK(c.alternative(t) == 1);
    CHECK(free_share(c, 1, 0) == 0);
    CHECK(free_cpu(c, 1) == 56);
    CHECK(c.workload().demand(*c.find(t)).node[0] == 8);
    good(c);
    CHECK_FALSE(c.begin_move(t, {node_index{0}, 1}));  // moves keep the alternative
    REQUIRE(c.release(t));
    CHECK(c.alternative(t) == 0);
    CHECK(c.workload().demand(*c.find(t)).node[0] == 4);
    CHECK(free_cpu(c, 1) == 64);

    REQUIRE(c.occupy(t, {node_index{1}, 0}, 2));
    REQUIRE(c.begin_move(t, {node_index{0}, 0}));
    CHECK(free_cpu(c, 0) == 32);
    CHECK(free_cpu(c, 1) == 32);
    good(c);
    REQUIRE(c.finish_move(t));
    CHECK(free_cpu(c, 0) == 32);
    CHECK(free_cpu(c, 1) == 64);
    good(c);
    const cluster copy{c};
    CHECK(copy.alternative(t) == 2);
    REQUIRE(c.leave(*c.find_node("big")));
    CHECK(c.state(t) == task_state::waiting);
    CHECK(c.alternative(t) == 0);
    good(c);
    REQUIRE(c.place(t, {node_index{1}, 1}, 1));
    REQUIRE(c.retire(t));
    CHECK(c.alternative(t) == 0);
    CHECK(free_cpu(c, 1) == 64);
    CHECK(free_share(c, 1, 0) == 1000);
    good(c);
    cluster moved{cluster{copy}};
    CHECK(moved.alternative(t) == 2);
    REQUIRE(moved.retire(t));
    good(moved);
}

TEST_CASE("what is wrong with an alternative is named, and nothing changes") {
    cluster c = two_machines();
    const auto before = save_cluster(c);
    const auto refused = [&](const job& j, const std::string& sentence) {
        const auto admitted = c.admit(j);
        REQUIRE_FALSE(admitted);
        CHECK(admitted.error().message == sentence);
        CHECK(save_cluster(c) == before);
    };
    form bad = on_t4;
    bad.gpus = 65;
    refused({.name = "x", .alternatives = {on_cpu, bad}},
            "task 0 (\"x\"): alternatives[1]: gpus is 65, a task gets at most 64 GPUs of one node");
    bad = on_t4;
    bad.gpu_demand = {1000};
    refused({.name = "x", .alternatives = {bad}},
            "task 0 (\"x\"): alternatives[0]: gpu_demand has 1 values, the resource schema names 2");
    for (const double speed : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        bad = on_cpu;
        bad.speed = speed;
        refused({.name = "x", .alternatives = {bad}},
                "task 0 (\"x\"): alternatives[0]: speed is not a finite number above 0");
    }
    refused({.name = "x", .speed = 0, .alternatives = {on_cpu}},
            "task 0 (\"x\"): speed is not a finite number above 0");
    bad = on_t4;
    bad.accepted_models = "T4||A";
    refused({.name = "x", .alternatives = {bad}},
            "task 0 (\"x\"): alternatives[0]: accepted_models names \"\", which no "
            "GPU of the fleet is");
    refused({.name = "x", .alternatives = std::vector<form>(65, on_cpu)},
            "task 0 (\"x\"): it lists 65 alternatives, expected at most 64");
    struct negative {
        int gpus = -2;
    };
    struct with_negative {
        int gpus = 1;
        std::vector<negative> alternatives{{}};
    };
    CHECK(c.admit(with_negative{}).error().message ==
          "task 0 (\"task-0\"): alternatives[0]: gpus is -2, expected 0..64");
}

TEST_CASE("demands of alternatives stay while their task is there, under any events") {
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
        CAPTURE(seed);
        cluster c = two_machines();
        xoshiro256 random{seed};
        std::vector<task_handle> tasks;
        for (std::size_t step = 0; step < 400; ++step) {
            const std::size_t what = below(random, 10);
            if (tasks.empty() || what < 3) {
                job j{.name = {}, .gpu_demand = {static_cast<amount>(100 + 100 * below(random, 3)), 5}};
                for (std::size_t k = below(random, 4); k > 0; --k) {
                    form f = below(random, 2) == 0 ? on_t4 : on_cpu;
                    f.node_demand[0] = static_cast<amount>(below(random, 4));
                    if (f.gpus > 0) f.gpu_demand[0] = 200;
                    j.alternatives.push_back(f);
                }
                tasks.push_back(need(c.admit(j)));
                continue;
            }
            const std::size_t at = below(random, tasks.size());
            const task_handle t = tasks[at];
            const slot where{node_index{below(random, 2)}, below(random, 3)};
            if (what < 6) {
                (void)c.place(t, where, below(random, 4));
            } else if (what < 7) {
                (void)c.begin_move(t, where);
            } else if (what < 8) {
                (void)(below(random, 2) == 0 ? c.finish_move(t) : c.cancel_move(t));
            } else if (what < 9) {
                (void)c.release(t);
            } else {
                REQUIRE(c.retire(t));
                tasks[at] = tasks.back();
                tasks.pop_back();
            }
            REQUIRE(check_cluster(c));
            if (step % 50 == 0) good(c);
        }
        for (const task_handle t : tasks) REQUIRE(c.retire(t));
        for (std::size_t i = 0; i < 1100; ++i) {
            REQUIRE(c.shape_of(task_description{.gpus = 0, .node_demand = std::array{static_cast<amount>(1000 + i)}}));
        }
        CHECK(c.workload().shape_count() <= 1100);  // those of the alternatives made way
        good(c);
    }
}

TEST_CASE("text: alternatives that make no sense are refused") {
    cluster c = two_machines();
    const task_handle t = need(c.admit(job{.name = "any", .alternatives = {on_t4, on_cpu}}));
    REQUIRE(c.place(t, {node_index{1}, 1}, 1));
    const std::string text = save_cluster(c);
    const std::string line = "alternatives 0 1 0 4020000000000000 1 4004000000000000 2 3ff0000000000000\n";
    REQUIRE(text.find(line) != std::string::npos);
    for (const char* other :
         {"alternatives 0 0 0 4020000000000000 1 4004000000000000\n", "alternatives 0 1\n",
          "alternatives 7 1 0 4020000000000000 1 4004000000000000\n",
          "alternatives 0 2 0 4020000000000000 1 4004000000000000\n", "alternatives 0 1 0 4020000000000000 1 0\n",
          "alternatives 0 1 0 4020000000000000 1 7ff0000000000000\n",
          "alternatives 0 1 0 4020000000000000 9 4004000000000000\n", "alternatives 0 1 0\n"}) {
        CAPTURE(other);
        std::string broken = text;
        broken.replace(broken.find(line), line.size(), other);
        CHECK_FALSE(load_cluster(broken));
    }
}
