// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/attained_levels.hpp"

#include "berth/simulate/events.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

TEST_CASE("attained_levels: levels grow by the factor, jobs sink as far as they have come") {
    const berth::attained_levels order{.first = 100.0, .growth = 10.0};
    berth::queued_job job;
    job.gpus = 4.0;
    CHECK(order.level(job) == 0);
    CHECK(order.next_level_in(job) == 25.0);
    job.attained_seconds = 25.0;
    CHECK(order.level(job) == 1);
    job.level = 1;
    CHECK(order.next_level_in(job) == 225.0);
    job.attained_seconds = 2500.0;
    CHECK(order.level(job) == 3);  // 10,000 GPU seconds
    job.attained_seconds = std::numeric_limits<double>::infinity();
    CHECK(order.level(job) == 64);  // the last
    job.level = 64;
    CHECK(std::isinf(order.next_level_in(job)));
    job.level_entry = 7;
    CHECK(order(job).first == 64.0);
    CHECK(order(job).second == 7.0);
}

TEST_CASE("attained_levels: a long job gives way to a newcomer, and equals do not take turns") {
    const std::vector<berth::simulated_job> jobs{{.arrival_s = 0.0, .steps = 1000.0, .gpus = 8},
                                                 {.arrival_s = 0.0, .steps = 1000.0, .gpus = 8},
                                                 {.arrival_s = 500.0, .steps = 5.0, .gpus = 8}};
    const berth::event_simulation<> simulation{jobs, 1, 8, {.running_first = true, .steps_known = false}, {}};
    const auto run = simulation.run(berth::attained_levels{.first = 800.0, .growth = 100.0});
    REQUIRE(run.has_value());
    CHECK(run->jobs[0].preemptions <= 2);
    CHECK(run->jobs[1].preemptions <= 2);
    CHECK(run->jobs[2].end_s == 505.0);
    CHECK(run->jobs[2].preemptions == 0);
}
