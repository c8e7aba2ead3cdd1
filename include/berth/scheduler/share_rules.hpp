// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/queue_key.hpp"
#include "berth/queue/queued_job.hpp"
#include "berth/scheduler/preemption.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace berth::inline v0 {

/// Who must leave, by what queues are due: after jobs have started into free room, a decision tries for those that
/// wait, each time in the order of their turns,
///
/// 1. *consolidation*: tasks that may be stopped move so that the job fits; nobody is stopped;
/// 2. *reclaim*: a job whose queue stays within what it is due takes from queues that have more than they are due, or,
///    within its guarantee, from queues above theirs;
/// 3. *preemption*: a job takes from jobs of lower priority in its own queue.
///
/// Nothing happens unless the claimant's least tasks then really fit: counters of each GPU, models, domains, limits.
/// Of the sets of victims found the one that stops the fewest jobs is taken, then the one that takes least. Tasks above
/// the least of an elastic job leave one by one; below it a gang leaves whole. Who can go on elsewhere at once moves,
/// and is not stopped. The reason of each decision says which rule allowed it, with its numbers.
///
/// Of claims that fail, each rule tries at most `max_claims` in a decision: half of them in the order of turns, the
/// others going on, in the order of arrival, where the last decision stopped. So of n claimants with different demands
/// each is tried within 2⌈n / (max_claims - max_claims / 2)⌉ + 1 decisions, however many fail before it. How far that
/// has come is part of a saved scheduler.
///
/// After an exchange the claimant's side, if it is above its fair share, is less so than the victim's. So no two queues
/// take from each other in turn. No two jobs reclaim from each other twice: who has lost its place to another takes it
/// back once at most, within its guarantee, and then neither takes the other's. Each job remembers all to which it
/// has lost its place that are there still, at most 64; after so many the others spare it.
///
/// ```
/// berth::scheduler engine{berth::scheduler_policies<>{}.with_preemption(berth::share_rules{})};
/// ```
///
/// Deterministic. Source: the rules of KAI-Scheduler, with what its users found wrong mended (docs/queues.md).
struct share_rules {
    static constexpr bool preempts = false;  ///< it is not asked about pairs of jobs
    static constexpr bool by_shares = true;  ///< it follows what queues are due

    bool consolidate = true;         ///< tasks may be moved so that others fit
    bool reclaim = true;             ///< a queue may take from others
    bool preempt = true;             ///< a job may take from lower priorities in its queue
    std::size_t max_moves = 8;       ///< tasks that are moved for one job, at most
    std::uint64_t max_claims = 8;    ///< jobs for which no victims are found in a decision, at most, by each rule
    std::uint64_t max_trials = 500;  ///< sets of victims that are tried for one job, at most

    /// Never: it goes by queues, not by pairs.
    [[nodiscard]] constexpr bool operator()(const queued_job&, const queue_key&, const queued_job&,
                                            const queue_key&) const noexcept {
        return false;
    }
};
static_assert(preemption_policy<share_rules>);

/// How many of the claims that may fail in a decision (`max_claims`) go on where the last decision stopped; the others
/// go by turn.
[[nodiscard]] constexpr std::uint64_t claims_onwards(std::uint64_t max_claims) noexcept {
    return max_claims - max_claims / 2;
}

/// The member `by_shares`; false without one.
template <preemption_policy P>
inline constexpr bool follows_shares = [] {
    if constexpr (requires { P::by_shares; }) {
        return static_cast<bool>(P::by_shares);
    } else {
        return false;
    }
}();

/// A preemption policy that goes by queues: it says which actions are open and how much is tried, like `share_rules`.
template <class P>
concept share_policy = preemption_policy<P> && requires(const P& p) {
    { p.consolidate } -> std::convertible_to<bool>;
    { p.reclaim } -> std::convertible_to<bool>;
    { p.preempt } -> std::convertible_to<bool>;
    { p.max_moves } -> std::convertible_to<std::size_t>;
    { p.max_claims } -> std::convertible_to<std::uint64_t>;
    { p.max_trials } -> std::convertible_to<std::uint64_t>;
};
static_assert(share_policy<share_rules> && !share_policy<no_preemption>);

}  // namespace berth::inline v0
