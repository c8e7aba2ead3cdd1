// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/why_not.hpp"
#include "berth/queue/queued_job.hpp"
#include "berth/scheduler/decision.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/job_ref.hpp"
#include "berth/scheduler/place_reading.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/scheduler/scheduler_policies.hpp"
#include "berth/scheduler/scheduler_text.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// Length: the calls of `scheduler` once more, a line each.

namespace berth::inline v0 {

/// A scheduler of whatever policies, with one type: for configuration files, plug-ins, and lists of policies.
/// Calls and decisions are those of `scheduler`; events cost nothing more, a decision one indirect call.
///
/// ```
/// std::vector<berth::any_scheduler> all;
/// all.push_back(berth::any_scheduler{berth::scheduler_policies<>{}.with_order(berth::fifo{})});
/// all.push_back(berth::any_scheduler{berth::scheduler_policies<>{}.with_order(berth::shortest_service{})});
/// ```
///
/// Movable; one that was moved from is good for nothing but assignment and its destructor.
class any_scheduler {
public:
    /// As `scheduler`.
    template <class Policies = scheduler_policies<>>
        requires requires { typename scheduler<Policies>; }
    explicit any_scheduler(Policies policies = {}, resource_schema schema = {}, scheduler_options options = {})
        : any_scheduler{std::make_unique<scheduler<Policies>>(std::move(policies), std::move(schema), options)} {}
    /// Takes over one that is there.
    template <class Policies>
    explicit any_scheduler(std::unique_ptr<scheduler<Policies>> one)
        : erased_{one.get(), deleter{[](void* of) { delete static_cast<scheduler<Policies>*>(of); }}},
          events_{one.get()},
          calls_{&calls_of<Policies>} {
        (void)one.release();
    }

    /// As of `scheduler_events`.
    result<domain_index> domain(std::string_view name, std::size_t level, std::span<const amount> capacity = {}) {
        return events_->domain(name, level, capacity);
    }
    /// As of `scheduler_events`.
    result<void> mig_board(berth::mig_board board) { return events_->mig_board(std::move(board)); }
    /// As of `scheduler_events`.
    result<node_handle> node(double time, const node_description& described) { return events_->node(time, described); }
    /// As of `scheduler_events`.
    template <class Node>
        requires node_like<Node>
    result<node_handle> node(double time, const Node& described) {
        return events_->node(time, described);
    }
    /// As of `scheduler_events`.
    result<bool> node_gone(double time, const place_ref& node) { return events_->node_gone(time, node); }
    /// As of `scheduler_events`.
    result<bool> close(double time, const place_ref& place) { return events_->close(time, place); }
    /// As of `scheduler_events`.
    result<bool> open(double time, const place_ref& place) { return events_->open(time, place); }
    /// As of `scheduler_events`.
    result<bool> drain(double time, const place_ref& place) { return events_->drain(time, place); }
    /// As of `scheduler_events`.
    result<bool> health(double time, const place_ref& place, bool healthy) {
        return events_->health(time, place, healthy);
    }
    /// As of `scheduler_events`.
    result<bool> reading(double time, const place_ref& place, const place_reading& read) {
        return events_->reading(time, place, read);
    }
    /// As of `scheduler_events`.
    result<bool> threshold(double time, const place_ref& place, const place_limits& limits) {
        return events_->threshold(time, place, limits);
    }
    /// As of `scheduler_events`.
    result<bool> threshold(double time, const place_limits& limits) { return events_->threshold(time, limits); }
    /// As of `scheduler_events`.
    result<bool> labels(double time, const place_ref& node, std::span<const std::string_view> labels) {
        return events_->labels(time, node, labels);
    }
    /// As of `scheduler_events`.
    result<bool> queue(double time, const queue_description& described) { return events_->queue(time, described); }
    /// As of `scheduler_events`.
    result<job_handle> job(double time, const job_description& described) { return events_->job(time, described); }
    /// As of `scheduler_events`.
    template <class Task>
        requires task_like<Task> && (!std::is_same_v<Task, job_description>)
    result<job_handle> job(double time, const Task& task, const job_terms& terms = {}) {
        return events_->job(time, task, terms);
    }
    /// As of `scheduler_events`.
    result<bool> running(double time, const job_ref& job, std::uint32_t task, const slot& where) {
        return events_->running(time, job, task, where);
    }
    /// As of `scheduler_events`.
    result<bool> running(double time, const job_ref& job, std::uint32_t task, std::string_view node,
                         std::span<const std::string_view> gpus) {
        return events_->running(time, job, task, node, gpus);
    }
    /// As of `scheduler_events`.
    result<bool> running_slice(double time, const job_ref& job, std::uint32_t task, const place_ref& gpu,
                               std::uint32_t offset) {
        return events_->running_slice(time, job, task, gpu, offset);
    }
    /// As of `scheduler_events`.
    result<bool> finish(double time, const job_ref& job, std::uint32_t task = every_task) {
        return events_->finish(time, job, task);
    }
    /// As of `scheduler_events`.
    result<bool> cancel(double time, const job_ref& job, std::uint32_t task = every_task) {
        return events_->cancel(time, job, task);
    }
    /// As of `scheduler_events`.
    result<bool> progress(double time, const job_ref& job, double rate) { return events_->progress(time, job, rate); }
    /// As of `scheduler_events`.
    result<bool> stopped(double time, const job_ref& job, std::uint32_t task = every_task) {
        return events_->stopped(time, job, task);
    }
    /// As of `scheduler_events`.
    result<bool> moved(double time, const job_ref& job, std::uint32_t task = every_task) {
        return events_->moved(time, job, task);
    }
    /// As of `scheduler_events`.
    result<bool> failed(double time, const job_ref& job, std::uint32_t task = every_task) {
        return events_->failed(time, job, task);
    }
    /// As of `scheduler`.
    [[nodiscard]] result<std::span<const decision>> decide(double time) { return calls_->decide(erased_.get(), time); }
    /// As of `scheduler`.
    [[nodiscard]] double wake_at() const { return calls_->wake_at(erased_.get()); }
    /// As of `scheduler`.
    [[nodiscard]] why_not explain(job_handle job) { return calls_->explain(erased_.get(), job); }
    /// As of `scheduler`.
    [[nodiscard]] queued_job view(job_handle job) const { return calls_->view(erased_.get(), job); }

    /// As `save_scheduler`.
    [[nodiscard]] std::string save() { return calls_->save(erased_.get()); }

    /// All that is known, as of `scheduler_events`.
    [[nodiscard]] const scheduler_events& known() const noexcept { return *events_; }
    /// As of `scheduler_events`.
    [[nodiscard]] const berth::cluster& cluster() const noexcept { return events_->cluster(); }
    /// As of `scheduler_events`.
    [[nodiscard]] const scheduler_options& options() const noexcept { return events_->options(); }
    /// As of `scheduler_events`.
    [[nodiscard]] const scheduler_counts& counts() const noexcept { return events_->counts(); }
    /// As of `scheduler_events`.
    [[nodiscard]] double now() const noexcept { return events_->now(); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::optional<job_handle> find_job(std::string_view name) const noexcept {
        return events_->find_job(name);
    }
    /// As of `scheduler_events`.
    [[nodiscard]] bool has(job_handle job) const noexcept { return events_->has(job); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::string_view name(job_handle job) const noexcept { return events_->name(job); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::string_view name(const wait_count& reason) const noexcept { return events_->name(reason); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::size_t job_count() const noexcept { return events_->job_count(); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::size_t task_count(job_handle job) const noexcept { return events_->task_count(job); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::size_t waiting(job_handle job) const noexcept { return events_->waiting(job); }
    /// As of `scheduler_events`.
    [[nodiscard]] std::size_t running(job_handle job) const noexcept { return events_->running(job); }
    /// As of `scheduler_events`.
    [[nodiscard]] task_handle task(job_handle job, std::uint32_t task) const noexcept {
        return events_->task(job, task);
    }

private:
    struct deleter {
        void (*destroy)(void*);
        void operator()(void* of) const { destroy(of); }
    };
    struct calls {
        result<std::span<const decision>> (*decide)(void*, double);
        double (*wake_at)(const void*);
        why_not (*explain)(void*, job_handle);
        queued_job (*view)(const void*, job_handle);
        std::string (*save)(void*);
    };
    template <class Policies>
    static constexpr calls calls_of{
        [](void* of, double time) { return static_cast<scheduler<Policies>*>(of)->decide(time); },
        [](const void* of) { return static_cast<const scheduler<Policies>*>(of)->wake_at(); },
        [](void* of, job_handle job) { return static_cast<scheduler<Policies>*>(of)->explain(job); },
        [](const void* of, job_handle job) { return static_cast<const scheduler<Policies>*>(of)->view(job); },
        [](void* of) { return static_cast<scheduler<Policies>*>(of)->save(); },
    };

    std::unique_ptr<void, deleter> erased_;
    scheduler_events* events_ = nullptr;
    const calls* calls_ = nullptr;
};

}  // namespace berth::inline v0
