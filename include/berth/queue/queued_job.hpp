// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// What an order of a queue knows of a job, whether it waits or runs. A plain value that the driver of the queue
/// (`scheduler`, a simulator, your own loop) fills in. What is unknown is NaN, never 0.
struct queued_job {
    std::uint64_t sequence = 0;  ///< the older of two jobs that arrived at the same time has the smaller one
    double arrival = 0.0;        ///< when it arrived, in seconds
    int priority = 0;            ///< larger is more important
    double gpus = 1.0;           ///< of all its tasks together; parts of GPUs count as parts
    std::size_t tasks = 1;       ///< how many there are
    /// How long it would still run, alone and at its usual speed, in seconds.
    double remaining_seconds = std::numeric_limits<double>::quiet_NaN();
    double attained_seconds = 0.0;  ///< how long it has run
    double waited_seconds = 0.0;    ///< since it arrived or was evicted; 0 while it runs
    bool running = false;           ///< true if it runs
    std::uint32_t level = 0;        ///< of orders with levels: the level it was found to belong to; 0 at the start
    std::uint64_t level_entry = 0;  ///< of orders with levels: grows with each entry of a job into a level
};

}  // namespace berth::inline v0
