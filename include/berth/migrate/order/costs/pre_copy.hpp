// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/migrate/order/costs/links.hpp"
#include "berth/migrate/order/costs/stop_and_copy.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <cstddef>

namespace berth::inline v0 {

/// Iterative pre-copy: the state is copied while the task runs, then what it wrote meanwhile, and so on, until little
/// is left or the rounds are spent; only the last copy stops the task:
///
/// V(0) = state, V(k+1) = V(k) * d / B with d the dirty rate and B the link, until V(k) <= `stop_below` or k =
/// `rounds`; downtime = V(k) / B + switch, duration = the sum of all V / B, and switch.
///
/// Where d >= B the copies do not shrink, and the estimate is the fallback's; likewise for parking and fetching, where
/// one end is host memory. Few engines support this today. O(rounds), deterministic.
template <link_bandwidth Link = uniform_link, task_quantity DirtyRate = part_of_state,
          migration_cost_model Fallback = stop_and_copy<Link>>
struct pre_copy {
    double switch_seconds = 1.0;  ///< to stop at the source and start at the target
    double stop_below = 256e6;    ///< bytes that the last copy may have
    std::size_t rounds = 30;      ///< maximum number of copies while the task runs
    Link link{};                  ///< bandwidth between nodes
    DirtyRate dirty_rate{};       ///< bytes per second that the task writes
    Fallback fallback{};          ///< where pre-copy is impossible

    /// Estimates one move.
    [[nodiscard]] migration_estimate operator()(const problem& p, const task_move& r) const {
        if (!r.from.placed() || !r.to.placed()) return fallback(p, r);
        const double bandwidth = static_cast<double>(link(p, r.from.node, r.to.node));
        const double dirty = static_cast<double>(dirty_rate(p, r.task));
        BERTH_ASSERT(dirty >= 0.0, "berth: pre_copy::dirty_rate yields bytes per second, not below zero");
        if (dirty >= bandwidth) return fallback(p, r);
        double left = static_cast<double>(p.workload().state_bytes(r.task));
        double copied = 0.0;
        for (std::size_t k = 0; k < rounds && left > stop_below; ++k) {
            copied += left;
            left *= dirty / bandwidth;
        }
        const double downtime = left / bandwidth + switch_seconds;
        return {copied / bandwidth + downtime, downtime, static_cast<amount>(copied + left)};
    }
};
pre_copy() -> pre_copy<>;
template <link_bandwidth L>
pre_copy(double, double, std::size_t, L) -> pre_copy<L>;
template <link_bandwidth L, task_quantity D>
pre_copy(double, double, std::size_t, L, D) -> pre_copy<L, D>;
template <link_bandwidth L, task_quantity D, migration_cost_model F>
pre_copy(double, double, std::size_t, L, D, F) -> pre_copy<L, D, F>;

static_assert(migration_cost_model<pre_copy<>>);

}  // namespace berth::inline v0
