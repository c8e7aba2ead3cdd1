// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/fleet_readings.hpp"
#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// Where tasks are and what is healthy: what is known without measuring. Spans over the caller's arrays; a balancer
/// copies what it keeps. Only `placement` is required. Reality wins: tasks that run already may exceed a capacity.
struct fleet_status {
    std::span<const slot> placement{};  ///< per task: its slot, or `unplaced`
    std::span<const task_move>
        in_flight{};                        ///< moves under way, one per task: both ends are held, the source is loaded
    std::span<const task_index> waiting{};  ///< unplaced tasks to be placed, in the order of the queue
    std::span<const gpu_mask> healthy{};    ///< per node: healthy GPUs; empty: as the fleet has them
    /// Per node: 0 if it is sick as a whole; empty: as the fleet has them. If given, it and `healthy` say what is to be
    /// drained, and a node that the fleet calls unhealthy is only closed: it takes nothing, and what runs there stays.
    std::span<const std::uint8_t> node_healthy{};
};

/// A fleet at one moment: its `fleet_status` and its `fleet_readings` in one struct, for callers who have both at hand.
/// Every field is documented there. Only `placement` is required.
struct fleet_observation {
    double time = 0.0;                             ///< as `fleet_readings::time`
    std::span<const slot> placement{};             ///< as `fleet_status::placement`
    std::span<const task_move> in_flight{};        ///< as `fleet_status::in_flight`
    std::span<const task_move> settled{};          ///< as `fleet_readings::settled`
    std::span<const task_index> waiting{};         ///< as `fleet_status::waiting`
    std::span<const double> gpu_load{};            ///< as `fleet_readings::gpu_load`
    std::span<const double> task_load{};           ///< as `fleet_readings::task_load`
    std::span<const double> gpu_speed{};           ///< as `fleet_readings::gpu_speed`
    std::span<const double> gpu_temperature{};     ///< as `fleet_readings::gpu_temperature`
    std::span<const double> node_power{};          ///< as `fleet_readings::node_power`
    std::span<const gpu_mask> healthy{};           ///< as `fleet_status::healthy`
    std::span<const double> remaining{};           ///< as `fleet_readings::remaining`
    std::span<const std::uint8_t> node_healthy{};  ///< as `fleet_status::node_healthy`
    std::span<const double> gpu_age{};             ///< as `fleet_readings::gpu_age`
    std::span<const double> node_age{};            ///< as `fleet_readings::node_age`
    std::span<const double> task_age{};            ///< as `fleet_readings::task_age`

    /// The part that is known without measuring.
    [[nodiscard]] constexpr fleet_status status() const noexcept {
        return {placement, in_flight, waiting, healthy, node_healthy};
    }
    /// The part that is measured.
    [[nodiscard]] constexpr fleet_readings readings() const noexcept {
        return {time,       settled,   gpu_load, task_load, gpu_speed, gpu_temperature,
                node_power, remaining, gpu_age,  node_age,  task_age};
    }
};

}  // namespace berth::inline v0
