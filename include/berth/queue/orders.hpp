// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/concepts.hpp"

#include <cstdint>

// Who goes first. When to use which:
//
//   fifo                 the oldest; nobody is surprised, and short jobs wait behind long ones
//   by_priority          larger priority first, then by any other order
//   shortest_remaining   least time still to run (SRTF): lowest mean completion time of jobs of equal size
//   shortest_service     least time x GPUs still to run (SRSF): the same where sizes differ
//   least_attained       levels by what was already consumed, where durations are unknown (queue/least_attained.hpp)
//   attained_levels      the same with levels for jobs of any length (queue/attained_levels.hpp)
//   look_ahead           least service, improved by looking at the whole queue (queue/look_ahead.hpp)
//
// With preemption, `shortest_remaining` and `shortest_service` are the policies of that name. Long jobs may starve
// under both. Shares of queues, aging and backfill (scheduler/backfill.hpp) are other
// policies.

namespace berth::inline v0 {

/// The oldest first.
struct fifo {
    /// The same key for every job, so that age decides.
    [[nodiscard]] constexpr queue_key operator()(const queued_job&) const noexcept { return {}; }
};

/// Least time still to run first (SRTF). Jobs of unknown duration come last, the oldest first.
struct shortest_remaining {
    /// Seconds.
    [[nodiscard]] constexpr queue_key operator()(const queued_job& job) const noexcept { return job.remaining_seconds; }
};

/// Least time still to run, times GPUs, first (SRSF). Jobs of unknown duration come last, the oldest first.
struct shortest_service {
    /// GPU seconds.
    [[nodiscard]] constexpr queue_key operator()(const queued_job& job) const noexcept {
        return job.remaining_seconds * job.gpus;
    }
};

/// Larger priority first; among equal ones another order, of which at most two numbers of the key count.
template <queue_order Order = fifo>
struct by_priority {
    Order among_equals{};  ///< the order of jobs of equal priority

    static constexpr bool ages = berth::ages<Order>;  ///< as the other order

    /// The priority, negated, then the key of the other order.
    [[nodiscard]] constexpr queue_key operator()(const queued_job& job) const noexcept {
        const queue_key key = among_equals(job);
        return {-static_cast<double>(job.priority), key.first, key.second};
    }
    /// The level of the other order, if it has levels.
    [[nodiscard]] constexpr std::uint32_t level(const queued_job& job) const noexcept
        requires levelled_order<Order>
    {
        return among_equals.level(job);
    }
    /// As of the other order, if it has levels.
    [[nodiscard]] constexpr double next_level_in(const queued_job& job) const noexcept
        requires levelled_order<Order>
    {
        return among_equals.next_level_in(job);
    }
};
by_priority() -> by_priority<>;
template <class Order>
by_priority(Order) -> by_priority<Order>;

static_assert(queue_order<fifo> && queue_order<shortest_remaining> && queue_order<shortest_service> &&
              queue_order<by_priority<>> && !levelled_order<fifo> && !levelled_order<by_priority<>> &&
              !ages<by_priority<>>);

}  // namespace berth::inline v0
