// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/triggers/detail/threshold_state.hpp"
#include "berth/model/workload.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// A GPU is hot: `enter` or more for `rounds` rounds in a row. Tasks leave until it is expected below `leave`; a GPU takes tasks only if
/// it is expected to stay below `leave` with them, at its remembered peak. Expected: what was measured, and `per_load` for each unit of load that comes
/// or goes. Needs `gpu_temperature` and `task_load`. A question is O(GPUs of the slots).
struct temperature_above {
    using place_index = gpu_index;
    static constexpr bool by_load = false;

    double enter = 85.0;       ///< °C, above 0
    double leave = 78.0;       ///< °C, less than `enter`
    double per_load = 40.0;    ///< by how many degrees a GPU warms from idle to full load, above 0
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered, 0: none
    std::uint32_t sweep = 10;  ///< for so many rounds after an alarm began, all that are at `leave` or more go with it
    double weight = 1.0;       ///< what a GPU at `enter` costs a second; it rises with the square

    [[nodiscard]] static constexpr const char* name() noexcept { return "temperature above maximum"; }
    [[nodiscard]] bool measured(const projected_state& now) const noexcept { return !now.seen().gpu_temperature.empty(); }
    [[nodiscard]] double at(const projected_state& now, gpu_index g, double more) const noexcept {
        return now.seen().gpu_temperature[g.value()] + per_load * (now.shift(g) + more);
    }
    [[nodiscard]] detail::threshold_state<temperature_above> prepare(const problem& p) const { return {*this, p}; }
};

static_assert(migration_trigger<temperature_above>);

}  // namespace berth::inline v0
