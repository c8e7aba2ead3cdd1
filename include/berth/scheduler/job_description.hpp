// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/handle.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/resources.hpp"
#include "berth/scheduler/place_rule.hpp"

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

namespace berth::inline v0 {

using job_handle = basic_handle<struct job_tag>;  ///< a job of a scheduler

/// A task of a job whose tasks are listed; fields as of `task_description`.
struct job_task {
    std::size_t gpus = 1;                                 ///< 0: CPU only
    std::span<const amount> gpu_demand{};                 ///< empty: one whole GPU
    std::span<const amount> node_demand{};                ///< empty: 0
    std::span<const amount> domain_demand{};              ///< empty: 0
    std::span<const std::string_view> accepted_models{};  ///< empty: all
};

/// What a scheduler is told of a job besides the demands of its tasks. What is not known is NaN, never 0.
struct job_terms {
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();  ///< not known

    bool preemptible = true;       ///< false: it is neither stopped nor moved for others
    bool restart = true;           ///< false: a task that lost its node does not wait again
    double work = unknown;         ///< seconds at speed 1, above 0
    double duration = unknown;     ///< seconds that the user promised, above 0
    double delay = 0.0;            ///< seconds, 0 or more, before it may evict others
    std::string_view job_class{};  ///< jobs of one class behave alike; for learning
    std::string_view queue{};      ///< the queue that it waits in, one without others below it; empty: none
    place_rules place{};           ///< which nodes its tasks may use, and which together
};

/// A job, as input of a scheduler: one task, several equal ones, or a list. Tasks of a job start together, at least
/// `min_tasks` of them or none.
///
/// ```
/// scheduler.job(now, {.name = "train-3", .task_count = 4, .gpus = 8, .terms = {.duration = 3600.0}});
/// ```
struct job_description {
    std::string_view name{};            ///< unique; empty: it is known by its handle alone
    std::size_t task_count = 1;         ///< number of equal tasks, 1 or more; ignored where tasks are listed
    std::span<const job_task> tasks{};  ///< tasks that differ; the demands below are then not used
    std::size_t min_tasks = 0;          ///< it starts with so many; 0: with all

    std::size_t gpus = 1;                                     ///< of each task; 0: CPU only
    std::span<const amount> gpu_demand{};                     ///< of each task, as of `task_description`
    std::span<const amount> node_demand{};                    ///< of each task
    std::span<const amount> domain_demand{};                  ///< of each task
    std::span<const std::string_view> accepted_models{};      ///< of each task; empty: all
    std::span<const alternative_description> alternatives{};  ///< of each task, where there is only one task
    double speed = 1.0;                                       ///< with the demand above; matters beside alternatives
    bool same_model = false;                                  ///< all GPUs of the job are of one model
    /// Each task is one slice of this profile on a GPU in MIG mode, `1g.10gb`; demands of GPUs are then not given.
    std::string_view mig_profile{};

    int priority = 0;        ///< larger is more important
    amount state_bytes = 0;  ///< of each task: bytes that travel when it is moved
    job_terms terms{};       ///< what else is known
};

}  // namespace berth::inline v0
