// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/queue/round_policy.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// A customisation point: which share of the time each job should run on each GPU model. `priority_rounds` turns shares
/// into rounds.
///
/// 1. `allocate(view, shares)`: `shares` has a row for each job of `view.jobs` and a column for each model, all 0 on
///    entry. Share (j, m) is the part of the time, 0..1, that job j should run on its GPUs of model m.
/// 2. Feasible: a row sums to 1 at most; for each model, the sum over jobs of share × GPUs is at most `view.gpus`.
///    Approximately, if found numerically.
/// 3. A speed of 0 gets no share unless the policy ignores speeds; unknown speeds (NaN) are its business.
/// 4. Const and deterministic. It may allocate.
/// 5. Optional, `static constexpr bool waits_without_share = true`: jobs without a share wait even where GPUs are idle.
///
/// In this header: `fifo_shares`, `isolated_shares`.
template <class S>
concept time_shares = std::copyable<S> && requires(const S& policy, const round_view& view,
                                                   matrix_view<double> shares) { policy.allocate(view, shares); };

/// First in, first out, each on the fastest model that still has room for it: `fifo_perf` of Gavel (OSDI 2020). The
/// first job for which no model has room ends the list; one that can run on none of those with room is passed over.
/// O(jobs × models), allocates one counter for each model.
struct fifo_shares {
    static constexpr bool waits_without_share = true;  ///< nobody overtakes

    /// @param view    the jobs, in order of arrival
    /// @param shares  receives 1 for the model of each job that runs; equally fast models: the first
    void allocate(const round_view& view, matrix_view<double> shares) const {
        detail::flat<std::uint32_t> left;
        left.append(view.gpus);
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            const std::uint32_t wanted = view.jobs[j].gpus;
            std::size_t best = left.size();
            for (std::size_t m = 0; m < left.size(); ++m) {
                if (left[m] == 0 || left[m] < wanted) continue;
                if (best == left.size() || view.speeds(j, m) > view.speeds(j, best)) best = m;
            }
            if (best == left.size()) return;
            if (!(view.speeds(j, best) > 0.0)) continue;  // it waits, and holds nobody up
            shares(j, best) = 1.0;
            left[best] -= wanted;
        }
    }
};

/// Everybody gets an equal part of every model, whatever its speeds: `isolated` of Gavel. O(jobs × models).
struct isolated_shares {
    /// @param view    the jobs
    /// @param shares  receives the shares
    void allocate(const round_view& view, matrix_view<double> shares) const noexcept {
        const auto jobs = static_cast<double>(view.jobs.size());
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            double sum = 0.0;
            for (std::size_t m = 0; m < view.gpus.size(); ++m) {
                shares(j, m) = static_cast<double>(view.gpus[m]) / jobs / static_cast<double>(view.jobs[j].gpus);
                sum += shares(j, m);
            }
            const double divisor = sum > 1.0 ? sum : 1.0;
            for (std::size_t m = 0; m < view.gpus.size(); ++m) shares(j, m) /= divisor;
        }
    }
};

static_assert(time_shares<fifo_shares>);
static_assert(time_shares<isolated_shares>);

}  // namespace berth::inline v0
