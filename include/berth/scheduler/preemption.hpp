// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/queue_key.hpp"
#include "berth/queue/queued_job.hpp"

#include <concepts>

// Who must leave. When to use which:
//
//   no_preemption   whoever runs stays until it ends
//   replan          who runs is decided anew in the order of the queue: with `shortest_remaining`,
//                   `shortest_service` and `least_attained` the published policies of these names
//   for_priority    jobs of lower priority leave for those of higher priority, equal ones never

namespace berth::inline v0 {

/// Customisation point: whether a waiting job may take the place of one that runs: `p(claimant, its key, victim, its
/// key)`. The keys are those of the queue's order. A scheduler takes victims from the end of its order, and no more
/// than the claimant needs; it never takes a job that is not preemptible. With `static constexpr bool preempts = false`
/// it is not asked.
///
/// With `static constexpr bool follows_order = true` it allows no victim to a claimant to which it does not allow the
/// last job of the order; most claimants are then answered at once.
///
/// For every two jobs at most one of the two directions is allowed at a time, or they would evict each other for ever.
/// Const and deterministic. A lambda is one.
template <class P>
concept preemption_policy = requires(const P& p, const queued_job& job, const queue_key& key) {
    { p(job, key, job, key) } -> std::convertible_to<bool>;
};

/// The member `preempts`; true without one.
template <preemption_policy P>
inline constexpr bool preempts = [] {
    if constexpr (requires { P::preempts; }) {
        return static_cast<bool>(P::preempts);
    } else {
        return true;
    }
}();

/// The member `follows_order`; false without one.
template <preemption_policy P>
inline constexpr bool follows_order = [] {
    if constexpr (requires { P::follows_order; }) {
        return static_cast<bool>(P::follows_order);
    } else {
        return false;
    }
}();

/// Nobody leaves.
struct no_preemption {
    static constexpr bool preempts = false;  ///< it is not asked
    /// Never.
    [[nodiscard]] constexpr bool operator()(const queued_job&, const queue_key&, const queued_job&,
                                            const queue_key&) const noexcept {
        return false;
    }
};

/// Whoever comes later in the order leaves.
struct replan {
    static constexpr bool follows_order = true;  ///< the last of the order leaves first

    /// True if the claimant goes before the victim.
    [[nodiscard]] constexpr bool operator()(const queued_job& claimant, const queue_key& its_key,
                                            const queued_job& victim, const queue_key& victim_key) const noexcept {
        return goes_before(its_key, claimant, victim_key, victim);
    }
};

/// Lower priority leaves for higher.
struct for_priority {
    /// True if the claimant has the higher priority.
    [[nodiscard]] constexpr bool operator()(const queued_job& claimant, const queue_key&, const queued_job& victim,
                                            const queue_key&) const noexcept {
        return claimant.priority > victim.priority;
    }
};

static_assert(preemption_policy<no_preemption> && !preempts<no_preemption> && preemption_policy<replan> &&
              preempts<replan> && preemption_policy<for_priority>);

}  // namespace berth::inline v0
