// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/model/slot.hpp"

#include "berth_bench/recorder.hpp"
#include "berth_bench/relocating.hpp"
#include "support/cpu_deadline.hpp"
#include "support/openb.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace bench {

/// Called between two placements with the number of arrivals decided so far; false stops the run.
using run_watch = std::function<bool(std::size_t done)>;

/// Places all arrivals, one after the other. The clock, CPU time of the process, runs only while tasks are placed,
/// not during preparation, progress and metrics (see `record_run`).
/// @param placer  `slot place(task_index)`
template <class Placer>
[[nodiscard]] placement_run place_all(const experiment& input, Placer& placer, const run_watch& watch) {
    constexpr std::size_t block = 256;
    placement_run run;
    run.placements.resize(input.arrivals.size());
    for (std::size_t begin = 0; begin < input.arrivals.size(); begin += block) {
        if (!watch(begin)) {
            run.placements.resize(begin);
            run.stopped = true;
            return run;
        }
        const std::size_t end = std::min(begin + block, input.arrivals.size());
        const double start = cpu_seconds();
        for (std::size_t i = begin; i < end; ++i) run.placements[i] = placer.place(input.arrivals[i]);
        run.seconds += cpu_seconds() - start;
    }
    return run;
}

/// A policy that can be run by name. The composed policies have different types; this erases them.
struct named_policy {
    std::string_view name;
    std::string_view summary;
    placement_run (*run)(const experiment& input, const run_watch& watch);
    /// The same with moves for arrivals that do not fit; null if the policy does not support them.
    placement_run (*run_relocating)(const experiment& input, const run_watch& watch, const relocation_rules& rules);
    /// The same on a living cluster that does not know what will arrive: the policy learns its mix from the arrivals.
    /// Null if the policy does not expect a mix.
    placement_run (*run_learning)(const experiment& input, const run_watch& watch);
};

/// All policies, in the order in which they are shown.
[[nodiscard]] std::span<const named_policy> policies() noexcept;
/// The policy that berth recommends.
[[nodiscard]] std::string_view default_policy() noexcept;
[[nodiscard]] const named_policy* find_policy(std::string_view name) noexcept;

}  // namespace bench
