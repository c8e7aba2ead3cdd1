// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/triggers/detail/threshold_state.hpp"
#include "berth/core/index.hpp"
#include "berth/model/workload.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// Nodes above their power cap. The alarm begins when a node has drawn `enter` watts or more for `rounds` rounds in a
/// row, and ends when it is expected below `leave`. A node takes tasks only if it is expected to stay below `leave`
/// with them, even at its remembered peak. The expected power is the measured one plus `per_load` times the load that
/// comes or goes. Needs `node_power` and `task_load`. `gain` and `admits` are O(GPUs of the slots).
struct power_above {
    using place_index = node_index;         ///< it watches nodes
    static constexpr bool by_load = false;  ///< the watched number is measured

    double enter = 6000.0;     ///< W, above 0
    double leave = 5400.0;     ///< W, less than `enter`
    double per_load = 250.0;   ///< W by which a GPU's draw rises from idle to full load, above 0
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered; 0: not at all
    std::uint32_t sweep = 10;  ///< rounds after a new alarm in which every node at `leave` or more is in alarm, too
    double weight = 1.0;       ///< cost per second of a node at `enter`, above 0; it rises with the square of the power

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "power above cap"; }
    /// True if the power of nodes was measured.
    [[nodiscard]] bool measured(const projected_state& now) const noexcept { return now.has_power(); }
    /// The expected power of a node with `more` load.
    [[nodiscard]] double at(const projected_state& now, node_index n, double more) const noexcept {
        return now.power(n) + per_load * (now.load_change(n) + more);
    }
    /// The state for one balancer. O(nodes).
    [[nodiscard]] detail::threshold_state<power_above> prepare(const problem& p) const { return {*this, p}; }
};

static_assert(migration_trigger<power_above>);

}  // namespace berth::inline v0
