// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/slot.hpp"
#include "berth/scheduler/job_description.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace berth::inline v0 {

/// What a scheduler decided.
enum class decision_kind : std::uint8_t {
    start,  ///< a task is to be started at `where`
    evict,  ///< a task at `where` is to be stopped; it waits again
    move,   ///< a task is to be moved from `from` to `where`
    wait,   ///< a job waits, for other reasons than it was told before
    lost,   ///< a task has lost its place
};
/// The number of kinds.
inline constexpr std::size_t decision_kind_count = 5;

/// The kind as a word.
[[nodiscard]] constexpr const char* to_string(decision_kind kind) noexcept {
    constexpr const char* names[] = {"start", "evict", "move", "wait", "lost"};
    return names[static_cast<std::size_t>(kind)];
}

/// Why a place does not take a job.
enum class wait_reason : std::uint8_t {
    never,           ///< the place could not take it if it were empty and well; counted beside the reason
    no_room,         ///< each counter has room, but not all on the same GPUs; or the policy does not admit it
    model,           ///< too few GPUs of an accepted model
    closed,          ///< it takes nothing new
    unhealthy,       ///< it is not healthy, or too few of its GPUs are
    held,            ///< its room is held for another job
    gang,            ///< it has room for a task, but there is none for enough tasks of the job
    delay,           ///< the job waits after an attempt that failed
    limit,           ///< a queue has as much as it may have
    quota,           ///< a job that may not be stopped would take more than its queue is guaranteed
    label,           ///< the node has not the labels that the job wants
    topology,        ///< no domain has room for enough tasks, or the job is to be near to or away from others
    apart,           ///< too few domains have room for a task
    node_counter,    ///< a counter of the node is short
    gpu_counter,     ///< too few of its GPUs have room in a counter
    domain_counter,  ///< a counter of one of its domains is short
};
/// The number of reasons.
inline constexpr std::size_t wait_reason_count = 16;

/// A word for messages; counters have names of their own (`scheduler_events::name`).
[[nodiscard]] constexpr const char* to_string(wait_reason reason) noexcept {
    constexpr const char* names[] = {"never", "no_room",      "model",       "closed",        "unhealthy", "held",
                                     "gang",  "delay",        "limit",       "quota",         "label",     "topology",
                                     "apart", "node_counter", "gpu_counter", "domain_counter"};
    return names[static_cast<std::size_t>(reason)];
}

/// A reason with the number of places where it holds. A place may have several.
struct wait_count {
    wait_reason reason = wait_reason::no_room;  ///< the reason
    std::uint8_t counter = 0;                   ///< of a counter: its position in the schema
    std::uint32_t places = 0;                   ///< nodes; 1 for `delay`, `limit` and `quota`

    /// Equal in all members.
    friend constexpr bool operator==(const wait_count&, const wait_count&) noexcept = default;
};

/// One decision. A plain value; slots are by the positions of the moment, and its span is valid until the next event or
/// decision of the scheduler.
struct decision {
    decision_kind kind = decision_kind::start;  ///< what it is
    double time = 0.0;                          ///< when it was taken, seconds
    job_handle job{};                           ///< of which job
    std::uint32_t task = 0;                     ///< of which of its tasks, from 0
    std::uint32_t wave = 0;                     ///< of a move: moves of a wave may overlap, later waves wait for it
    slot where{};                               ///< of a start or a move the target; of an eviction the place
    slot from{};                                ///< of a move: its place before
    std::uint32_t alternative = 0;              ///< of a start: which of its demands it runs with, 0: its own
    std::string_view mig_profile{};             ///< of a slice: its profile; else empty
    std::uint32_t mig_offset = 0;               ///< of a slice: its first memory slice at `where`
    std::uint32_t mig_from = 0;                 ///< of a slice that moves: the one at `from`
    job_handle beneficiary{};                   ///< of an eviction: who gets the room; of a wait: for whom it is kept
    const char* reason = "";                    ///< why, where it has one; valid as long as the span
    std::span<const wait_count> reasons{};      ///< of a wait: why, ordered by reason and counter
};

}  // namespace berth::inline v0
