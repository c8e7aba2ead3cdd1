// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/metrics/fairness.hpp"
#include "berth/simulate/simulated_job.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace berth::inline v0 {

/// Completion times of the jobs that are done: end − arrival, seconds. NaN where no job is done.
struct completion_times {
    std::size_t jobs = 0;                                      ///< how many are done
    double mean_s = std::numeric_limits<double>::quiet_NaN();  ///< sum in order of arrival, divided by `jobs`
    double p50_s = std::numeric_limits<double>::quiet_NaN();   ///< of the sorted times the one at position int(0.50 n)
    double p95_s = std::numeric_limits<double>::quiet_NaN();   ///< at position int(0.95 n)
    double p99_s = std::numeric_limits<double>::quiet_NaN();   ///< at position int(0.99 n)
    double longest_s = std::numeric_limits<double>::quiet_NaN();   ///< the longest
    double makespan_s = std::numeric_limits<double>::quiet_NaN();  ///< last end − first arrival of any job
    double queued_s = std::numeric_limits<double>::quiet_NaN();    ///< mean time that a job did not hold its GPUs
};

/// The value at position int(share × n) of sorted values, the last at most; NaN without values.
///
/// @param sorted  ascending
/// @param share   0..1
[[nodiscard]] inline double at_share(std::span<const double> sorted, double share) noexcept {
    if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    return sorted[at < sorted.size() ? at : sorted.size() - 1];
}

/// Completion times of a run. O(n log n).
///
/// @param jobs     what was simulated
/// @param records  what became of it, one for each job
[[nodiscard]] inline completion_times completion(std::span<const simulated_job> jobs,
                                                 std::span<const job_record> records) {
    BERTH_ASSERT(jobs.size() == records.size(), "berth: completion() takes one record for each job");
    completion_times out;
    detail::flat<double> times;
    double sum = 0.0;
    double queued = 0.0;
    double last = -std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        if (!records[j].done()) continue;
        const double time = records[j].end_s - jobs[j].arrival_s;
        times.push_back(time);
        sum += time;
        queued += time - records[j].ran_s;
        last = std::max(last, records[j].end_s);
    }
    out.jobs = times.size();
    if (times.empty()) return out;
    std::sort(times.begin(), times.end());
    const auto count = static_cast<double>(times.size());
    out.mean_s = sum / count;
    out.queued_s = queued / count;
    out.p50_s = at_share(times.view(), 0.50);
    out.p95_s = at_share(times.view(), 0.95);
    out.p99_s = at_share(times.view(), 0.99);
    out.longest_s = times.back();
    out.makespan_s = last - jobs[0].arrival_s;
    return out;
}

/// Finish-time fairness (Mahajan et al., Themis, NSDI 2020): for each job, its completion time over the one it would
/// have with a fair part of the fleet of its own. 1 or less is fair.
struct finish_time_fairness {
    std::size_t jobs = 0;       ///< jobs done with a known fair time
    double worst = 0.0;         ///< the largest ratio
    double mean = 0.0;          ///< of all ratios
    double unfair_share = 0.0;  ///< the share of jobs with a ratio above the limit, 0..1
    double jain = 1.0;          ///< Jain's index of the ratios
};

/// Compares completion times with fair ones. O(jobs).
///
/// @param jobs     what was simulated
/// @param records  what became of it
/// @param fair_s   the completion time of each job under a fair part; NaN or 0: left out
/// @param limit    a ratio above it is unfair; published studies take 1.05
[[nodiscard]] inline finish_time_fairness fairness_of(std::span<const simulated_job> jobs,
                                                      std::span<const job_record> records,
                                                      std::span<const double> fair_s, double limit = 1.05) {
    BERTH_ASSERT(jobs.size() == records.size() && jobs.size() == fair_s.size(),
                 "berth: fairness_of() takes one record and one fair time for each job");
    finish_time_fairness out;
    detail::jain_sum ratios;
    double sum = 0.0;
    std::size_t unfair = 0;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
        if (!records[j].done() || !(fair_s[j] > 0.0)) continue;
        const double ratio = (records[j].end_s - jobs[j].arrival_s) / fair_s[j];
        ++out.jobs;
        sum += ratio;
        ratios.add(ratio);
        out.worst = std::max(out.worst, ratio);
        unfair += ratio > limit ? 1U : 0U;
    }
    if (out.jobs == 0) return out;
    out.mean = sum / static_cast<double>(out.jobs);
    out.unfair_share = static_cast<double>(unfair) / static_cast<double>(out.jobs);
    out.jain = ratios.index();
    return out;
}

/// Equal GPUs in a run, and what each of them draws.
struct gpu_use {
    double gpus = 0.0;                                         ///< how many
    double busy_gpu_s = 0.0;                                   ///< GPU seconds that jobs held on them
    double idle_w = std::numeric_limits<double>::quiet_NaN();  ///< watts of one that no job holds; NaN: unknown
    double busy_w = std::numeric_limits<double>::quiet_NaN();  ///< watts of one that a job holds; NaN: unknown
};

/// Energy of a run. NaN: unknown.
struct energy_used {
    double joules = std::numeric_limits<double>::quiet_NaN();        ///< of all GPUs, idle ones as well
    double joules_a_job = std::numeric_limits<double>::quiet_NaN();  ///< the same for each job that is done

    /// The energy in kWh; NaN: unknown.
    [[nodiscard]] constexpr double kwh() const noexcept { return joules / 3.6e6; }
};

/// Energy of the GPUs of a fleet over a time: what is busy draws its busy power, the rest its idle power. Hosts and
/// networks are not in it. Unknown if the power of any GPUs is. O(kinds of GPUs).
///
/// @param uses    kinds of GPUs, each once
/// @param span_s  how long they were there, seconds
/// @param jobs    how many are done
[[nodiscard]] inline energy_used energy_of(std::span<const gpu_use> uses, double span_s, std::size_t jobs) noexcept {
    energy_used out;
    double joules = 0.0;
    for (const gpu_use& u : uses) joules += u.gpus * span_s * u.idle_w + u.busy_gpu_s * (u.busy_w - u.idle_w);
    if (uses.empty()) return out;
    out.joules = joules;
    if (jobs > 0) out.joules_a_job = joules / static_cast<double>(jobs);
    return out;
}

/// The part of all GPU time that jobs held, 0..1, from the first arrival to the end of the run.
///
/// @param jobs  what was simulated
/// @param run   what became of it
/// @param gpus  of the whole fleet
[[nodiscard]] inline double utilisation(std::span<const simulated_job> jobs, const simulation_run& run,
                                        double gpus) noexcept {
    const double span = jobs.empty() ? 0.0 : run.end_s - jobs[0].arrival_s;
    return span > 0.0 && gpus > 0.0 ? run.busy_gpu_s / (span * gpus) : 0.0;
}

}  // namespace berth::inline v0
