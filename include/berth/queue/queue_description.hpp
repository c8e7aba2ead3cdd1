// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/resources.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace berth::inline v0 {

/// An amount of a counter that is divided between queues.
struct queue_amount {
    static constexpr amount unlimited = max_amount;  ///< as much as there is

    std::string_view counter{};  ///< `gpu` (thousandths of GPUs), `gpu_memory`, or a counter of nodes
    amount value = 0;            ///< from 0 on; `unlimited`: as much as there is
};

/// A queue of jobs, or of queues, as input of a scheduler. What one queue names is divided between all.
///
/// ```
/// const berth::queue_amount quota[] = {{"gpu", 8000}};
/// scheduler.queue(now, {.name = "vision", .parent = "research", .quota = quota, .weight = 2.0});
/// ```
struct queue_description {
    static constexpr double inherited = std::numeric_limits<double>::quiet_NaN();  ///< as of the queue above it
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();    ///< not known

    std::string_view name{};                 ///< unique, not empty
    std::string_view parent{};               ///< the queue above it, which is there; empty: none
    std::span<const queue_amount> quota{};   ///< what it is guaranteed; of a counter that is not listed: nothing
    std::span<const queue_amount> limit{};   ///< the most it may have; of a counter that is not listed: no limit
    bool unlimited_quota = false;            ///< it is guaranteed all that it wants, of every counter
    double weight = 1.0;                     ///< its part of what is over all quotas; finite, from 0 on; 0: none
    std::int32_t priority = 0;               ///< a higher one gets what is over before a lower one
    double min_runtime_preempt = inherited;  ///< seconds that a job runs before its own queue may stop it, from 0 on
    double min_runtime_reclaim = inherited;  ///< seconds that a job runs before another queue may stop it, from 0 on
    double usage = unknown;                  ///< what it used so far of all there was, 0..1
};

}  // namespace berth::inline v0
