// SPDX-License-Identifier: Apache-2.0
#include "berth/queue/look_ahead.hpp"

#include "berth/core/random.hpp"
#include "berth/queue/detail/projected_ends.hpp"
#include "berth/queue/orders.hpp"
#include "berth/simulate/events.hpp"

#include "support/data_folders.hpp"
#include "support/simulation_traces.hpp"
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

struct figures {
    double mean = 0.0;
    double p99 = 0.0;
};

figures figures_of(const std::vector<berth::simulated_job>& jobs, const berth::simulation_run& run) {
    std::vector<double> taken;
    figures out;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        REQUIRE(run.jobs[j].done());
        taken.push_back(run.jobs[j].end_s - jobs[j].arrival_s);
        out.mean += taken.back() / static_cast<double>(jobs.size());
    }
    std::sort(taken.begin(), taken.end());
    out.p99 = taken[static_cast<std::size_t>(0.99 * static_cast<double>(taken.size()))];
    return out;
}

struct usage_check {
    double* most;
    void operator()(double, std::uint64_t gpus, std::size_t) const {
        *most = std::max(*most, static_cast<double>(gpus));
    }
};

std::vector<berth::simulated_job> random_jobs(std::uint64_t seed, std::size_t count, bool at_once) {
    berth::xoshiro256 draw{seed};
    std::vector<berth::simulated_job> jobs;
    double at = 0.0;
    for (std::size_t j = 0; j < count; ++j) {
        at += at_once ? 0.0 : 3.0 * berth::uniform01(draw);
        jobs.push_back({.arrival_s = at,
                        .steps = 1.0 + std::floor(std::exp(7.0 * berth::uniform01(draw))),
                        .restart_s = 0.1,
                        .gpus = std::uint32_t{1} << berth::bounded(draw, 5)});
    }
    return jobs;
}

berth::queued_job job_of(std::uint64_t number, double seconds, double gpus, double arrival = 0.0) {
    berth::queued_job job;
    job.sequence = number;
    job.arrival = arrival;
    job.gpus = gpus;
    job.remaining_seconds = seconds;
    return job;
}

/// The same by counting second by second.
std::vector<double> ends_by_hand(std::vector<double> seconds, const std::vector<double>& gpus, double capacity,
                                 const std::vector<std::uint32_t>& order) {
    std::vector<double> ends(seconds.size(), 0.0);
    for (double now = 0.0; now < 1e4; now += 1.0) {
        double room = capacity;
        for (const std::uint32_t j : order) {
            if (seconds[j] <= 0.0 || gpus[j] > room) continue;
            room -= gpus[j];
            seconds[j] -= 1.0;
            if (seconds[j] <= 0.0) ends[j] = now + 1.0;
        }
    }
    return ends;
}

}  // namespace

TEST_CASE("look_ahead: projected ends are found as a count second by second does") {
    berth::xoshiro256 draw{5};
    for (int round = 0; round < 20; ++round) {
        const std::vector<double> sizes{0.5, 1.0, 2.0, 3.0, 8.0};
        std::vector<double> seconds;
        std::vector<double> gpus;
        std::vector<std::uint32_t> order;
        berth::detail::projected_ends projected;
        projected.clear(8.0);
        for (const double s : sizes) projected.add_size(s);
        for (std::uint32_t j = 0; j < 12; ++j) {
            const std::size_t size = berth::bounded(draw, 5);
            seconds.push_back(1.0 + static_cast<double>(berth::bounded(draw, 20)));
            gpus.push_back(sizes[size]);
            projected.add_job(seconds.back(), size);
            order.push_back(j);
        }
        berth::shuffle(draw, std::span<std::uint32_t>{order});
        projected.run(order);
        const auto expected = ends_by_hand(seconds, gpus, 8.0, order);
        for (std::size_t j = 0; j < expected.size(); ++j) CHECK(projected.ends()[j] == expected[j]);
        projected.run(order);  // a run leaves nothing behind
        for (std::size_t j = 0; j < expected.size(); ++j) CHECK(projected.ends()[j] == expected[j]);
    }
}

TEST_CASE("look_ahead: a long narrow job goes before wide ones where all end sooner so") {
    // Least service first runs both wide jobs, then the narrow one alone. At the same time as each other, with the
    // narrow one first, nothing is gained; on three GPUs the narrow one beside a wide one costs nobody anything.
    const std::vector<berth::queued_job> jobs{job_of(0, 10.0, 2.0), job_of(1, 10.0, 2.0), job_of(2, 30.0, 1.0)};
    std::vector<std::uint32_t> line{0, 1, 2};
    auto planner = berth::look_ahead{}.start(3.0);
    planner(0.0, jobs, line);
    std::vector<std::uint32_t> sorted = line;
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == std::vector<std::uint32_t>{0, 1, 2});
}

TEST_CASE("look_ahead: as shortest_service where all fits, and where a duration is unknown") {
    std::vector<berth::queued_job> jobs{job_of(0, 10.0, 2.0), job_of(1, 10.0, 2.0), job_of(2, 30.0, 1.0)};
    std::vector<std::uint32_t> line{0, 1, 2};
    auto roomy = berth::look_ahead{}.start(5.0);
    roomy(0.0, jobs, line);
    CHECK(line == std::vector<std::uint32_t>{0, 1, 2});
    jobs[2].remaining_seconds = std::numeric_limits<double>::quiet_NaN();
    auto narrow = berth::look_ahead{}.start(2.0);
    narrow(0.0, jobs, line);
    CHECK(line == std::vector<std::uint32_t>{0, 1, 2});
    std::vector<std::uint32_t> nobody;
    narrow(1.0, jobs, nobody);
    CHECK(nobody.empty());
    CHECK(berth::look_ahead{}(jobs[0]).first == berth::shortest_service{}(jobs[0]).first);
}

TEST_CASE("look_ahead: random queues run to the end within the nodes, twice alike, no worse than least service first") {
    double ours = 0.0;
    double theirs = 0.0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        const auto jobs = random_jobs(seed, 50, seed % 2 == 0);
        double most = 0.0;
        const berth::event_simulation<usage_check> simulation{jobs, 3, 8, {}, {&most}};
        const berth::look_ahead order{.effort = 3'000, .effort_a_newcomer = 1'000};
        const auto run = simulation.run(order);
        REQUIRE(run.has_value());
        CHECK(most <= 24.0);
        const auto again = simulation.run(order);
        REQUIRE(again.has_value());
        for (std::size_t j = 0; j < jobs.size(); ++j) CHECK(run->jobs[j].end_s == again->jobs[j].end_s);
        ours += figures_of(jobs, *run).mean;
        const auto plain = simulation.run(berth::shortest_service{});
        REQUIRE(plain.has_value());
        theirs += figures_of(jobs, *plain).mean;
    }
    CHECK(ours < theirs);
}

TEST_CASE("look_ahead: below mean and 99th percentile of least service first on a published trace") {
    const std::string path = bench::own_data_folder("loop") + "/muri_trace3.csv.xz";
    const auto text = bench::read_text(path);
    REQUIRE(text.has_value());
    auto trace = bench::parse_muri_trace(path, *text, "trace3");
    REQUIRE(trace.has_value());
    const berth::event_simulation<> simulation{trace->jobs, 8, 8, {}, {}};
    const auto plain = simulation.run(berth::shortest_service{});
    const auto run = simulation.run(berth::look_ahead{.effort = 2'000, .effort_a_newcomer = 1'000});
    REQUIRE(plain.has_value());
    REQUIRE(run.has_value());
    const figures theirs = figures_of(trace->jobs, *plain);
    const figures ours = figures_of(trace->jobs, *run);
    CHECK(ours.mean < theirs.mean);
    CHECK(ours.p99 < theirs.p99);
    CHECK(ours.mean < 185'021.88);   // of the published simulator
    CHECK(ours.p99 < 4'189'699.17);  // of the published simulator
}
