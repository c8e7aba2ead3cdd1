// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

TEST_CASE("metrics of completion: by hand") {
    std::vector<berth::simulated_job> jobs(5);
    std::vector<berth::job_record> records(5);
    for (std::size_t j = 0; j < 4; ++j) {
        jobs[j].arrival_s = static_cast<double>(j);
        records[j] = {.start_s = 4.0, .end_s = static_cast<double>(10 + 2 * j), .ran_s = 6.0};
    }
    jobs[4].arrival_s = 4.0;  // never done
    const auto times = berth::completion(jobs, records);
    CHECK(times.jobs == 4);
    CHECK(times.mean_s == 11.5);  // 10 11 12 13
    CHECK(times.p50_s == 12.0);   // position 2
    CHECK(times.p99_s == 13.0);   // position 3
    CHECK(times.longest_s == 13.0);
    CHECK(times.makespan_s == 16.0);
    CHECK(times.queued_s == 5.5);
    CHECK(std::isnan(berth::completion({}, {}).mean_s));

    berth::simulation_run run;
    run.end_s = 16.0;
    run.busy_gpu_s = 32.0;
    CHECK(berth::utilisation(jobs, run, 4.0) == 0.5);
    CHECK(berth::utilisation({}, run, 4.0) == 0.0);
}

TEST_CASE("metrics of energy: idle GPUs draw as well, and what is unknown stays unknown") {
    // 2 GPUs for 100 s, one of them busy for 60 s: 140 s x 50 W + 60 s x 300 W; and 1 GPU that is never busy.
    const std::vector<berth::gpu_use> uses{{2.0, 60.0, 50.0, 300.0}, {1.0, 0.0, 10.0, 100.0}};
    const auto energy = berth::energy_of(uses, 100.0, 4);
    CHECK(energy.joules == 140.0 * 50.0 + 60.0 * 300.0 + 1000.0);
    CHECK(energy.joules_a_job == energy.joules / 4.0);
    CHECK(energy.kwh() == energy.joules / 3.6e6);
    CHECK(std::isnan(berth::energy_of(uses, 100.0, 0).joules_a_job));
    const std::vector<berth::gpu_use> unknown{{2.0, 60.0, 50.0, 300.0}, {.gpus = 1.0}};
    CHECK(std::isnan(berth::energy_of(unknown, 100.0, 4).kwh()));
    CHECK(std::isnan(berth::energy_of({}, 100.0, 4).joules));
}

TEST_CASE("metrics of fairness: ratios above the limit are unfair, unknown fair times are left out") {
    const std::vector<berth::simulated_job> jobs(4);
    std::vector<berth::job_record> records(4);
    for (std::size_t j = 0; j < 4; ++j) records[j].end_s = 10.0;
    const std::vector<double> fair{10.0, 5.0, 0.0, 20.0};
    const auto out = berth::fairness_of(jobs, records, fair);
    CHECK(out.jobs == 3);
    CHECK(out.worst == 2.0);
    CHECK(out.mean == 3.5 / 3.0);
    CHECK(out.unfair_share == 1.0 / 3.0);
    CHECK(out.jain == 3.5 * 3.5 / (3.0 * (1.0 + 4.0 + 0.25)));
}
