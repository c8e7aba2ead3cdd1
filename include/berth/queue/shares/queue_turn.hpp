// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/wide_fraction.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace berth::inline v0 {

/// What a queue has and wants of one counter that is divided between queues.
struct queue_use {
    amount allocated = 0;  ///< what runs below it
    amount demand = 0;     ///< of its next job
    amount quota = 0;      ///< its guarantee
    amount fair = 0;       ///< its fair share now: `fair_shares`
    amount due = 0;        ///< `due_share`
};

/// A queue whose next job waits, beside its siblings.
struct queue_turn {
    std::span<const queue_use> uses;  ///< of each counter, of all siblings the same ones; amounts 0..2^62
    std::int32_t priority = 0;        ///< more is more important
    std::size_t age = 0;              ///< of no two siblings equal; the older one has the smaller
};

namespace detail {

// What decides between siblings, but for their priorities and what they are due.
struct turn_key {
    bool above_fair = false;    // it has more than its fair share of a counter that its next job needs
    bool beyond_quota = false;  // its next job does not fit its quota
    bool nothing_due = false;   // it is due nothing of a counter that its next job needs
    wide_fraction with_job{};   // dominant share with the next job
    wide_fraction without{};    // and without it

    explicit turn_key(std::span<const queue_use> uses) noexcept {
        for (const queue_use& use : uses) {
            const wide_int after = static_cast<wide_int>(use.allocated) + use.demand;
            if (use.demand > 0) {
                above_fair = above_fair || use.allocated > use.fair;
                beyond_quota = beyond_quota || after > use.quota;
                nothing_due = nothing_due || use.due <= 0;
            }
            if (after > 0) with_job = std::max(with_job, wide_fraction{after, use.due});
            if (use.allocated > 0) without = std::max(without, wide_fraction{use.allocated, use.due});
        }
    }
};

}  // namespace detail

/// Whether one sibling's next job goes before another's. The first rule decides by which they differ: who is not above
/// its fair share; whose next job fits its quota; the higher priority; who is due anything; the smaller dominant share,
/// what it has beside what it is due, with the next job counted in, then without; who is due less, counter by counter;
/// the older one. A total order. Shares change with every start: ask anew after each.
///
/// O(counters). Exact, deterministic.
[[nodiscard]] inline bool goes_before(const queue_turn& a, const queue_turn& b) noexcept {
    BERTH_ASSERT(a.uses.size() == b.uses.size(), "berth: siblings have the same counters");
    const detail::turn_key x{a.uses};
    const detail::turn_key y{b.uses};
    if (x.above_fair != y.above_fair) return y.above_fair;
    if (x.beyond_quota != y.beyond_quota) return y.beyond_quota;
    if (a.priority != b.priority) return a.priority > b.priority;
    if (x.nothing_due != y.nothing_due) return y.nothing_due;
    if (x.with_job != y.with_job) return x.with_job < y.with_job;
    if (x.without != y.without) return x.without < y.without;
    for (std::size_t c = 0; c < a.uses.size(); ++c) {
        if (a.uses[c].due != b.uses[c].due) return a.uses[c].due < b.uses[c].due;
    }
    return a.age < b.age;
}

}  // namespace berth::inline v0
