// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"
#include "berth/objective/task_move.hpp"

#include <span>

namespace berth::inline v0 {

/// What was seen of a fleet at one moment, as plain spans that the caller keeps. Only `placement` has to be there; what is
/// empty was not measured, and triggers that look at it stay silent.
///
/// Load is in units of what a GPU of speed 1 can do: 1 is all of it. Time comes from the caller, nothing in here has a clock.
struct fleet_observation {
    double time = 0.0;                        ///< seconds (or rounds), never less than in the observation before
    std::span<const slot> placement{};        ///< where each task runs, or `unplaced`
    std::span<const task_move> in_flight{};  ///< on their way: they hold both ends, and still load the source
    std::span<const task_move> settled{};    ///< ended, but later than the loads were measured
    std::span<const task_index> waiting{};    ///< tasks without a place that want one

    std::span<const double> gpu_load{};         ///< per GPU: the share of what it can do that is in use, 0 or more
    std::span<const double> task_load{};        ///< per task: what it adds to each of its GPUs, if their speed is 1
    std::span<const double> gpu_speed{};        ///< per GPU, above 0; empty: all 1
    std::span<const double> gpu_temperature{};  ///< per GPU, °C
    std::span<const double> node_power{};       ///< per node, W
    std::span<const gpu_mask> healthy{};        ///< per node, GPUs that are well now; empty: what the fleet says
    std::span<const double> remaining{};        ///< per task: seconds it will still run; empty: for ever
};

}  // namespace berth::inline v0
