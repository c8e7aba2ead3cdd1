// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/queue/shares/fair_shares.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace berth::inline v0 {

/// What a queue used, forgotten by half in every half-life.
///
/// ```
/// berth::decayed_use use{86'400.0};
/// use.add(now, gpu_seconds);
/// const double part = use.at(now) / (gpus * window_s);  // for time_based_weights
/// ```
///
/// O(1). Instants never go back, in the unit of the half-life.
class decayed_use {
public:
    /// @param half_life  above 0, may be infinite: nothing is forgotten
    explicit decayed_use(double half_life) noexcept : half_life_{half_life} {
        BERTH_ASSERT(half_life > 0.0, "berth: a half-life is above 0");
    }
    /// Something was used, up to this instant.
    void add(double instant, double used) noexcept {
        used_ = at(instant) + used;
        since_ = instant;
    }
    /// What is remembered at an instant, not before the last one that was added.
    [[nodiscard]] double at(double instant) const noexcept {
        BERTH_ASSERT(used_ == 0.0 || instant >= since_, "berth: instants of a use do not go back");
        return used_ == 0.0 ? 0.0 : used_ * std::exp2(-(instant - since_) / half_life_);
    }

private:
    double half_life_;
    double used_ = 0.0;
    double since_ = 0.0;
};

/// Shifts what is over all quotas to the siblings that used little: with w, the part of a queue's weight in the sum,
/// and its use u, its weight becomes max(0, w + strength · (w - u)). Quotas are untouched. A strength of 0 changes
/// nothing.
///
/// @param siblings  receive the weights
/// @param uses      what each used, 0..1 of what all could
/// @param strength  from 0 on, finite
/// @details         O(n). Deterministic.
inline void time_based_weights(std::span<queue_claim> siblings, std::span<const double> uses,
                               double strength) noexcept {
    BERTH_ASSERT(uses.size() == siblings.size(), "berth: there is one use for each queue");
    double sum = 0.0;
    for (const queue_claim& claim : siblings) sum += claim.weight;
    if (strength == 0.0 || sum <= 0.0) return;
    for (std::size_t q = 0; q < siblings.size(); ++q) {
        const double part = siblings[q].weight / sum;
        siblings[q].weight = std::max(0.0, part + strength * (part - uses[q]));
    }
}

}  // namespace berth::inline v0
