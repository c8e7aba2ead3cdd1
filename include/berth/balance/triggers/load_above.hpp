// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/balance/concepts.hpp"
#include "berth/balance/projected_state.hpp"
#include "berth/balance/triggers/detail/threshold_state.hpp"
#include "berth/model/workload.hpp"

#include <cstdint>

namespace berth::inline v0 {

/// A GPU carries more than it should: its load has been `enter` or more for `rounds` rounds in a row. Tasks leave until it is below
/// `leave`; a GPU takes tasks only if it stays below `leave` with them, also when it is as loaded again as it was at its
/// remembered peak. Needs `gpu_load` and `task_load`. A question is O(GPUs of the slots).
///
/// The defaults are for a fleet that is looked at round by round, and keep it still under loads that vary (docs/balancing.md). To
/// answer a single look, or to plan from loads that are exact: `{.rounds = 1, .sweep = 0}`.
struct load_above {
    using place_index = gpu_index;
    static constexpr bool by_load = true;

    double enter = 0.9;        ///< above 0; 1 is all that the GPU can do
    double leave = 0.75;       ///< less than `enter`: the gap is what noise may be
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered, 0: none
    std::uint32_t sweep = 10;  ///< for so many rounds after an alarm began, all that are at `leave` or more go with it
    double weight = 1.0;       ///< what a GPU at `enter` costs a second; it rises with the square

    [[nodiscard]] static constexpr const char* name() noexcept { return "load above maximum"; }
    [[nodiscard]] bool measured(const projected_state& now) const noexcept { return now.has_loads(); }
    [[nodiscard]] double at(const projected_state& now, gpu_index g, double more) const noexcept {
        return now.load(g) + more;
    }
    [[nodiscard]] detail::threshold_state<load_above> prepare(const problem& p) const { return {*this, p}; }
};

/// A GPU carries more than others do: as `load_above`, in multiples of the fleet's mean load. For spreading load where no GPU is
/// over its limit, and for a fleet where what is too much is not known. The steadier loads are, the nearer to 1 thresholds may be.
struct load_above_mean {
    using place_index = gpu_index;
    static constexpr bool by_load = true;

    double enter = 1.5;        ///< times the mean, above 0
    double leave = 1.2;        ///< times the mean, less than `enter`
    std::uint32_t rounds = 3;  ///< 1 or more
    double memory = 600.0;     ///< seconds for which peaks are remembered, 0: none
    std::uint32_t sweep = 10;  ///< for so many rounds after an alarm began, all that are at `leave` or more go with it
    double weight = 1.0;       ///< what a GPU at `enter` costs a second; it rises with the square

    [[nodiscard]] static constexpr const char* name() noexcept { return "load above mean"; }
    [[nodiscard]] bool measured(const projected_state& now) const noexcept {
        return now.has_loads() && now.mean_load() > 0.0;
    }
    [[nodiscard]] double at(const projected_state& now, gpu_index g, double more) const noexcept {
        return (now.load(g) + more) / now.mean_load();
    }
    [[nodiscard]] detail::threshold_state<load_above_mean> prepare(const problem& p) const { return {*this, p}; }
};

static_assert(migration_trigger<load_above> && migration_trigger<load_above_mean>);

}  // namespace berth::inline v0
