// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_observation.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <span>
#include <vector>

namespace berth::inline v0::detail {

/// An observation with arrays of its own. `assign` allocates only where an array is longer than ever before.
class observation_copy {
public:
    void assign(const fleet_observation& seen) {
        time_ = seen.time;
        copy(placement_, seen.placement);
        copy(in_flight_, seen.in_flight);
        copy(settled_, seen.settled);
        copy(waiting_, seen.waiting);
        copy(gpu_load_, seen.gpu_load);
        copy(task_load_, seen.task_load);
        copy(gpu_speed_, seen.gpu_speed);
        copy(gpu_temperature_, seen.gpu_temperature);
        copy(node_power_, seen.node_power);
        copy(healthy_, seen.healthy);
        copy(remaining_, seen.remaining);
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
                .remaining = remaining_};
    }

    [[nodiscard]] double time() const noexcept { return time_; }
    [[nodiscard]] const std::vector<slot>& placement() const noexcept { return placement_; }
    [[nodiscard]] const std::vector<task_move>& in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] const std::vector<task_index>& waiting() const noexcept { return waiting_; }
    [[nodiscard]] const std::vector<double>& gpu_load() const noexcept { return gpu_load_; }
    [[nodiscard]] const std::vector<double>& task_load() const noexcept { return task_load_; }
    [[nodiscard]] const std::vector<double>& gpu_speed() const noexcept { return gpu_speed_; }
    [[nodiscard]] const std::vector<double>& gpu_temperature() const noexcept { return gpu_temperature_; }
    [[nodiscard]] const std::vector<double>& node_power() const noexcept { return node_power_; }
    [[nodiscard]] const std::vector<gpu_mask>& healthy() const noexcept { return healthy_; }
    [[nodiscard]] const std::vector<double>& remaining() const noexcept { return remaining_; }

private:
    template <class T>
    static void copy(std::vector<T>& to, std::span<const T> from) {
        if (from.data() == to.data()) return to.resize(from.size());  // a view of this copy
        to.assign(from.begin(), from.end());
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
    std::vector<double> remaining_;
};

}  // namespace berth::inline v0::detail
