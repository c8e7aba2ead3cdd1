// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/result.hpp"
#include "berth/model/slot.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/simulate/simulated_job.hpp"
#include "berth/simulate/virtual_time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// How jobs are told to a scheduler.
struct scheduler_engine_options {
    std::uint32_t gpus_per_task = 8;  ///< a job of more GPUs is several tasks that start together; 1..64
    bool durations_known = true;      ///< whether the scheduler is told how long jobs run
    /// Optional, of each job (row) on each GPU model of the fleet (column): how many times as fast as
    /// `simulated_job::step_s` says, above 0; no rows: 1. A job runs as fast as its slowest task.
    matrix_view<const double> speeds{};
};

/// Watches nothing.
struct no_slot_watch {
    /// Does nothing.
    void operator()(double, std::uint32_t, const slot&, bool) const noexcept {}
};

/// A `scheduler` in virtual time: the same object that runs a fleet, driven by `virtual_time`. Its options say
/// `acknowledgement::at_once`; nodes join it before, or between two runs.
///
/// @tparam Scheduler  a `scheduler` or `any_scheduler`
/// @tparam Watch      `watch(time, job, where, taken)` hears of each slot that a task of a job takes, or leaves; not of
///                    one that is lost with its node
template <class Scheduler, class Watch = no_slot_watch>
class scheduler_engine {
public:
    /// @param driven   outlives this; its options say `acknowledgement::at_once`
    /// @param jobs     outlive this
    /// @param options  how jobs are told, `gpus_per_task` from 1 on
    /// @param watch    hears of slots
    scheduler_engine(Scheduler& driven, std::span<const simulated_job> jobs, scheduler_engine_options options = {},
                     Watch watch = {})
        : scheduler_{&driven}, jobs_{jobs}, options_{options}, watch_{std::move(watch)} {
        BERTH_ASSERT(options.gpus_per_task > 0, "berth: a task of a simulated job has 1 GPU or more");
        BERTH_ASSERT(driven.options().acknowledge == acknowledgement::at_once,
                     "berth: nobody reports evictions and moves to a scheduler in virtual time");
        handles_.resize(jobs.size());
        tasks_.resize(jobs.size());
    }

    /// A job arrives.
    result<void> arrive(double time, std::uint32_t job) {
        const simulated_job& j = jobs_[job];
        const std::size_t tasks = task_count(j.gpus, options_.gpus_per_task);
        job_description told;
        told.task_count = tasks;
        told.gpus = j.gpus / tasks;
        if (options_.durations_known) told.terms.duration = j.steps * j.step_s;
        const auto handle = scheduler_->job(time, told);
        if (!handle) return handle.error();
        handles_[job] = *handle;
        tasks_[job] = {static_cast<std::uint32_t>(tasks), 0, std::numeric_limits<double>::infinity()};
        if (handle->position() >= owners_.size()) owners_.resize(handle->position() + std::size_t{1});
        owners_[handle->position()] = job;
        return {};
    }
    /// A job is done.
    result<void> finish(double time, std::uint32_t job) {
        if constexpr (!std::is_same_v<Watch, no_slot_watch>) {
            for (std::uint32_t t = 0; t < tasks_[job].all; ++t) {
                const slot where = scheduler_->cluster().where(scheduler_->task(handles_[job], t));
                if (where.placed()) watch_(time, job, where, false);
            }
        }
        const auto ended = scheduler_->finish(time, handles_[job]);
        if (!ended) return ended.error();
        return {};
    }
    /// What the scheduler decides, job by job.
    result<std::span<const simulated_decision>> decide(double time) {
        const auto decided = scheduler_->decide(time);
        if (!decided) return decided.error();
        decisions_.clear();
        for (const decision& d : *decided) follow(d);
        return decisions_.view();
    }
    /// When the scheduler wants to decide again.
    [[nodiscard]] double wake_at() const { return scheduler_->wake_at(); }

    /// The fewest equal tasks of at most so many GPUs each, 1 or more, that a job splits into; 1 without GPUs.
    [[nodiscard]] static std::size_t task_count(std::uint32_t gpus, std::uint32_t most) noexcept {
        BERTH_ASSERT(most > 0, "berth: a task of a simulated job has 1 GPU or more");
        if (gpus == 0) return 1;
        std::size_t tasks = (std::size_t{gpus} + most - 1) / most;
        while (gpus % tasks != 0) ++tasks;
        return tasks;
    }

private:
    struct task_counts {
        std::uint32_t all = 0;
        std::uint32_t running = 0;
        double speed = 0.0;  ///< of the slowest that runs
    };

    void follow(const decision& d) {
        if (d.kind == decision_kind::wait) return;
        const std::uint32_t job = owners_[d.job.position()];
        task_counts& t = tasks_[job];
        const bool ran = t.running == t.all;
        switch (d.kind) {
            case decision_kind::wait: return;
            case decision_kind::start:
                watch_(d.time, job, d.where, true);
                t.speed = std::min(t.speed, speed_at(job, d.where));
                if (++t.running == t.all) decisions_.push_back({simulated_act::start, job, t.speed});
                return;
            case decision_kind::move:
                watch_(d.time, job, d.from, false);
                watch_(d.time, job, d.where, true);
                t.speed = std::min(t.speed, speed_at(job, d.where));
                if (ran) decisions_.push_back({simulated_act::move, job, t.speed});
                return;
            case decision_kind::evict:
            case decision_kind::lost:
                if (d.where.placed()) watch_(d.time, job, d.where, false);
                if (ran) decisions_.push_back({simulated_act::stop, job, 1.0});
                if (--t.running == 0) t.speed = std::numeric_limits<double>::infinity();
                return;
        }
    }
    [[nodiscard]] double speed_at(std::uint32_t job, const slot& where) const {
        if (options_.speeds.rows() == 0 || where.gpus == 0) return 1.0;
        const auto& fleet = scheduler_->cluster().fleet();
        double slowest = std::numeric_limits<double>::infinity();
        for (std::size_t g = 0; g < fleet.gpu_count(where.node); ++g) {
            if ((where.gpus >> g & 1U) == 0) continue;
            slowest = std::min(slowest, options_.speeds(job, fleet.model(fleet.gpu(where.node, g)).value()));
        }
        return slowest;
    }

    Scheduler* scheduler_;
    std::span<const simulated_job> jobs_;
    scheduler_engine_options options_;
    Watch watch_;
    detail::flat<job_handle> handles_;    // of each job
    detail::flat<task_counts> tasks_;     // of each job
    detail::flat<std::uint32_t> owners_;  // of each position of a handle: the job
    detail::flat<simulated_decision> decisions_;
};

}  // namespace berth::inline v0
