// SPDX-License-Identifier: Apache-2.0
// Learned models in the engine: durations that decide who goes first and when a job is expected to start, costs that
// decide where it goes. Both change decisions as the models learn.
#include "berth/allocate/greedy/scores/cost_score.hpp"
#include "berth/learn/class_speed.hpp"
#include "berth/learn/learned_cost.hpp"
#include "berth/learn/learned_duration.hpp"
#include "berth/queue/orders.hpp"
#include "berth/scheduler/expected_start.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

TEST_CASE("durations that were learned decide who goes first, and when a job is expected to start") {
    berth::class_speed speeds;
    REQUIRE(speeds.add_gpu_model("A100"));
    REQUIRE(speeds.add_class("image"));
    REQUIRE(speeds.add_class("text"));
    // Of the task at each position of the cluster: the class, and the work that is left.
    std::vector<std::size_t> classes(8, 0);
    std::vector<double> work(8, std::nan(""));
    const std::vector<std::size_t> models{0};
    const auto policies = berth::scheduler_policies{.order = berth::shortest_remaining{}}.with_durations(
        berth::learned_duration{&speeds, classes, work, models, {}});
    const auto first_of_two = [&] {
        berth::scheduler engine{policies};
        join(engine, {"n0"}, 1);
        const auto add = [&](const char* name, std::size_t job_class, double units) {
            const auto job = engine.job(0.0, {.name = name});
            REQUIRE(job);
            const auto at = *engine.cluster().find(engine.task(*job, 0));
            classes[at.value()] = job_class;
            work[at.value()] = units;
        };
        add("image", 0, 1000.0);
        add("text", 1, 1000.0);
        REQUIRE(engine.decide(0.0));
        const std::string first = engine.running(*engine.find_job("text")) == 1 ? "text" : "image";
        const std::string other = first == "text" ? "image" : "text";
        const double left = engine.view(*engine.find_job(first)).remaining_seconds;
        const auto at = berth::expected_start(engine, *engine.find_job(other));
        CHECK(at.value_or(-1.0) == left);
        return std::pair{first, left};
    };
    for (int i = 0; i < 8; ++i) {
        REQUIRE(speeds.observe(0, 0, 10.0));
        REQUIRE(speeds.observe(1, 0, 40.0));
    }
    const auto before = first_of_two();
    CHECK(before.first == "text");
    CHECK(before.second == doctest::Approx(25.0).epsilon(0.05));
    // The class has become slow: the same two jobs start the other way round.
    for (int i = 0; i < 60; ++i) {
        REQUIRE(speeds.observe(0, 0, 10.0));
        REQUIRE(speeds.observe(1, 0, 2.0));
    }
    const auto after = first_of_two();
    CHECK(after.first == "image");
    CHECK(after.second == doctest::Approx(100.0).epsilon(0.05));
}

TEST_CASE("a learned cost decides where a task goes, also one of a kind that was never seen") {
    // seconds = work / speed of the GPU model, as far as was measured; features are logarithms.
    auto made = berth::learned_cost::make(1, 1);
    REQUIRE(made);
    berth::learned_cost& cost = *made;
    const auto observe = [&](double units, double speed, double seconds) {
        const double task[] = {std::log(units)};
        const double gpu[] = {std::log(speed)};
        REQUIRE(cost.observe({task, 1}, {gpu, 1}, seconds));
    };
    // Of each task and each GPU by position in the cluster. n0 has GPUs that are called fast, n1 slow ones.
    std::vector<double> units(8, 100.0);
    const std::vector<double> speed{2.0, 2.0, 1.0, 1.0};
    const auto learned = [&](berth::task_index t, berth::gpu_index g) {
        const double task[] = {std::log(units[t.value()])};
        const double gpu[] = {std::log(speed[g.value()])};
        return cost({task, 1}, {gpu, 1});
    };
    const auto goes_to = [&] {
        berth::scheduler engine{berth::scheduler_policies{.placement = berth::greedy{berth::cost_score{learned}}}};
        join(engine, {"n0", "n1"}, 2);
        REQUIRE(engine.job(0.0, {.name = "new"}));
        units[0] = 5000.0;  // larger than any that was measured
        const auto decided = engine.decide(0.0);
        REQUIRE(decided);
        REQUIRE(decided->size() == 1);
        return std::string{engine.cluster().fleet().name((*decided)[0].where.node)};
    };
    for (const double w : {10.0, 50.0, 100.0, 400.0}) {
        observe(w, 2.0, w / 2.0);
        observe(w, 1.0, w);
    }
    CHECK(goes_to() == "n0");
    // The fast ones turn out to be throttled.
    for (int i = 0; i < 40; ++i) {
        for (const double w : {10.0, 100.0, 400.0}) {
            observe(w, 2.0, w * 3.0);
            observe(w, 1.0, w);
        }
    }
    CHECK(goes_to() == "n1");
}
