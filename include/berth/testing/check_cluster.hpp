// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/testing/detail/cluster_recount.hpp"

namespace berth::inline v0 {

/// Recounts a cluster from its public views alone, with counters of its own, and compares:
///
/// 1. names, UUIDs and handles lead to the things that they name, and to no other; vacant positions are empty;
/// 2. capacities, models and health of GPUs that are missing, of sick and of closed nodes are what they should be, and
///    nodes have the same `kind` exactly if they are equal;
/// 3. domains list their nodes, nodes their domains and tasks, groups their members;
/// 4. every counter of the ledger is the capacity less what tasks, targets of moves and reservations hold;
/// 5. shapes are distinct, as frequent as there are tasks, and accept the models that they name.
///
/// For tests of code that drives a cluster: a plan that the cluster carried out, a text that was loaded. Deterministic.
/// O(nodes + GPUs + tasks + demands), times the counters.
///
/// @return nothing; or an error that names the first item that is wrong
[[nodiscard]] inline result<void> check_cluster(const cluster& c) { return detail::cluster_recount{c}.run(); }

}  // namespace berth::inline v0
