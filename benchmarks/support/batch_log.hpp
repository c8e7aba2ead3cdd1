// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/resources.hpp"
#include "berth/simulate/queue_simulation.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// A log of a batch system, ready for `berth::simulate_easy`: jobs in the order of arrival.
struct batch_log {
    std::vector<std::string> counters;    ///< `procs` and whatever else was asked for
    std::vector<berth::amount> capacity;  ///< of each counter
    std::vector<std::string> ids;         ///< of each job, as in the file
    std::vector<berth::logged_job> jobs;  ///< times in seconds
    std::vector<berth::amount> demands;   ///< for each job one amount of each counter
    std::size_t dropped = 0;              ///< jobs that cannot run: no processors or more than there are, no duration
};

/// What a log is read with.
struct batch_log_options {
    std::int64_t procs = 0;  ///< processors, 0: as the log says (`; MaxProcs:` of SWF)
    /// Further counters with their capacities; each is a column of a CSV file.
    std::vector<std::pair<std::string, berth::amount>> counters{};
};

/// Reads a log in the Standard Workload Format, or in CSV with the columns `submit`, `run`, `procs`, `req` and, where
/// there are, `id` and `user`; either may be compressed with xz. A first line with commas and letters is CSV.
///
/// Processors of SWF: field 8, else 5; requested time: field 9, else 4. Jobs without processors or time, or with more
/// processors than there are, are dropped and counted; jobs are sorted by the time of their arrival, stably. A job that
/// ran longer than was requested counts as ended then. Errors name file, line and field.
[[nodiscard]] berth::result<batch_log> read_batch_log(const std::string& path, const batch_log_options& options);
/// The same for text in memory.
[[nodiscard]] berth::result<batch_log> parse_batch_log(const std::string& file, std::string_view text,
                                                       const batch_log_options& options);

}  // namespace bench
