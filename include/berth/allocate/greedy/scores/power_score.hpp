// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/greedy/concepts.hpp"
#include "berth/objective/measures/memory_stranding.hpp"
#include "berth/objective/measures/power.hpp"

namespace berth::inline v0 {

/// PWR (Lettich et al., CCGrid 2025): prefers the placement that adds the fewest watts. The value is power before minus
/// power after; the published PWR+FGD is `weighted_sum{weighted{a, rescaled{power_score{}}}, weighted{1 - a, fgd{}}}`
/// with a between 0.05 and 0.2. O(GPUs of the node).
struct power_score {
    power_table table{};  ///< the default has one entry for all GPU models

    /// The ready form, a `prepared_score`.
    struct state {
        static constexpr score_scope scope = score_scope::shape;  ///< see `prepared_score`
        static constexpr bool anonymous = true;                   ///< see `prepared_score`
        static constexpr std::size_t node_counters_read = 1;      ///< see `prepared_score`
        power_model watts;                                        ///< of every node
        memory_stranding memory;                                  ///< GPU memory

        /// The value of a candidate.
        [[nodiscard]] double operator()(const candidate& c) const noexcept {
            constexpr double watts_per_thousandth = 0.2;
            const double less = watts(c.node) - watts(c.node, c.gpus, c.cpu());
            return memory.concerns(c.demand) ? less - watts_per_thousandth * memory.cost(c.node, c.demand, c.gpus)
                                             : less;
        }
    };
    /// The ready form for a problem. O(nodes + GPUs).
    [[nodiscard]] state prepare(const problem& p) const { return {power_model{p.fleet(), table}, memory_stranding{p}}; }
};

static_assert(placement_score<power_score>);

}  // namespace berth::inline v0
