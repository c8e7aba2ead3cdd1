// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/decision_text.hpp"

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/cost/divisible/split.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

using sentences = std::vector<std::string>;

template <class Engine>
sentences decided(Engine& engine, double time) {
    sentences all;
    const auto decisions = engine.decide(time);
    for (const berth::decision& d : *decisions) all.push_back(describe(d, engine));
    return all;
}

}  // namespace

TEST_CASE("each kind of decision is a sentence") {
    berth::scheduler engine{berth::scheduler_policies{}.with_preemption(berth::for_priority{})};
    join(engine, {"n0"}, 2);
    REQUIRE(engine.job(0.0, {.name = "a", .gpus = 2}));
    REQUIRE(engine.job(0.0, {.gpus = 1}));
    CHECK(decided(engine, 0.0) ==
          sentences{R"(job "a", task 0 starts on node "n0", GPUs "n0-0" "n0-1")", "job 1 waits: gpu on 1 node"});
    REQUIRE(engine.job(1.0, {.name = "b", .gpus = 2, .priority = 1}));
    const sentences evicted = decided(engine, 1.0);
    REQUIRE(evicted.size() >= 2);
    CHECK(evicted[0] == R"(job "a", task 0 leaves node "n0", GPUs "n0-0" "n0-1" for job "b": order)");
    join(engine, {"n1"}, 2);
    REQUIRE(engine.drain(1.0, "n0"));
    CHECK(decided(engine, 1.0).front() ==
          R"(job "b", task 0 moves from node "n0", GPUs "n0-0" "n0-1" to node "n1", GPUs "n1-0" "n1-1": drain)");
    REQUIRE(engine.node_gone(2.0, "n1"));
    CHECK(decided(engine, 2.0).front() == R"(job "b", task 0 has lost its place: node gone)");
}

TEST_CASE("a task of 100 GB and 5000 GFLOP on four busy GPUs of 20 GFLOPS and 300 W") {
    berth::scheduler engine{
        berth::scheduler_policies<>{}.with_placement(berth::greedy{berth::worst_fit{}, berth::loosest_gpu{}}),
        {.gpu = {"share", "memory"}, .node = {}}};
    const int busy[] = {600, 100, 300, 400};
    for (int g = 0; g < 4; ++g) {
        const std::string name = "gpu-" + std::to_string(g);
        const berth::amount capacity[] = {1000, 80};
        const berth::gpu_description gpu[] = {{.model = "A100", .capacity = capacity, .uuid = name}};
        REQUIRE(engine.node(0.0, berth::node_description{.name = name, .gpus = gpu}));
        const berth::amount share[] = {busy[g], 10};
        const std::string_view gpus[] = {name};
        REQUIRE(engine.job(0.0, {.name = "other-" + std::to_string(g), .gpu_demand = share}));
        REQUIRE(engine.running(0.0, "other-" + std::to_string(g), 0, name, gpus));
    }
    const berth::amount little[] = {100, 5};
    REQUIRE(engine.job(0.0, {.name = "small", .gpu_demand = little}));
    CHECK(decided(engine, 0.0) == sentences{R"(job "small", task 0 starts on node "gpu-1", GPU "gpu-1")"});

    // Split over four it takes 62.5 s instead of 250, and 75 kJ as before.
    const auto split = berth::split_load(5'000'000, std::vector<berth::split_target>(4, {.speed = 20.0}));
    REQUIRE(split);
    CHECK(split->pieces.size() == 4);
    CHECK(split->finish / 1000.0 == doctest::Approx(5000.0 / 20.0 / 4.0));
    CHECK(4.0 * 300.0 * split->finish / 1000.0 == doctest::Approx(300.0 * 5000.0 / 20.0));
    const berth::amount piece[] = {400, 25};
    REQUIRE(engine.job(
        1.0, {.name = "large", .task_count = 4, .gpu_demand = piece, .terms = {.work = split->finish / 1000.0}}));
    CHECK(decided(engine, 1.0).size() == 4);
    CHECK(engine.view(*engine.find_job("large")).remaining_seconds == doctest::Approx(62.5));

    // One of the four is the bottleneck; its piece leaves, and nothing else, until it is measured again.
    REQUIRE(engine.threshold(20.0, {.load = 0.95}));
    REQUIRE(engine.reading(20.0, {"gpu-0", "gpu-0"}, {.load = 1.0}));
    CHECK(decided(engine, 20.0) ==
          sentences{R"(job "large", task 3 moves from node "gpu-0", GPU "gpu-0" to node "gpu-1", GPU "gpu-1": load)"});
    CHECK(decided(engine, 21.0).empty());
    CHECK(engine.view(*engine.find_job("large")).remaining_seconds == doctest::Approx(42.5));
}
