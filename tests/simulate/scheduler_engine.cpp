// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/scheduler_engine.hpp"

#include "berth/queue/orders.hpp"
#include "berth/scheduler/preemption.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/simulate/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using berth::gpu_description;
using berth::simulated_job;

/// Two nodes of four GPUs.
template <class Scheduler>
void join_two(Scheduler& engine) {
    const std::vector<gpu_description> gpus(4, gpu_description{.model = "v100"});
    REQUIRE(engine.node(0.0, {.name = "a", .gpus = gpus}).has_value());
    REQUIRE(engine.node(0.0, {.name = "b", .gpus = gpus}).has_value());
}

}  // namespace

TEST_CASE("scheduler in virtual time: gangs over nodes, jobs of one node, the oldest first") {
    const std::vector<simulated_job> jobs{{.arrival_s = 0.0, .steps = 10.0, .gpus = 8},
                                          {.arrival_s = 1.0, .steps = 5.0, .gpus = 4},
                                          {.arrival_s = 2.0, .steps = 5.0, .gpus = 4},
                                          {.arrival_s = 3.0, .steps = 1.0, .gpus = 6}};
    berth::scheduler driven{berth::scheduler_policies<>{}, {}, {.waits = berth::wait_reports::none}};
    join_two(driven);
    berth::scheduler_engine engine{driven, std::span<const simulated_job>{jobs}, {.gpus_per_task = 4}};
    const auto run = berth::virtual_time{jobs}.run(engine);
    REQUIRE_MESSAGE(run.has_value(), (run ? "" : run.error().message));
    CHECK(run->jobs[0].end_s == 10.0);
    CHECK(run->jobs[1].end_s == 15.0);
    CHECK(run->jobs[2].end_s == 15.0);
    CHECK(run->jobs[3].end_s == 16.0);
    CHECK(driven.job_count() == 0);
    CHECK(berth::completion(jobs, run->jobs).jobs == 4);
}

TEST_CASE(
    "scheduler in virtual time: an order that knows durations lets the short go first, speeds by GPU model count") {
    const std::vector<simulated_job> jobs{{.arrival_s = 0.0, .steps = 10.0, .gpus = 4},
                                          {.arrival_s = 0.0, .steps = 10.0, .gpus = 4},
                                          {.arrival_s = 1.0, .steps = 50.0, .gpus = 4},
                                          {.arrival_s = 2.0, .steps = 4.0, .gpus = 4}};
    const std::vector<double> speeds{1.0, 2.0, 1.0, 2.0};
    const auto simulate = [&](bool known) {
        berth::scheduler driven{berth::scheduler_policies<>{}.with_order(berth::shortest_remaining{}),
                                {},
                                {.waits = berth::wait_reports::none}};
        join_two(driven);
        berth::scheduler_engine engine{driven,
                                       std::span<const simulated_job>{jobs},
                                       {.gpus_per_task = 4, .durations_known = known, .speeds = {speeds.data(), 4, 1}}};
        const auto run = berth::virtual_time{jobs}.run(engine);
        REQUIRE(run.has_value());
        return *run;
    };
    const auto known = simulate(true);
    CHECK(known.jobs[1].end_s == 5.0);
    CHECK(known.jobs[3].start_s == 5.0);
    CHECK(known.jobs[2].start_s == 7.0);
    CHECK(simulate(false).jobs[2].start_s == 5.0);
}

TEST_CASE("scheduler in virtual time: a watch hears of each slot that is taken and left") {
    const std::vector<simulated_job> jobs{{.arrival_s = 0.0, .steps = 10.0, .gpus = 8},
                                          {.arrival_s = 1.0, .steps = 5.0, .gpus = 4},
                                          {.arrival_s = 2.0, .steps = 5.0, .gpus = 2}};
    berth::scheduler driven{
        berth::scheduler_policies<>{}.with_order(berth::shortest_remaining{}).with_preemption(berth::replan{}),
        {},
        {.waits = berth::wait_reports::none}};
    join_two(driven);
    int held = 0;
    int most = 0;
    double busy_gpu_s = 0.0;
    double before = 0.0;
    const auto watch = [&](double time, std::uint32_t job, const berth::slot& where, bool taken) {
        CHECK(job < jobs.size());
        busy_gpu_s += (time - before) * held;
        before = time;
        held += (taken ? 1 : -1) * std::popcount(where.gpus);
        most = std::max(most, held);
    };
    berth::scheduler_engine engine{driven, std::span<const simulated_job>{jobs}, {.gpus_per_task = 4}, watch};
    const auto run = berth::virtual_time{jobs}.run(engine);
    REQUIRE(run.has_value());
    CHECK(run->preemptions == 1);
    CHECK(held == 0);
    CHECK(most == 8);
    CHECK(busy_gpu_s == run->busy_gpu_s);
}

TEST_CASE("scheduler in virtual time: a job splits into the fewest equal tasks") {
    using engine = berth::scheduler_engine<berth::scheduler<>>;
    CHECK(engine::task_count(0, 8) == 1);
    CHECK(engine::task_count(1, 8) == 1);
    CHECK(engine::task_count(8, 8) == 1);
    CHECK(engine::task_count(12, 8) == 2);
    CHECK(engine::task_count(24, 8) == 3);
    CHECK(engine::task_count(13, 8) == 13);
}
