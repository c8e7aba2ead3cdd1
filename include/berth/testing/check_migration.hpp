// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/migrate/order/migration_plan.hpp"
#include "berth/migrate/order/order_options.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"
#include "berth/testing/detail/migration_replay.hpp"

#include <span>

namespace berth::inline v0 {

/// Replays a plan from the initial placement and proves it, with counters of its own:
///
/// 1. the steps of every task chain up, and no task is in two steps of a wave, or in one while it is in flight;
/// 2. at the worst instant of every wave, when all its targets are taken and none of its sources given back, no counter
///    that a step takes something of is below zero;
/// 3. limits on nodes, links, waves and host memory hold, and temporary hosts are healthy and of an accepted model;
/// 4. in the end every task is at its wanted slot, or was dropped and is at its initial slot.
///
/// Any plan may be checked, whoever made it and whatever it contains. Deterministic. O(tasks + counters + steps), and
/// with a limit on links the square of the steps of a wave.
///
/// @param initial   where every task was when the plan was made
/// @param wanted     where every task shall be
/// @param in_flight  moves that were being carried out when the plan was made
/// @param options    limits that the plan has to keep
/// @return nothing; or an error that names wave, task and counter
[[nodiscard]] inline result<void> check_migration(const problem& p, std::span<const slot> initial,
                                                  std::span<const slot> wanted, const migration_plan& plan,
                                                  task_moves in_flight = {}, const order_options& options = {}) {
    return detail::migration_replay{p, initial, wanted, plan, in_flight, options}.run();
}

/// The same for a plan that `migration_order` made for a cluster, before the cluster changes: from where its tasks are
/// and from what its ledger says is free. The rules of the cluster hold as well: no step goes to a slot that is closed,
/// not healthy or of another GPU model, nor to a place where any counter is below zero.
[[nodiscard]] inline result<void> check_migration(const cluster& c, std::span<const slot> wanted,
                                                  const migration_plan& plan, const order_options& options = {}) {
    return detail::migration_replay{c, wanted, plan, options}.run();
}

}  // namespace berth::inline v0
