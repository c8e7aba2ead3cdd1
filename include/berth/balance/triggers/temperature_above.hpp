// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/triggers/detail/threshold_state.hpp"
#include "berth/core/index.hpp"
#include "berth/model/workload.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// Hot GPUs. The alarm begins when a GPU has been at `enter` or more for `rounds` rounds in a row, and ends when it is
/// expected below `leave`. A GPU takes tasks only if it is expected to stay below `leave` with them, even at its
/// remembered peak. The expected temperature is the measured one plus `per_load` times the load that comes or goes.
/// Needs `gpu_temperature` and `task_load`. `gain` and `admits` are O(GPUs of the slots).
struct temperature_above {
    using place_index = gpu_index;          ///< it watches GPUs
    static constexpr bool by_load = false;  ///< the watched number is measured

    double enter = 85.0;       ///< °C, above 0
    double leave = 78.0;       ///< °C, less than `enter`
    double per_load = 40.0;    ///< °C by which a GPU warms from idle to full load, above 0
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered; 0: not at all
    std::uint32_t sweep = 10;  ///< rounds after a new alarm in which every GPU at `leave` or more is in alarm, too
    double weight = 1.0;  ///< cost per second of a GPU at `enter`, above 0; it rises with the square of the temperature

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "temperature above maximum"; }
    /// True if temperatures were measured.
    [[nodiscard]] bool measured(const projected_state& now) const noexcept { return now.has_temperatures(); }
    /// The expected temperature of a GPU with `more` load.
    [[nodiscard]] double at(const projected_state& now, gpu_index g, double more) const noexcept {
        return now.temperature(g) + per_load * (now.load_change(g) + more);
    }
    /// The state for one balancer. O(GPUs).
    [[nodiscard]] detail::threshold_state<temperature_above> prepare(const problem& p) const { return {*this, p}; }
};

static_assert(migration_trigger<temperature_above>);

}  // namespace berth::inline v0
