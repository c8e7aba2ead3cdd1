// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/queue_key.hpp"
#include "berth/queue/queued_job.hpp"

#include <concepts>
#include <cstdint>
#include <span>

// Customisation points of queues, all of them plain const structs or lambdas:
//
//   queue_order      who goes first                           queue/orders.hpp, queue/least_attained.hpp
//   planning_order   who goes first, with a look at all jobs   queue/look_ahead.hpp

namespace berth::inline v0 {

/// Customisation point: who goes first. `order(job)` is a key, the smallest key goes first, and the older of two jobs
/// with equal keys. Write one when none of `queue/orders.hpp` ranks the jobs as you would:
///
/// ```
/// const auto small_ones_first = [](const berth::queued_job& job) { return job.gpus; };
/// ```
///
/// 1. The key depends on the job that is given and on nothing else. It may be a number or a `queue_key`. NaN goes last.
/// 2. Const and deterministic; does not allocate. O(1).
/// 3. With `static constexpr bool ages = true` the key depends on `queued_job::waited_seconds`: the driver computes the
///    keys of waiting jobs anew for every decision. Without it, the key of a job that waits stays.
/// 4. Optional, for orders with levels: `level(job)` is the level that the job belongs to now, `job.level` or a later
///    one, and `next_level_in(job)` the seconds of running after which it would be asked again, infinity for never. The
///    driver keeps `job.level` and asks at these moments.
/// 5. The order says who goes first, not who must leave: whether a job that runs is evicted for one that goes before it
///    is up to the driver.
template <class O>
concept queue_order = requires(const O& o, const queued_job& job) {
    { o(job) } -> std::convertible_to<queue_key>;
};

/// The member `ages` of an order; false without one.
template <queue_order O>
inline constexpr bool ages = [] {
    if constexpr (requires { O::ages; }) {
        return static_cast<bool>(O::ages);
    } else {
        return false;
    }
}();

/// True for an order with levels.
template <class O>
concept levelled_order = queue_order<O> && requires(const O& o, const queued_job& job) {
    { o.level(job) } -> std::convertible_to<std::uint32_t>;
    { o.next_level_in(job) } -> std::convertible_to<double>;
};

/// Customisation point: an order that looks at the whole queue, not only at one job after the other.
/// `order.start(capacity)` gives a planner for one run of a queue on so many GPUs, and `planner(now, jobs, line)`
/// rearranges the line before each decision.
///
/// 1. `line` holds the numbers of the jobs that wait or run, sorted by key; `jobs` holds all jobs by number. A number
///    stands for the same job in all calls; `now` never falls.
/// 2. The planner permutes the line and changes nothing else. It may keep what it needs from call to call; it may
///    allocate.
/// 3. Deterministic: the same calls give the same lines.
template <class O>
concept planning_order = queue_order<O> && requires(const O& o, double number, std::span<const queued_job> jobs,
                                                    std::span<std::uint32_t> line) {
    { o.start(number)(number, jobs, line) };
};

}  // namespace berth::inline v0
