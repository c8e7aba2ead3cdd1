// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_observation.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <span>

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
                .placement = placement_.view(),
                .in_flight = in_flight_.view(),
                .settled = settled_.view(),
                .waiting = waiting_.view(),
                .gpu_load = gpu_load_.view(),
                .task_load = task_load_.view(),
                .gpu_speed = gpu_speed_.view(),
                .gpu_temperature = gpu_temperature_.view(),
                .node_power = node_power_.view(),
                .healthy = healthy_.view(),
                .remaining = remaining_.view()};
    }

    [[nodiscard]] double time() const noexcept { return time_; }
    [[nodiscard]] const flat<slot>& placement() const noexcept { return placement_; }
    [[nodiscard]] const flat<task_move>& in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] const flat<task_index>& waiting() const noexcept { return waiting_; }
    [[nodiscard]] const flat<double>& gpu_load() const noexcept { return gpu_load_; }
    [[nodiscard]] const flat<double>& task_load() const noexcept { return task_load_; }
    [[nodiscard]] const flat<double>& gpu_speed() const noexcept { return gpu_speed_; }
    [[nodiscard]] const flat<double>& gpu_temperature() const noexcept { return gpu_temperature_; }
    [[nodiscard]] const flat<double>& node_power() const noexcept { return node_power_; }
    [[nodiscard]] const flat<gpu_mask>& healthy() const noexcept { return healthy_; }
    [[nodiscard]] const flat<double>& remaining() const noexcept { return remaining_; }

private:
    template <class T>
    static void copy(flat<T>& to, std::span<const T> from) {
        if (from.data() == to.data()) return to.resize(from.size());  // a view of this copy
        to.clear();
        to.reserve(from.size());
        to.append(from);
    }

    double time_ = 0.0;
    flat<slot> placement_;
    flat<task_move> in_flight_;
    flat<task_move> settled_;
    flat<task_index> waiting_;
    flat<double> gpu_load_;
    flat<double> task_load_;
    flat<double> gpu_speed_;
    flat<double> gpu_temperature_;
    flat<double> node_power_;
    flat<gpu_mask> healthy_;
    flat<double> remaining_;
};

}  // namespace berth::inline v0::detail
