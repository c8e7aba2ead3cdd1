// SPDX-License-Identifier: Apache-2.0
#include "berth/balance/cluster_readings.hpp"

#include "berth/balance/balancer.hpp"
#include "berth/balance/cluster_balancer.hpp"
#include "berth/balance/triggers/load_above.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace berth;

namespace {

struct card {
    std::string uuid;
    std::string model = "A100";
};
struct machine {
    std::string name;
    std::vector<card> gpus;
};

}  // namespace

TEST_CASE("reports by handle become readings by position, what is not reported is not measured") {
    cluster living;
    const auto a = living.join(machine{"a", {{"U1"}, {"U2"}}});
    const auto b = living.join(machine{"b", {{"U3"}}});
    REQUIRE((a && b));
    const auto t = living.admit(task_description{.name = "t"});
    REQUIRE(t);
    cluster_readings readings{living};
    CHECK(readings.at(1.0).gpu_load.empty());
    CHECK(readings.gpu_load(*living.find_gpu("U2"), 0.5));
    CHECK(readings.gpu_load(*living.find_gpu("U2"), 0.7));
    CHECK(readings.power(*b, 300.0));
    CHECK(readings.task_load(*t, 0.7));
    CHECK(readings.gpu_speed(*living.find_gpu("U3"), 2.0));
    const gpu_handle gone = *living.find_gpu("U3");
    REQUIRE(living.leave(*b));
    CHECK_FALSE(readings.gpu_load(gone, 0.9));
    CHECK_FALSE(readings.power(*b, 1.0));
    REQUIRE(living.retire(*t));
    CHECK_FALSE(readings.remaining(*t, 1.0));
    const fleet_readings read = readings.at(2.0);
    CHECK(read.time == 2.0);
    REQUIRE(read.gpu_load.size() == living.fleet().gpu_count());
    CHECK(std::isnan(read.gpu_load[0]));
    CHECK(read.gpu_load[1] == 0.7);
    CHECK(std::isnan(read.gpu_load[2]));
    CHECK(read.gpu_speed[0] == 1.0);
    CHECK(read.gpu_temperature.empty());
    CHECK(read.node_power.size() == living.fleet().node_count());
    readings.clear();
    CHECK(readings.at(3.0).gpu_load.empty());
}

TEST_CASE("reports stay with their things, whatever has their position now") {
    cluster living;
    const auto a = living.join(machine{"a", {{"U1"}}});
    const auto b = living.join(machine{"b", {{"U2"}}});
    REQUIRE((a && b));
    cluster_readings readings{living};
    SUBCASE("a task that came to the position of one that left") {
        const auto first = living.admit(task_description{});
        REQUIRE(first);
        REQUIRE(readings.task_load(*first, 0.9));
        REQUIRE(readings.remaining(*first, 5.0));
        REQUIRE(living.retire(*first));
        const auto second = living.admit(task_description{});
        REQUIRE(second);
        REQUIRE(living.find(*second) == task_index{0});
        const fleet_readings read = readings.at(1.0);
        REQUIRE(read.task_load.size() == 1);
        CHECK(std::isnan(read.task_load[0]));
        CHECK(std::isnan(read.remaining[0]));
        CHECK(readings.task_load(*second, 0.2));
        CHECK_FALSE(readings.task_load(*first, 0.9));
        CHECK(readings.at(2.0).task_load[0] == 0.2);
    }
    SUBCASE("a node that came to the position of one that left, and its GPU") {
        REQUIRE(readings.power(*a, 900.0));
        REQUIRE(readings.temperature(*living.find_gpu("U1"), 95.0));
        REQUIRE(readings.gpu_speed(*living.find_gpu("U1"), 3.0));
        REQUIRE(living.leave(*a));
        const auto other = living.join(machine{"c", {{"U1"}}});
        REQUIRE(other);
        REQUIRE(living.find(*other) == node_index{0});
        const fleet_readings read = readings.at(1.0);
        CHECK(std::isnan(read.node_power[0]));
        CHECK(std::isnan(read.gpu_temperature[living.fleet().gpu(node_index{0}, 0).value()]));
        CHECK(read.gpu_speed[living.fleet().gpu(node_index{0}, 0).value()] == 1.0);
    }
    SUBCASE("a GPU whose node grows, or lists its GPUs in another order") {
        REQUIRE(readings.gpu_load(*living.find_gpu("U1"), 0.8));
        REQUIRE(living.change(*a, machine{"a", {{"U9"}, {"U8"}, {"U1"}, {"U7"}}}));
        const slot at = living.find(*living.find_gpu("U1"));
        const fleet_readings read = readings.at(1.0);
        std::size_t measured = 0;
        for (const double load : read.gpu_load) measured += std::isnan(load) ? 0U : 1U;
        CHECK(measured == 1);
        CHECK(read.gpu_load[living.fleet().gpu(at.node, lowest_gpu(at.gpus)).value()] == 0.8);
    }
}

TEST_CASE("a GPU of which nobody reported attracts no work") {
    cluster living;
    REQUIRE(living.join(machine{"a", {{"hot"}, {"silent"}, {"cool"}}}));
    std::vector<task_handle> tasks;
    const amount share[] = {400};
    for (int i = 0; i < 2; ++i) {
        tasks.push_back(*living.admit(task_description{.gpu_demand = share}));
        REQUIRE(living.place(tasks.back(), {node_index{0}, 0b001}));
    }
    auto balancer = berth::balancer{triggers{load_above{}}}.start(living);
    cluster_readings readings{living};
    for (int round = 1; round < 20; ++round) {
        readings.clear();
        REQUIRE(readings.gpu_load(*living.find_gpu("hot"), 1.0));
        REQUIRE(readings.gpu_load(*living.find_gpu("cool"), 0.3));
        for (const task_handle t : tasks) REQUIRE(readings.task_load(t, 0.4));
        const auto found = balancer.round(readings.at(60.0 * round));
        REQUIRE(found);
        for (const chosen_move& c : found->chosen) {
            CHECK(c.move.to.gpus == 0b100);
            return;
        }
    }
    FAIL("the hot GPU is never relieved");
}
