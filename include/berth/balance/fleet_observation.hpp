// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <span>

namespace berth::inline v0 {

/// A fleet at one moment, as spans over the caller's arrays; the balancer copies what it keeps. Only `placement` is
/// required. An empty span was not measured, and triggers that need it raise no alarm.
///
/// A load of 1 is all that a GPU of speed 1 can do. The time comes from the caller: the library reads no clock.
struct fleet_observation {
    double time = 0.0;                  ///< seconds (or rounds), never less than in the observation before
    std::span<const slot> placement{};  ///< per task: its slot, or `unplaced`
    std::span<const task_move>
        in_flight{};                        ///< moves under way, one per task: both ends are held, the source is loaded
    std::span<const task_move> settled{};   ///< moves that ended after the loads were measured, one per task
    std::span<const task_index> waiting{};  ///< unplaced tasks to be placed, in the order of the queue

    std::span<const double> gpu_load{};   ///< per GPU: share of its capability in use, 0 or more
    std::span<const double> task_load{};  ///< per task: load that it adds to each of its GPUs at speed 1, 0 or more
    std::span<const double> gpu_speed{};  ///< per GPU, above 0; empty: all 1
    std::span<const double> gpu_temperature{};  ///< per GPU, °C
    std::span<const double> node_power{};       ///< per node, W
    std::span<const gpu_mask> healthy{};        ///< per node: healthy GPUs; empty: as the fleet has them
    std::span<const double> remaining{};        ///< per task: seconds until it ends; empty: no task ends
};

}  // namespace berth::inline v0
