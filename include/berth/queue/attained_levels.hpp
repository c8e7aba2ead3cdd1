// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/concepts.hpp"

#include <cstdint>
#include <limits>

namespace berth::inline v0 {

/// Least attained service first, in levels without a last one: a job sinks whenever the service that it got (running
/// time x GPUs) grew by a factor. berth's own order for jobs of unknown duration. Where some jobs run for minutes
/// and some for months, the few levels of `least_attained` leave all long jobs in the last, the oldest first; here a
/// job waits for jobs of its own kind. A small factor serves the mean, a large one spares the longest jobs. Within a
/// level who entered it first goes first, so equals do not take turns.
struct attained_levels {
    double first = 4000.0;  ///< GPU seconds at which a job leaves the first level, above 0
    double growth = 64.0;   ///< of the limit from level to level, above 1

    /// The level, then the moment of entry into it.
    [[nodiscard]] constexpr queue_key operator()(const queued_job& job) const noexcept {
        return {static_cast<double>(job.level), static_cast<double>(job.level_entry)};
    }
    /// The level of the service that the job got.
    [[nodiscard]] std::uint32_t level(const queued_job& job) const noexcept {
        std::uint32_t level = job.level;
        while (level < most_levels && job.attained_seconds * job.gpus >= limit(level)) ++level;
        return level;
    }
    /// Seconds of running until it passes the limit of its level.
    [[nodiscard]] double next_level_in(const queued_job& job) const noexcept {
        if (job.level >= most_levels || !(job.gpus > 0.0)) return std::numeric_limits<double>::infinity();
        return limit(job.level) / job.gpus - job.attained_seconds;
    }

private:
    static constexpr std::uint32_t most_levels = 64;

    /// Without a power, so that every library of mathematics agrees.
    [[nodiscard]] double limit(std::uint32_t level) const noexcept {
        double gpu_seconds = first;
        for (std::uint32_t k = 0; k < level; ++k) gpu_seconds *= growth;
        return gpu_seconds;
    }
};

static_assert(levelled_order<attained_levels>);

}  // namespace berth::inline v0
