// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace berth::inline v0 {

/// When a job loses its `simulated_job::restart_s`.
enum class restart_charge : std::uint8_t {
    each_start,  ///< when it starts, resumes or moves; never while it stays
    each_event,  ///< in every interval between two events in which it runs, moved or not, as Muri's simulator has it
};

/// How the jobs that are to run get their GPUs, in the order of the queue. A job of at most one node gets GPUs of one
/// node, a larger one whole nodes. Later jobs may run where an earlier one does not fit.
enum class seating : std::uint8_t {
    packed,    ///< who runs stays, but smaller jobs move to other nodes where a larger one finds too few GPUs on any
    kept,      ///< who runs stays unless a job before it takes its GPUs; a newcomer takes idle ones first
    repacked,  ///< all nodes are emptied and filled anew: the first node with room
    pooled,    ///< nodes play no part: one number of free GPUs
};

/// What published simulators of jobs on equal GPUs do differently. The defaults are berth's own.
struct event_rules {
    restart_charge restarts = restart_charge::each_start;  ///< when a restart is charged
    seating seats = seating::packed;                       ///< where jobs run
    /// Jobs that arrive within 1e-9 of the time of the first of them arrive with it; without it, only at equal times.
    bool merge_arrivals = false;
    bool merge_ends = false;     ///< the same for jobs that are expected to end
    bool running_first = false;  ///< of orders with levels: who waits lets those who run pass, within its level
    bool steps_known = true;     ///< whether orders see how long a job still runs
};

/// The rules of Muri's simulator (Zhao et al., SIGCOMM 2022) for SRTF and SRSF.
[[nodiscard]] constexpr event_rules muri_rules() noexcept {
    return {
        .restarts = restart_charge::each_event, .seats = seating::repacked, .merge_arrivals = true, .merge_ends = true};
}
/// The rules of the same simulator for Tiresias, an order with levels.
[[nodiscard]] constexpr event_rules muri_level_rules() noexcept {
    return {.restarts = restart_charge::each_event,
            .seats = seating::pooled,
            .merge_arrivals = true,
            .running_first = true};
}

}  // namespace berth::inline v0
