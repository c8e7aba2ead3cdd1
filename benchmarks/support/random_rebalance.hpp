// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/order_options.hpp"
#include "berth/model/fleet.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstdint>
#include <vector>

namespace bench {

/// A small random fleet, two placements that fit on it, moves in flight, and limits. Several counters of GPUs, nodes
/// and racks, tasks with no GPU, a share, or several GPUs, unhealthy GPUs, models that tasks refuse, tasks that arrive
/// and leave; mostly full.
struct random_rebalance {
    berth::fleet machines;
    berth::workload tasks;
    berth::assignment initial;
    berth::assignment wanted;
    std::vector<berth::task_move> in_flight;
    berth::order_options options;
};

/// Same seed, same instance, on every compiler.
[[nodiscard]] random_rebalance make_random_rebalance(std::uint64_t seed);

}  // namespace bench
