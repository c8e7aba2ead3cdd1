// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/triggers/detail/threshold_state.hpp"
#include "berth/balance/triggers/detail/usable_means.hpp"
#include "berth/core/index.hpp"
#include "berth/model/workload.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// Overloaded GPUs. The alarm begins when a GPU's load has been `enter` or more for `rounds` rounds in a row, and ends
/// below `leave`. A GPU takes tasks only if it stays below `leave` with them, even at its remembered peak. Needs
/// `gpu_load` and `task_load`. `gain` and `admits` are O(GPUs of the slots).
///
/// The defaults are for a fleet that is observed round by round under varying loads (docs/balancing.md). For a single
/// observation, or exact loads: `{.rounds = 1, .sweep = 0}`.
struct load_above {
    using place_index = gpu_index;         ///< it watches GPUs
    static constexpr bool by_load = true;  ///< the watched number depends on the load alone

    double enter = 0.9;        ///< above 0; 1 is all that the GPU can do
    double leave = 0.75;       ///< less than `enter`; noise within the gap raises no alarm
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered; 0: not at all
    std::uint32_t sweep = 10;  ///< rounds after a new alarm in which every GPU at `leave` or more is in alarm, too
    double weight = 1.0;  ///< cost per second of a GPU at `enter`, above 0; the cost rises with the square of the load

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load above maximum"; }
    /// True if loads were measured.
    [[nodiscard]] bool measured(const projected_state& now) const noexcept { return now.has_loads(); }
    /// The projected load of a GPU with `more` load.
    [[nodiscard]] double at(const projected_state& now, gpu_index g, double more) const noexcept {
        return now.load(g) + more;
    }
    /// The state for one balancer. O(GPUs).
    [[nodiscard]] detail::threshold_state<load_above> prepare(const problem& p) const { return {*this, p}; }
};

/// GPUs loaded more than the others: as `load_above`, in multiples of the mean load. The mean of a task is over the
/// GPUs that it could use, by model, capacities and GPUs per node; a GPU is compared with the least of the means of its
/// tasks. So busy GPUs raise no alarm because others are idle that none of their tasks can use. It spreads load where
/// no GPU is over a limit, and needs no limit. The steadier the loads, the nearer to 1 the thresholds may be.
struct load_above_mean {
    using place_index = gpu_index;         ///< it watches GPUs
    static constexpr bool by_load = true;  ///< the watched number depends on the load alone

    double enter = 1.5;        ///< times the mean, above 0
    double leave = 1.2;        ///< times the mean, less than `enter`
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered; 0: not at all
    std::uint32_t sweep = 10;  ///< rounds after a new alarm in which every GPU at `leave` or more is in alarm, too
    double weight = 1.0;  ///< cost per second of a GPU at `enter`, above 0; the cost rises with the square of the load

    /// The text of the alarms.
    [[nodiscard]] static constexpr const char* name() noexcept { return "load above mean"; }
    /// True if loads were measured and are not all 0.
    [[nodiscard]] bool measured(const projected_state& now) const noexcept {
        return now.has_loads() && now.mean_load() > 0.0;
    }
    /// The projected load of a GPU with `more` load.
    [[nodiscard]] double at(const projected_state& now, gpu_index g, double more) const noexcept {
        return now.load(g) + more;
    }
    /// The state for one balancer. O(GPUs log GPUs + distinct demands × kinds of GPUs and nodes); its `update` is
    /// O(GPUs + tasks + kinds of tasks × kinds of GPUs).
    [[nodiscard]] detail::threshold_state<load_above_mean, detail::usable_means> prepare(const problem& p) const {
        return {*this, p};
    }
};

static_assert(migration_trigger<load_above> && migration_trigger<load_above_mean>);

}  // namespace berth::inline v0
