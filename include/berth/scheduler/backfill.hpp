// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

// What is kept for a job that does not fit yet. When to use which:
//
//   no_backfill     nothing: whatever fits starts, and a wide job may wait as long as small ones come (the default)
//   easy_backfill   the first job that does not fit gets a reservation, and those behind it start where they do not
//                   delay it

namespace berth::inline v0 {

/// Nothing is kept: whoever fits starts, in the order of the queue.
struct no_backfill {};

/// EASY backfilling (Lifka 1995) on nodes and GPUs: the first jobs in the order that do not fit get a *reservation*,
/// the earliest time at which they fit if what runs ends as expected, and the nodes and GPUs where. A job behind them
/// starts only if it has ended by then, or if they still fit beside it at that time, in every counter of every GPU,
/// node and domain.
///
/// Ends are expected from `scheduler_policies::durations`, or else from the job's `work` or `duration`. A job that has
/// outlived what was expected is expected to run twice as long, and so on; a learned duration at most up to the job's
/// own. Of whom nothing is known no end is expected: no reservation waits for it, and behind a reservation it only
/// starts where the reserved job still fits beside it.
///
/// Without queues reservations are made anew in each decision, from what is so then. Where turns decide, whoever has
/// one keeps it until it starts, and no two jobs of a described queue have one. As long as jobs end no later than
/// estimated and nothing fails, the first job with a reservation, of equal tasks, starts no later than it was told
/// (docs/queues.md has all conditions). Jobs of slices, jobs that run already, and those whose queue has no room for
/// them get none.
///
/// ```
/// berth::scheduler engine{berth::scheduler_policies<>{}.with_backfill(berth::easy_backfill{})};
/// ```
///
/// A decision in which somebody has a reservation costs O(jobs that wait + jobs that run + nodes x GPUs) more, each
/// further reservation as much again but the first. Deterministic.
struct easy_backfill {
    std::size_t depth = 1;  ///< jobs that have a reservation at a time, at most; of each described queue one
    /// Jobs for which one is looked for in a decision, at most: for some no known end makes room. Up to half of them
    /// are jobs that have a reservation, for an earlier one.
    std::size_t max_looks = 8;
};

/// Customisation point of a closed set: `no_backfill`, or the members of `easy_backfill`.
template <class B>
concept backfill_policy = std::is_same_v<B, no_backfill> || requires(const B& b) {
    { b.depth } -> std::convertible_to<std::size_t>;
    { b.max_looks } -> std::convertible_to<std::size_t>;
};

static_assert(backfill_policy<no_backfill> && backfill_policy<easy_backfill>);

}  // namespace berth::inline v0
