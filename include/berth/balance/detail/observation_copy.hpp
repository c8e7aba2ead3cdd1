// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_observation.hpp"
#include "berth/balance/fleet_readings.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// An observation with arrays of its own, in which readings that are too old are NaN. `assign` allocates only where an
/// array is longer than ever before.
class observation_copy {
public:
    void assign(const fleet_status& seen, const fleet_readings& read, double max_age) {
        time_ = read.time;
        copy(placement_, seen.placement);
        copy(in_flight_, seen.in_flight);
        copy(waiting_, seen.waiting);
        copy(healthy_, seen.healthy);
        copy(node_healthy_, seen.node_healthy);
        copy(settled_, read.settled);
        copy(gpu_load_, read.gpu_load);
        copy(task_load_, read.task_load);
        copy(gpu_speed_, read.gpu_speed);
        copy(gpu_temperature_, read.gpu_temperature);
        copy(node_power_, read.node_power);
        copy(remaining_, read.remaining);
        copy(gpu_age_, read.gpu_age);
        copy(node_age_, read.node_age);
        copy(task_age_, read.task_age);
        forget(gpu_load_, gpu_age_, max_age);
        forget(gpu_temperature_, gpu_age_, max_age);
        forget(node_power_, node_age_, max_age);
        forget(task_load_, task_age_, max_age);
    }
    /// Valid until the next `assign`.
    [[nodiscard]] fleet_observation view() const noexcept {
        return {.time = time_,
                .placement = placement_,
                .in_flight = in_flight_,
                .settled = settled_,
                .waiting = waiting_,
                .gpu_load = gpu_load_,
                .task_load = task_load_,
                .gpu_speed = gpu_speed_,
                .gpu_temperature = gpu_temperature_,
                .node_power = node_power_,
                .healthy = healthy_,
                .remaining = remaining_,
                .node_healthy = node_healthy_,
                .gpu_age = gpu_age_,
                .node_age = node_age_,
                .task_age = task_age_};
    }

    [[nodiscard]] double time() const noexcept { return time_; }
    [[nodiscard]] const std::vector<slot>& placement() const noexcept { return placement_; }
    [[nodiscard]] const std::vector<task_move>& in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] const std::vector<task_move>& settled() const noexcept { return settled_; }
    [[nodiscard]] const std::vector<task_index>& waiting() const noexcept { return waiting_; }
    [[nodiscard]] const std::vector<double>& gpu_load() const noexcept { return gpu_load_; }
    [[nodiscard]] const std::vector<double>& task_load() const noexcept { return task_load_; }
    [[nodiscard]] const std::vector<double>& gpu_speed() const noexcept { return gpu_speed_; }
    [[nodiscard]] const std::vector<double>& gpu_temperature() const noexcept { return gpu_temperature_; }
    [[nodiscard]] const std::vector<double>& node_power() const noexcept { return node_power_; }
    [[nodiscard]] const std::vector<gpu_mask>& healthy() const noexcept { return healthy_; }
    [[nodiscard]] const std::vector<std::uint8_t>& node_healthy() const noexcept { return node_healthy_; }
    [[nodiscard]] const std::vector<double>& remaining() const noexcept { return remaining_; }

private:
    template <class T>
    static void copy(std::vector<T>& to, std::span<const T> from) {
        if (from.data() == to.data()) return to.resize(from.size());  // a view of this copy
        to.assign(from.begin(), from.end());
    }
    /// What is older than the limit, or of unknown age, was not measured.
    static void forget(std::vector<double>& values, const std::vector<double>& ages, double max_age) noexcept {
        if (values.empty()) return;
        for (std::size_t i = 0; i < ages.size(); ++i) {
            if (!(ages[i] <= max_age)) values[i] = std::numeric_limits<double>::quiet_NaN();
        }
    }

    double time_ = 0.0;
    std::vector<slot> placement_;
    std::vector<task_move> in_flight_;
    std::vector<task_move> settled_;
    std::vector<task_index> waiting_;
    std::vector<double> gpu_load_;
    std::vector<double> task_load_;
    std::vector<double> gpu_speed_;
    std::vector<double> gpu_temperature_;
    std::vector<double> node_power_;
    std::vector<gpu_mask> healthy_;
    std::vector<std::uint8_t> node_healthy_;
    std::vector<double> remaining_;
    std::vector<double> gpu_age_;
    std::vector<double> node_age_;
    std::vector<double> task_age_;
};

}  // namespace berth::inline v0::detail
