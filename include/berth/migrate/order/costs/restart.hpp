// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/migrate/order/costs/links.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

namespace berth::inline v0 {

/// The application is ended and restarted at the target from its own last checkpoint:
///
/// downtime = checkpoint interval / 2 (the work that is lost on average) + set-up + state / storage;
/// duration = the same without the lost work, which is done again at the target alone.
///
/// For training jobs that checkpoint themselves, and for tasks that the driver cannot checkpoint (MIG, MPS, managed
/// memory). Measured: 25 to 250 s, nearly independent of size. Parking ends the application: it costs the lost work and
/// no time. O(1), deterministic.
template <link_bandwidth Storage = uniform_link>
struct restart {
    double checkpoint_interval = 600.0;  ///< seconds between the checkpoints that the task writes by itself
    double setup = 25.0;                 ///< seconds until the application reads its checkpoint
    /// Bandwidth of reading the checkpoint.
    Storage storage{.between_nodes = 5e9, .within_node = 5e9};

    /// Estimates one move.
    [[nodiscard]] migration_estimate operator()(const problem& p, const task_move& r) const {
        const double lost = r.from.placed() ? checkpoint_interval / 2.0 : 0.0;
        if (!r.to.placed()) return {0.0, lost, 0};
        const amount bytes = p.workload().state_bytes(r.task);
        const double bandwidth = static_cast<double>(storage(p, r.from.node, r.to.node));
        const double seconds = setup + static_cast<double>(bytes) / bandwidth;
        return {seconds, lost + seconds, bytes};
    }
};
restart() -> restart<>;
template <link_bandwidth S>
restart(double, double, S) -> restart<S>;

static_assert(migration_cost_model<restart<>>);

}  // namespace berth::inline v0
