// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/migrate/order/costs/links.hpp"
#include "berth/migrate/order/migration_cost.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/workload.hpp"
#include "berth/objective/task_move.hpp"

#include <limits>

namespace berth::inline v0 {

/// How long a checkpoint takes: seconds to set up, and bytes per second from then on.
struct checkpoint_speed {
    double save_setup = 0.0;                                          ///< seconds
    double save_bandwidth = std::numeric_limits<double>::infinity();  ///< bytes per second
    double load_setup = 0.0;                                          ///< seconds
    double load_bandwidth = std::numeric_limits<double>::infinity();  ///< bytes per second
};

// Measured values. They belong to an engine and a machine: replace them by your own measurements.
/// CRIU with vLLM on 8 x H100, 56 to 290 GB: saves in 154 to 596 s, restores in 60 to 122 s.
inline constexpr checkpoint_speed criu_vllm_h100{48.0, 0.53e9, 47.0, 3.85e9};
/// The driver's own toggle (`cuda-checkpoint`) on one H100, without host state: about 15 s at 80 GB, either way.
inline constexpr checkpoint_speed cuda_checkpoint_h100{0.0, 5e9, 0.0, 5e9};
/// Dynamo's snapshots on B200 with upstream CRIU, 6 to 164 GiB: 6.8 to 126 s.
inline constexpr checkpoint_speed dynamo_criu_b200{2.3, 1.42e9, 2.3, 1.42e9};
/// The same with asynchronous I/O and parallel mapping: 1.7 s and 9 GiB/s.
inline constexpr checkpoint_speed dynamo_async_b200{1.7, 9.66e9, 1.7, 9.66e9};

/// The task stops, its state is saved, transferred and loaded, and it runs again:
///
/// downtime = save set-up + V / save + V / link + load set-up + V / load + D / rewarm, with D the droppable bytes (a KV
/// cache that can be computed again) and V all others. Where stages overlap the three quotients count as the longest of
/// them. Within a node nothing crosses a link. Parking is the first half, fetching the second (which may cross a link).
/// The duration is the downtime.
///
/// The default for anything that the driver or CRIU can checkpoint. O(1), deterministic.
template <link_bandwidth Link = uniform_link, task_quantity Droppable = part_of_state>
struct stop_and_copy {
    checkpoint_speed speed = criu_vllm_h100;  ///< of saving and loading
    bool overlapped = false;                  ///< saving, transfer and loading run at the same time
    /// Bytes per second at which dropped bytes are computed again.
    double rewarm_bandwidth = std::numeric_limits<double>::infinity();
    Link link{};            ///< bandwidth between nodes
    Droppable droppable{};  ///< bytes of the state that need not be copied, not negative

    /// Estimates one move.
    [[nodiscard]] migration_estimate operator()(const problem& p, const task_move& r) const {
        const amount bytes = p.workload().state_bytes(r.task);
        const auto state = static_cast<double>(bytes);
        double dropped = static_cast<double>(droppable(p, r.task));
        BERTH_ASSERT(dropped >= 0.0, "berth: stop_and_copy::droppable yields bytes, not below zero");
        if (dropped > state) dropped = state;
        const double moved = state - dropped;

        double setup = 0.0;
        double stages[3] = {0.0, 0.0, 0.0};
        if (r.from.placed()) {
            setup += speed.save_setup;
            stages[0] = moved / speed.save_bandwidth;
        }
        if (r.to.placed()) {
            setup += speed.load_setup + dropped / rewarm_bandwidth;
            stages[2] = moved / speed.load_bandwidth;
            if (r.from.node != r.to.node) { stages[1] = moved / static_cast<double>(link(p, r.from.node, r.to.node)); }
        }
        double copying = 0.0;
        for (const double stage : stages) {
            if (overlapped) {
                copying = stage > copying ? stage : copying;
            } else {
                copying += stage;
            }
        }
        return {setup + copying, setup + copying, bytes - static_cast<amount>(dropped)};
    }
};
stop_and_copy() -> stop_and_copy<>;
stop_and_copy(checkpoint_speed) -> stop_and_copy<>;
template <link_bandwidth L>
stop_and_copy(checkpoint_speed, bool, double, L) -> stop_and_copy<L>;
template <link_bandwidth L, task_quantity D>
stop_and_copy(checkpoint_speed, bool, double, L, D) -> stop_and_copy<L, D>;

static_assert(migration_cost_model<stop_and_copy<>>);

}  // namespace berth::inline v0
