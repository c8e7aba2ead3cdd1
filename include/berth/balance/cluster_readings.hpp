// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_readings.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace berth::inline v0 {

/// Collects what monitors report about the things of a cluster, by handle, for a round of its balancer. What nobody
/// reports is not measured.
///
/// ```
/// berth::cluster_readings readings{cluster};
/// readings.gpu_load(gpu, 0.93);                     // as the reports come
/// readings.temperature(gpu, 81.0);
/// const auto round = balancer.round(readings.at(now));
/// readings.clear();
/// ```
///
/// Reports are kept by handle: one stays with its thing, whatever position that gets later, and is ignored once the
/// thing has left; what comes to its position was not measured. A later report about the same thing replaces the
/// earlier one. Memory O(GPUs + nodes + tasks). The cluster outlives it.
class cluster_readings {
public:
    /// Nothing measured yet.
    explicit cluster_readings(const cluster& of) : cluster_{&of} {}

    /// Share of a GPU's capability in use, 0 or more. False if there is no such GPU; likewise below.
    bool gpu_load(gpu_handle gpu, double load) { return put(gpu_load_, gpu, load); }
    /// Relative speed of a GPU, above 0; 1 where it is not reported.
    bool gpu_speed(gpu_handle gpu, double speed) { return put(gpu_speed_, gpu, speed); }
    /// Temperature of a GPU, °C.
    bool temperature(gpu_handle gpu, double celsius) { return put(temperature_, gpu, celsius); }
    /// Power of a node, W.
    bool power(node_handle node, double watts) { return put(power_, node, watts); }
    /// Load that a task adds to each of its GPUs at speed 1, 0 or more.
    bool task_load(task_handle task, double load) { return put(task_load_, task, load); }
    /// Seconds until a task ends.
    bool remaining(task_handle task, double seconds) { return put(remaining_, task, seconds); }

    /// The readings at a time, in seconds, by the positions of now. Valid until the next call of this function or
    /// event of the cluster. O(GPUs + nodes + tasks).
    [[nodiscard]] fleet_readings at(double time) {
        const fleet& machines = cluster_->fleet();
        const workload& work = cluster_->workload();
        return {.time = time,
                .gpu_load = by_position(gpu_load_, machines.gpu_count(), unknown),
                .task_load = by_position(task_load_, work.task_count(), unknown),
                // A speed that is not known is that of any GPU.
                .gpu_speed = by_position(gpu_speed_, machines.gpu_count(), 1.0),
                .gpu_temperature = by_position(temperature_, machines.gpu_count(), unknown),
                .node_power = by_position(power_, machines.node_count(), unknown),
                .remaining = by_position(remaining_, work.task_count(), unknown)};
    }
    /// Forgets all reports.
    void clear() noexcept {
        for (auto* each : {&gpu_load_, &gpu_speed_, &temperature_}) each->by_handle.clear();
        for (auto* each : {&task_load_, &remaining_}) each->by_handle.clear();
        power_.by_handle.clear();
    }

private:
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    struct report {
        std::uint32_t generation = 0;  // of the handle; 0: none
        double value = 0.0;
    };
    template <class Handle>
    struct reports_of {
        detail::flat<report> by_handle;  // by the position of the handle
        detail::flat<double> values;     // by the position of the thing, made by `at`
    };

    [[nodiscard]] std::optional<std::size_t> position(gpu_handle gpu) const noexcept {
        const slot at = cluster_->find(gpu);
        if (!at.placed()) return std::nullopt;
        return cluster_->fleet().gpu(at.node, lowest_gpu(at.gpus)).value();
    }
    [[nodiscard]] std::optional<std::size_t> position(node_handle node) const noexcept {
        const auto n = cluster_->find(node);
        return n ? std::optional{n->value()} : std::nullopt;
    }
    [[nodiscard]] std::optional<std::size_t> position(task_handle task) const noexcept {
        const auto t = cluster_->find(task);
        return t ? std::optional{t->value()} : std::nullopt;
    }
    template <class Handle>
    [[nodiscard]] bool put(reports_of<Handle>& of, Handle thing, double value) {
        if (!position(thing)) return false;
        if (of.by_handle.size() <= thing.position()) of.by_handle.resize(thing.position() + std::size_t{1});
        of.by_handle[thing.position()] = {thing.generation(), value};
        return true;
    }
    /// Nothing at all was measured: an empty array says so.
    template <class Handle>
    [[nodiscard]] std::span<const double> by_position(reports_of<Handle>& of, std::size_t size, double otherwise) {
        of.values.clear();
        if (of.by_handle.empty()) return {};
        of.values.resize(size, otherwise);
        for (std::size_t p = 0; p < of.by_handle.size(); ++p) {
            const report& one = of.by_handle[p];
            if (one.generation == 0) continue;
            const auto at = position(Handle{static_cast<std::uint32_t>(p), one.generation});
            if (at) of.values[*at] = one.value;
        }
        return of.values.view();
    }

    const cluster* cluster_;
    reports_of<gpu_handle> gpu_load_;
    reports_of<gpu_handle> gpu_speed_;
    reports_of<gpu_handle> temperature_;
    reports_of<node_handle> power_;
    reports_of<task_handle> task_load_;
    reports_of<task_handle> remaining_;
};

}  // namespace berth::inline v0
