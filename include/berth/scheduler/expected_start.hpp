// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/ledger.hpp"
#include "berth/queue/queued_job.hpp"
#include "berth/scheduler/detail/events_of.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/scheduler_events.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace berth::inline v0 {

namespace detail {

/// Room as it is now, and as it will be once jobs have ended.
class room_to_come {
public:
    room_to_come(const scheduler_events& of, job_handle job) : of_{of}, cluster_{of.cluster()}, job_{job} {
        for (std::uint32_t t = 0; t < of.task_count(job); ++t) {
            const auto at = cluster_.find(of.task(job, t));
            if (!at) continue;
            const slot where = cluster_.where(of.task(job, t));
            if (!where.placed())
                waiting_.push_back(*at);
            else if (where.gpus != 0)
                joined_ = std::uint64_t{1} << model_of(where);
        }
    }
    /// True if the tasks that have to start together fit once these jobs are gone. O(their tasks + tasks of the job x
    /// nodes x GPUs).
    [[nodiscard]] bool fits_after(std::span<const job_handle> gone) const {
        ledger left = cluster_.ledger();
        for (const job_handle job : gone) {
            for (std::uint32_t t = 0; t < of_.task_count(job); ++t) {
                const auto at = cluster_.find(of_.task(job, t));
                if (!at) continue;
                for (const slot& held : {cluster_.slots()[at->value()], cluster_.targets()[at->value()]}) {
                    if (held.placed()) left.remove(cluster_.workload().demand(*at), held);
                }
            }
        }
        if (!of_.one_model(job_)) return fits(left, ~std::uint64_t{0});
        if (joined_ != 0) return fits(left, joined_);
        for (std::size_t m = 0; m < cluster_.fleet().model_count(); ++m) {
            if (fits(left, std::uint64_t{1} << m)) return true;
        }
        return false;
    }

private:
    [[nodiscard]] std::size_t model_of(const slot& where) const noexcept {
        return cluster_.fleet().model(cluster_.fleet().gpu(where.node, lowest_gpu(where.gpus))).value();
    }
    /// The first tasks that fit, each on the first node that takes it: for equal tasks that finds room if there is any.
    [[nodiscard]] bool fits(ledger& left, std::uint64_t models) const {
        left.checkpoint();
        std::size_t lacking = of_.least_to_start(job_);
        for (std::size_t t = 0; t < waiting_.size() && lacking > 0; ++t) lacking -= put(left, waiting_[t], models);
        left.rollback();
        return lacking == 0;
    }
    [[nodiscard]] std::size_t put(ledger& left, task_index task, std::uint64_t models) const {
        const std::span<const task_alternative> others = cluster_.alternatives(task);
        if (others.empty()) return put(left, cluster_.workload().demand(task), models) ? 1 : 0;
        for (const task_alternative& a : others) {
            if (put(left, cluster_.workload().demand(a.shape), models)) return 1;
        }
        return 0;
    }
    [[nodiscard]] bool put(ledger& left, demand_view demand, std::uint64_t models) const {
        if (demand.gpus > 0) demand.accepted_models &= models;
        for (std::size_t n = 0; n < cluster_.fleet().node_count(); ++n) {
            const node_index node{n};
            if (!left.fits(demand, node)) continue;
            const gpu_mask gpus =
                demand.gpus == 0 ? 0 : tightest_gpu{}(left.node(node), demand, left.fitting_gpus(demand, node));
            left.place(demand, {node, gpus});
            return true;
        }
        return false;
    }

    const scheduler_events& of_;
    const berth::cluster& cluster_;
    job_handle job_;
    flat<task_index> waiting_;
    std::uint64_t joined_ = 0;  // the model that a job of one model runs on already
};

}  // namespace detail

/// When a job that waits is expected to start: the earliest end of a running job by which there is room for it, if jobs
/// run as long as they said, nothing else happens, and nobody who waits is served before it. So it is a bound: sooner
/// only if a job ends before its time, a place comes back, or somebody leaves for it.
///
/// A job whose duration is unknown, or that has run longer than it said, has no known end. Reservations stay. Not for
/// the hot path: O(log jobs x (tasks + nodes x GPUs x tasks of the job)), and a copy of the ledger each time.
///
/// @param engine  a `scheduler` or `any_scheduler`, after `decide`
/// @return        seconds, later than `engine.now()`; nothing if the job does not wait, or if no known end makes room
template <class Scheduler>
[[nodiscard]] std::optional<double> expected_start(const Scheduler& engine, job_handle job) {
    const scheduler_events& events = detail::events_of(engine);
    if (events.least_to_start(job) == 0) return std::nullopt;
    struct known_end {
        double at = 0.0;
        job_handle job{};
    };
    detail::flat<known_end> ends;
    for (const job_handle other : events.jobs()) {
        if (other == job || events.running(other) == 0) continue;
        const queued_job seen = engine.view(other);
        if (seen.running && seen.remaining_seconds > 0.0)
            ends.push_back({events.now() + seen.remaining_seconds, other});
    }
    const auto sorted =
        detail::sorted_positions(ends.size(), [&](std::size_t a, std::size_t b) { return ends[a].at < ends[b].at; });
    detail::flat<job_handle> order;
    for (const std::size_t i : sorted) order.push_back(ends[i].job);
    const detail::room_to_come room{events, job};
    // The fewest that have to end. More room is never worse.
    std::size_t few = 0;
    std::size_t enough = ends.size();
    if (enough == 0 || !room.fits_after(order.view())) return std::nullopt;
    while (enough - few > 1) {
        const std::size_t middle = few + (enough - few) / 2;
        (room.fits_after(order.view().first(middle)) ? enough : few) = middle;
    }
    return ends[sorted[enough - 1]].at;
}

}  // namespace berth::inline v0
