// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// A job of a simulation. A list of jobs is in order of arrival; a job's position is its number.
struct simulated_job {
    double arrival_s = 0.0;  ///< when it is submitted, seconds
    double steps = 1.0;      ///< what it has to do, above 0
    double step_s = 1.0;     ///< seconds of a step where that does not depend on the GPU model
    double restart_s = 0.0;  ///< seconds that it loses when it starts, resumes or moves
    std::uint32_t gpus = 1;  ///< GPUs that it takes while it runs; 1 or more
    double weight = 1.0;     ///< its claim against that of others
};

/// What became of a job.
struct job_record {
    double start_s = std::numeric_limits<double>::quiet_NaN();  ///< when it first ran; NaN: never
    double end_s = std::numeric_limits<double>::quiet_NaN();    ///< when it was done; NaN: not done
    double ran_s = 0.0;                                         ///< how long it held its GPUs
    std::uint32_t preemptions = 0;                              ///< how often it was stopped before it was done
    std::uint32_t migrations = 0;                               ///< how often it went on somewhere else

    /// True if it is done.
    [[nodiscard]] bool done() const noexcept { return !std::isnan(end_s); }
};

/// What a simulation yields. If it was stopped, what was done until then.
struct simulation_run {
    std::vector<job_record> jobs;   ///< one for each job
    std::uint64_t events = 0;       ///< arrivals and completions, and rounds or other moments at which was decided
    std::uint64_t preemptions = 0;  ///< of all jobs
    std::uint64_t migrations = 0;   ///< of all jobs
    std::uint64_t rounds = 0;       ///< rounds in which something ran; 0 without rounds
    double end_s = 0.0;             ///< the time at the end, seconds
    double busy_gpu_s = 0.0;        ///< GPU seconds that jobs held
    std::vector<double> model_busy_gpu_s{};     ///< the same on each GPU model; empty where models play no part
    stop_reason stop = stop_reason::completed;  ///< why it ended
};

/// Refuses jobs that are not in order of arrival, and values out of range. O(jobs).
[[nodiscard]] inline result<void> check_jobs(std::span<const simulated_job> jobs) {
    double before = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        const simulated_job& job = jobs[j];
        const char* wrong = nullptr;
        if (!std::isfinite(job.arrival_s))
            wrong = ": arrival_s is not finite";
        else if (job.arrival_s < before)
            wrong = ": arrival_s is before that of the job before it";
        else if (!(job.steps > 0.0) || !std::isfinite(job.steps))
            wrong = ": steps is not above 0 and finite";
        else if (!(job.step_s > 0.0) || !std::isfinite(job.step_s))
            wrong = ": step_s is not above 0 and finite";
        else if (!(job.restart_s >= 0.0) || !std::isfinite(job.restart_s))
            wrong = ": restart_s is not 0 or more";
        else if (!(job.weight > 0.0) || !std::isfinite(job.weight))
            wrong = ": weight is not above 0 and finite";
        else if (job.gpus == 0)
            wrong = ": gpus is 0, expected 1 or more";
        if (wrong != nullptr) return detail::refuse(error_code::invalid_value, {"job ", j, wrong});
        before = job.arrival_s;
    }
    return {};
}

}  // namespace berth::inline v0
