// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/objective/task_move.hpp"

#include <limits>
#include <span>

namespace berth::inline v0 {

/// What was measured at one moment, as spans over the caller's arrays; a balancer copies what it keeps.
///
/// *Unknown is not zero.* An empty span was not measured at all, and a NaN was not measured at this place: it raises no
/// alarm, and where a trigger reads the quantity, the place attracts no work. The other places are balanced as ever.
/// Infinities and numbers out of range are errors that name the field and the position.
///
/// A load of 1 is all that a GPU of speed 1 can do. The time comes from the caller: the library reads no clock.
struct fleet_readings {
    double time = 0.0;  ///< seconds (or rounds), finite, not less than in the readings before; see `observation_limits`
    std::span<const task_move> settled{};  ///< moves that ended after the loads were measured, one per task

    std::span<const double> gpu_load{};   ///< per GPU: share of its capability in use, 0 or more
    std::span<const double> task_load{};  ///< per task: load that it adds to each of its GPUs at speed 1, 0 or more
    std::span<const double> gpu_speed{};  ///< per GPU, above 0; empty: all 1
    std::span<const double> gpu_temperature{};  ///< per GPU, °C
    std::span<const double> node_power{};       ///< per node, W
    std::span<const double> remaining{};        ///< per task: seconds until it ends; empty or NaN: it does not end

    /// Per GPU: seconds since its load and temperature were measured, 0 or more, infinity for never; empty: all are of
    /// now. Where the age is above `observation_limits::max_age`, or NaN, they count as not measured.
    std::span<const double> gpu_age{};
    std::span<const double> node_age{};  ///< per node: the same for its power
    std::span<const double> task_age{};  ///< per task: the same for its load
};

/// How old a reading may be, and how far the time may step, before they are not believed.
struct observation_limits {
    double max_age = 300.0;  ///< seconds, 0 or more: an older reading counts as not measured
    /// Seconds, above 0, between two rounds. A time further ahead, or before that of the last round, is refused once:
    /// the next observation either goes on from the last accepted time, or agrees with the refused one, and the clock
    /// has changed. Cooldowns and peaks go on counting in both cases.
    double max_step = 86'400.0;

    /// Every reading is believed, and so is every step ahead.
    [[nodiscard]] static constexpr observation_limits none() noexcept {
        return {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    }
};

}  // namespace berth::inline v0
