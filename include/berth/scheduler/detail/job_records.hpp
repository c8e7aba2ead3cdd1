// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/model/slot.hpp"
#include "berth/queue/queue_key.hpp"
#include "berth/queue/queued_job.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/place_reading.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

inline constexpr std::uint32_t no_position = ~std::uint32_t{0};
/// Beside the reasons that a job was told: it was told that it has a reservation.
inline constexpr std::uint64_t told_reserved = std::uint64_t{1} << 15U;
inline constexpr double never = std::numeric_limits<double>::infinity();

/// What a task of a job does, as far as decisions are concerned.
enum class task_activity : std::uint8_t {
    waiting,
    running,
    moving,    // a move was decided and is not reported yet
    stopping,  // an eviction was decided and is not reported yet
    ended,
};

struct task_record {
    task_handle task{};
    task_activity activity = task_activity::waiting;
    bool started = false;               // by a decision, and nothing was reported of it
    std::uint32_t failures = 0;         // of moves and stops, in a row
    std::uint32_t failed_starts = 0;    // in a row
    std::uint32_t claim = no_position;  // it stops for this claim
    double not_before = 0.0;            // nothing is tried earlier
};

struct job_record {
    std::uint64_t sequence = 0;
    double arrival = 0.0;
    double waiting_since = 0.0;
    int priority = 0;
    bool preemptible = true;
    bool restart = true;
    bool same_model = false;
    std::uint32_t tasks = 0;
    std::uint32_t min_tasks = 0;
    std::uint32_t waiting = 0;
    std::uint32_t running = 0;  // moving and stopping ones, too
    double gpus = 0.0;

    double work = job_terms::unknown;
    double duration = job_terms::unknown;
    double delay = 0.0;
    double attained = 0.0;  // until `since`
    double since = 0.0;     // it has run since then, if it runs
    double done = 0.0;      // seconds of work, until `done_at`
    double done_at = 0.0;
    double rate = 1.0;
    bool rate_known = false;
    std::uint32_t job_class = no_position;

    std::uint32_t level = 0;
    std::uint64_t level_entry = 0;

    std::uint32_t demand = no_position;  // its class while it is in line
    queue_key key{};
    bool grows = false;                 // in line: its least tasks run already
    bool delayed = false;               // it sleeps until it may evict
    bool queued = false;                // in the list of those that are to be put in line
    double not_before = 0.0;            // it is not in line earlier
    double short_since = never;         // it runs with fewer tasks than its least
    std::uint64_t told = 0;             // the reasons that it was told last, as a set; 0: none
    std::uint32_t claim = no_position;  // evictions for it are under way

    std::uint32_t leaf = 1;      // its queue; 1: it names none
    double evicted_at = -never;  // by a decision, the last time
    double runs_since = 0.0;     // if it runs

    std::uint32_t mig_profile = no_position;  // each of its tasks is a slice

    /// When it may evict others.
    [[nodiscard]] double may_evict_at() const noexcept { return (evicted_at > arrival ? evicted_at : arrival) + delay; }
    /// Runs as a job: with its least tasks.
    [[nodiscard]] bool runs() const noexcept { return running > 0 && running >= min_tasks; }
    [[nodiscard]] double attained_at(double now) const noexcept { return runs() ? attained + (now - since) : attained; }
    [[nodiscard]] double done_by(double now) const noexcept { return runs() ? done + rate * (now - done_at) : done; }
};

/// Room that is being made for a job: evictions that are not carried out yet.
struct claim_record {
    std::uint32_t serial = 0;
    std::uint32_t job = no_position;
    std::uint32_t pending = 0;
    bool broken = false;  // a victim stays
};
/// How far the tries of claims by one rule have come: who arrived before `next` has been tried since the sweep began,
/// who arrived from `end` on is tried in the next one.
struct claim_sweep {
    std::uint64_t next = 0;
    std::uint64_t end = 0;
    std::uint64_t left = 0;    // claims that may fail in this decision
    std::uint32_t rounds = 0;  // sweeps begun since something changed
};
/// A node whose room is held for a claim.
struct held_node {
    std::uint32_t claim = 0;
    node_handle node{};
};

/// A move that is decided, and begins with its wave.
struct planned_move {
    task_handle task{};
    slot to{};
    node_handle target{};
    std::uint32_t wave = 0;
    const char* reason = "";
};

/// A sample that waits for the watch.
struct pending_reading {
    double time = 0.0;
    node_handle node{};
    gpu_handle gpu{};  // not valid: the node as a whole
    place_reading read{};
};

/// A job that is put in line at a time.
struct sleeping_job {
    double until = 0.0;
    job_handle job{};
};

/// Which task of which job a task of the cluster is.
struct task_owner {
    std::uint32_t job = no_position;
    std::uint32_t task = 0;
};

}  // namespace berth::inline v0::detail
