// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/concepts.hpp"
#include "berth/queue/orders.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Least attained service first, in levels (Tiresias; multi-level feedback): a job starts in the first level and sinks
/// when its running time x GPUs passes the limit of its level. Within a level the job that entered it first goes first.
/// Needs no durations. Without preemption it is hardly better than `fifo`.
struct least_attained {
    /// GPU seconds at which a job leaves each level but the last, ascending. Those of the published simulator.
    std::array<double, 2> limits{3250.0, 7200.0};

    /// The level, then the moment of entry into it.
    [[nodiscard]] constexpr queue_key operator()(const queued_job& job) const noexcept {
        return {static_cast<double>(job.level), static_cast<double>(job.level_entry)};
    }
    /// Its own level, or the next one if the job has passed the limit: one step at a time.
    [[nodiscard]] constexpr std::uint32_t level(const queued_job& job) const noexcept {
        const bool sinks = job.level < limits.size() && job.attained_seconds * job.gpus >= limits[job.level];
        return job.level + (sinks ? 1U : 0U);
    }
    /// Seconds of running until it passes the limit of its level, which is counted in whole seconds of running.
    [[nodiscard]] double next_level_in(const queued_job& job) const noexcept {
        if (job.level >= limits.size() || !(job.gpus > 0.0)) return std::numeric_limits<double>::infinity();
        return std::ceil(limits[job.level] / job.gpus) - job.attained_seconds;
    }
};

static_assert(levelled_order<least_attained> && levelled_order<by_priority<least_attained>>);

}  // namespace berth::inline v0
