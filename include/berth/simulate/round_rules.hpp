// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/queue/round_policy.hpp"

#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What published simulators of rounds do differently. The defaults are berth's own; `gavel_rounds` equals Gavel's.
struct round_rules {
    double round_s = 360.0;   ///< a round lasts until its last job stops, and at most so long; above 0
    bool steps_known = true;  ///< whether policies see the steps that are left
    /// A round does whole steps only, and at least one for each GPU, else it fails. The last steps of a job may be
    /// fewer.
    bool whole_steps = false;
    std::uint32_t most_fails = 5;  ///< a job with so many failed rounds in a row is dropped; only with whole steps
    /// Charge a job from the end of the round before the last one that ran, also across a gap in which nothing ran.
    bool charge_gaps = false;
    bool charge_restarts = true;  ///< a job that starts, resumes or moves loses its `restart_s` first
};

/// The rules of Gavel's simulator, but for one that no published run needs: there, a job fails that has fewer steps
/// left than GPUs, and is dropped; here it ends.
[[nodiscard]] constexpr round_rules gavel_rounds() noexcept {
    return {.whole_steps = true, .charge_gaps = true, .charge_restarts = false};
}

/// The order in which models are filled: the same in each round.
struct fixed_order {
    std::span<const model_index> models;  ///< all models

    /// The order.
    [[nodiscard]] std::span<const model_index> operator()(std::uint64_t) const noexcept { return models; }
};

/// Watches nothing.
struct no_round_watch {
    /// Does nothing.
    void operator()(std::uint64_t, const round_view&, std::span<const model_index>) const noexcept {}
};

}  // namespace berth::inline v0
