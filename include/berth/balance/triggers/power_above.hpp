// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/triggers/detail/threshold_state.hpp"
#include "berth/model/workload.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// A node draws more than its power cap allows: `enter` watts or more for `rounds` rounds in a row. Tasks leave the node until it is
/// expected below `leave`; a node takes tasks only if it is expected to stay below `leave` with them, at its remembered peak. Expected: what was measured,
/// and `per_load` watts for each unit of load that comes or goes. Needs `node_power` and `task_load`. A question is O(GPUs of the slots).
struct power_above {
    using place_index = node_index;
    static constexpr bool by_load = false;

    double enter = 6000.0;     ///< W, above 0
    double leave = 5400.0;     ///< W, less than `enter`
    double per_load = 250.0;   ///< by how many watts a GPU's draw rises from idle to full load, above 0
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered, 0: none
    std::uint32_t sweep = 10;  ///< for so many rounds after an alarm began, all that are at `leave` or more go with it
    double weight = 1.0;       ///< what a node at `enter` costs a second; it rises with the square

    [[nodiscard]] static constexpr const char* name() noexcept { return "power above cap"; }
    [[nodiscard]] bool measured(const projected_state& now) const noexcept { return !now.seen().node_power.empty(); }
    [[nodiscard]] double at(const projected_state& now, node_index n, double more) const noexcept {
        return now.seen().node_power[n.value()] + per_load * (now.shift(n) + more);
    }
    [[nodiscard]] detail::threshold_state<power_above> prepare(const problem& p) const { return {*this, p}; }
};

static_assert(migration_trigger<power_above>);

}  // namespace berth::inline v0
