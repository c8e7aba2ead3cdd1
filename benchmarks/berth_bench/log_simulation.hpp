// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/io/event_log.hpp"
#include "berth/simulate/simulated_job.hpp"

#include "support/power_csv.hpp"
#include "support/progress.hpp"
#include "support/simulation_traces.hpp"

#include <limits>
#include <string>
#include <vector>

namespace bench {

/// An event log in virtual time: jobs end when their work is done, not when the log says so.
struct simulated_log {
    simulation_trace trace;  ///< the jobs that ended or were there at the end, in order of arrival
    berth::simulation_run run;
    double gpus = 0.0;  ///< of all nodes that were there at any time
    /// Of all GPUs while they were there, from the first line to the end: a GPU draws its busy power while a task holds
    /// any of it. NaN: unknown.
    double joules = std::numeric_limits<double>::quiet_NaN();
};

/// Runs a log through a scheduler. Lines `finish` are left out: a job ends after its `work` at the speed of the demand
/// that it runs with, else after its `duration`; a job with neither ends by `cancel` only. It makes progress while all of
/// its tasks run. An error names file, line and field of what the log cannot mean or the engine cannot do yet.
///
/// @param policy  empty: the log's
/// @param power   watts of GPU models; may be null
[[nodiscard]] berth::result<simulated_log> simulate_log(const std::vector<berth::io::numbered_event>& log,
                                                        const std::string& file, const std::string& policy,
                                                        const power_csv* power, progress_line* line);

}  // namespace bench
