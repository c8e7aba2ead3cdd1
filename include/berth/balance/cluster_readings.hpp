// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_readings.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

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
/// Reports about things that left are ignored. A later report about the same thing replaces the earlier one. Memory
/// O(GPUs + nodes + tasks). The cluster outlives it.
class cluster_readings {
public:
    /// Nothing measured yet.
    explicit cluster_readings(const cluster& of) : cluster_{&of} {}

    /// Share of a GPU's capability in use, 0 or more. False if there is no such GPU; likewise below.
    bool gpu_load(gpu_handle gpu, double load) { return put(gpu_load_, position(gpu), load); }
    /// Relative speed of a GPU, above 0; 1 where it is not reported.
    bool gpu_speed(gpu_handle gpu, double speed) { return put(gpu_speed_, position(gpu), speed); }
    /// Temperature of a GPU, °C.
    bool temperature(gpu_handle gpu, double celsius) { return put(temperature_, position(gpu), celsius); }
    /// Power of a node, W.
    bool power(node_handle node, double watts) { return put(power_, position(node), watts); }
    /// Load that a task adds to each of its GPUs at speed 1, 0 or more.
    bool task_load(task_handle task, double load) { return put(task_load_, position(task), load); }
    /// Seconds until a task ends.
    bool remaining(task_handle task, double seconds) { return put(remaining_, position(task), seconds); }

    /// The readings at a time, in seconds. Valid until the next report, `clear`, or event of the cluster.
    [[nodiscard]] fleet_readings at(double time) {
        const fleet& machines = cluster_->fleet();
        const workload& work = cluster_->workload();
        fit(gpu_load_, machines.gpu_count());
        fit(gpu_speed_, machines.gpu_count());
        fit(temperature_, machines.gpu_count());
        fit(power_, machines.node_count());
        fit(task_load_, work.task_count());
        fit(remaining_, work.task_count());
        // A speed that is not known is that of any GPU.
        for (double& speed : gpu_speed_) speed = speed == speed ? speed : 1.0;
        return {.time = time,
                .gpu_load = gpu_load_,
                .task_load = task_load_,
                .gpu_speed = gpu_speed_,
                .gpu_temperature = temperature_,
                .node_power = power_,
                .remaining = remaining_};
    }
    /// Forgets all reports.
    void clear() noexcept {
        for (std::vector<double>* each : {&gpu_load_, &gpu_speed_, &temperature_, &power_, &task_load_, &remaining_}) {
            each->clear();
        }
    }

private:
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

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
    [[nodiscard]] static bool put(std::vector<double>& values, std::optional<std::size_t> position, double value) {
        if (!position) return false;
        if (values.size() <= *position) values.resize(*position + 1, unknown);
        values[*position] = value;
        return true;
    }
    /// Nothing at all was measured: an empty array says so.
    static void fit(std::vector<double>& values, std::size_t size) {
        if (!values.empty()) values.resize(size, unknown);
    }

    const cluster* cluster_;
    std::vector<double> gpu_load_;
    std::vector<double> gpu_speed_;
    std::vector<double> temperature_;
    std::vector<double> power_;
    std::vector<double> task_load_;
    std::vector<double> remaining_;
};

}  // namespace berth::inline v0
