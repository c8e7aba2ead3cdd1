// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/core/wide_int.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// What a queue may claim of one counter.
struct queue_claim {
    static constexpr amount no_limit = std::numeric_limits<amount>::max();  ///< no upper bound

    amount quota = 0;           ///< what it is guaranteed, from 0 on; `no_limit`: all that it wants
    amount limit = no_limit;    ///< the most it may have, from 0 on
    double weight = 1.0;        ///< its part of what is over all quotas; 0: none. Finite, from 0 on
    std::int32_t priority = 0;  ///< a higher one gets what is over before a lower one
    amount want = 0;            ///< what its jobs hold and wait for, from 0 on
};

/// A queue of a tree, with its claim of one counter.
struct share_queue {
    static constexpr std::size_t no_parent = std::numeric_limits<std::size_t>::max();  ///< it lies below the root

    std::size_t parent = no_parent;  ///< position of the queue above it
    queue_claim claim{};             ///< `want` of a queue with others below it is ignored: it is the sum of theirs
};

/// What a queue is due of one counter: its guarantee, or its fair share if that is more; never above its limit.
[[nodiscard]] inline amount due_share(const queue_claim& claim, amount fair) noexcept {
    return std::min(claim.limit, std::max(claim.quota, fair));
}

namespace detail {

// How many queues there may be, and how large a unit, so that no product of 128 bits overflows.
inline constexpr std::size_t most_share_queues = std::size_t{1} << 20;
inline constexpr amount largest_share_unit = amount{1} << 40;

inline amount capped_want(const queue_claim& claim) noexcept { return std::min(claim.want, claim.limit); }

// Weights as whole numbers below 2^40, in proportion: exact where the weights are whole numbers.
inline std::vector<wide_int> scaled_weights(std::span<const queue_claim> claims) {
    double most = 0.0;
    for (const queue_claim& claim : claims) most = std::max(most, claim.weight);
    int exponent = 0;
    static_cast<void>(std::frexp(most, &exponent));
    std::vector<wide_int> weights;
    weights.reserve(claims.size());
    for (const queue_claim& claim : claims) {
        const wide_int scaled = claim.weight > 0.0 ? scaled_floor(claim.weight, 40 - exponent) : 0;
        weights.push_back(claim.weight > 0.0 && scaled == 0 ? 1 : scaled);
    }
    return weights;
}

// Divides what is left between queues of one priority that want more; `queues` by need per weight. Returns the rest.
inline wide_int divide_rest(wide_int left, amount unit, std::span<const queue_claim> claims,
                            std::span<const wide_int> weights, std::span<std::size_t> queues, std::span<amount> fair) {
    wide_int sum = 0;
    for (const std::size_t q : queues) sum += weights[q];
    std::size_t first = 0;
    for (; first < queues.size(); ++first) {
        const std::size_t q = queues[first];
        const wide_int need = capped_want(claims[q]) - fair[q];
        if (need * sum > left * weights[q]) break;
        fair[q] += static_cast<amount>(need);
        left -= need;
        sum -= weights[q];
    }
    const std::span<std::size_t> open = queues.subspan(first);
    const wide_int whole = left;
    for (const std::size_t q : open) {
        const wide_int part = whole * weights[q] / (sum * unit) * unit;
        fair[q] += static_cast<amount>(part);
        left -= part;
    }
    const auto cut_off = [&](std::size_t q) { return whole * weights[q] % (sum * unit); };
    std::sort(open.begin(), open.end(), [&](std::size_t a, std::size_t b) {
        const wide_int cut_a = cut_off(a);
        const wide_int cut_b = cut_off(b);
        return cut_a != cut_b ? cut_a > cut_b : a < b;
    });
    for (const std::size_t q : open) {
        const wide_int part = std::min<wide_int>({unit, left, capped_want(claims[q]) - fair[q]});
        fair[q] += static_cast<amount>(part);
        left -= part;
    }
    return left;
}

[[nodiscard]] inline result<void> check_claim(const queue_claim& claim, std::size_t q) {
    const auto refused = [&](const char* field, const char* why) {
        return refuse(error_code::invalid_value, {"queue ", q, ": ", field, " ", why});
    };
    if (claim.quota < 0) return refused("quota", "is negative");
    if (claim.limit < 0) return refused("limit", "is negative");
    if (claim.want < 0) return refused("want", "is negative");
    if (!(claim.weight >= 0.0 && std::isfinite(claim.weight)))
        return refused("weight", "is no finite number from 0 on");
    return {};
}

}  // namespace detail

/// Divides one counter between siblings. Each gets its quota, as far as it wants it. What is left over goes by weight
/// to those who want more, a higher priority first: who wants no more than its part gets what it wants, and its rest is
/// divided again; the others get their parts in whole units, and what rounding leaves goes to them, a unit each, in the
/// order of the largest remainder that was cut off, then of the position.
///
/// The sum of all shares is the total, or what all want (without weight: no more than the quota) if that is less. Where
/// quotas exceed the total, all keep theirs. Nobody's share shrinks when its own weight grows: parts are computed once,
/// when it is settled who gets what it wants. Rounding down while that goes on would break this.
///
/// @param total   what there is, from 0 on
/// @param unit    what a share is rounded to, 1..2^40: 1000 for thousandths of whole GPUs
/// @param claims  of the siblings, the older ones first; at most 2^20, each as `fair_shares` checks it
/// @param fair    receives the share of each
/// @details       O(n log n). Exact: no floating-point sums. Deterministic.
inline void divide_fairly(amount total, amount unit, std::span<const queue_claim> claims, std::span<amount> fair) {
    BERTH_ASSERT(unit > 0 && unit <= detail::largest_share_unit, "berth: the unit of shares is out of range");
    BERTH_ASSERT(claims.size() <= detail::most_share_queues && fair.size() == claims.size(),
                 "berth: there are too many queues, or too little room for their shares");
    detail::wide_int left = total;
    for (std::size_t q = 0; q < claims.size(); ++q) {
        fair[q] = std::min(claims[q].quota, detail::capped_want(claims[q]));
        left -= fair[q];
    }
    if (left <= 0) return;
    const std::vector<detail::wide_int> weights = detail::scaled_weights(claims);
    std::vector<std::size_t> order;
    for (std::size_t q = 0; q < claims.size(); ++q) {
        if (weights[q] > 0 && fair[q] < detail::capped_want(claims[q])) order.push_back(q);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (claims[a].priority != claims[b].priority) return claims[a].priority > claims[b].priority;
        const detail::wide_int need_a = detail::capped_want(claims[a]) - fair[a];
        const detail::wide_int need_b = detail::capped_want(claims[b]) - fair[b];
        const detail::wide_int left_side = need_a * weights[b];
        const detail::wide_int right_side = need_b * weights[a];
        return left_side != right_side ? left_side < right_side : a < b;
    });
    for (std::size_t begin = 0; begin < order.size() && left > 0;) {
        std::size_t end = begin;
        while (end < order.size() && claims[order[end]].priority == claims[order[begin]].priority) ++end;
        left = detail::divide_rest(left, unit, claims, weights, std::span{order}.subspan(begin, end - begin), fair);
        begin = end;
    }
}

/// Divides one counter over a tree of queues, from the root down: the share of a queue is the total of those below it.
///
/// @param total   what the root has, from 0 on: the healthy capacity
/// @param unit    what a share is rounded to, 1..2^40
/// @param queues  in any order; of siblings the older ones first
/// @return        the share of each queue, or an error that names queue and field: an amount out of range, a parent
///                that there is not, parents in a circle
/// @details       O(n log n). Deterministic.
[[nodiscard]] inline result<std::vector<amount>> fair_shares(amount total, amount unit,
                                                             std::span<const share_queue> queues) {
    if (total < 0) return detail::refuse(error_code::invalid_value, {"total is negative"});
    if (unit <= 0 || unit > detail::largest_share_unit) {
        return detail::refuse(error_code::invalid_value, {"unit is ", unit, ", expected 1..2^40"});
    }
    const std::size_t count = queues.size();
    if (count > detail::most_share_queues) {
        return detail::refuse(error_code::limit_exceeded, {count, " queues, expected at most 2^20"});
    }
    // Where the queues below each one begin, in `below`; those below the root come last.
    std::vector<std::size_t> begins(count + 2, 0);
    for (std::size_t q = 0; q < count; ++q) {
        if (result<void> fine = detail::check_claim(queues[q].claim, q); !fine) return fine.error();
        const std::size_t parent = queues[q].parent;
        if (parent != share_queue::no_parent && parent >= count) {
            return detail::refuse(error_code::unknown_name,
                                  {"queue ", q, ": parent is ", parent, ", but there are ", count});
        }
        ++begins[std::min(parent, count) + 1];
    }
    for (std::size_t q = 0; q <= count; ++q) begins[q + 1] += begins[q];
    std::vector<std::size_t> below(count);
    std::vector<std::size_t> next(begins.begin(), begins.end() - 1);
    for (std::size_t q = 0; q < count; ++q) below[next[std::min(queues[q].parent, count)]++] = q;
    const auto children = [&](std::size_t q) {
        return std::span<const std::size_t>{below}.subspan(begins[q], begins[q + 1] - begins[q]);
    };
    std::vector<std::size_t> order;  // parents first
    order.push_back(count);
    std::vector<bool> reached(count, false);
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (const std::size_t child : children(order[i])) {
            reached[child] = true;
            order.push_back(child);
        }
    }
    for (std::size_t q = 0; q < count; ++q) {
        if (!reached[q]) {
            return detail::refuse(error_code::inconsistent,
                                  {"queue ", q, ": parent: the queues above it form a circle"});
        }
    }
    std::vector<queue_claim> claims;
    for (const share_queue& queue : queues) claims.push_back(queue.claim);
    for (std::size_t i = order.size(); i-- > 1;) {
        const std::size_t q = order[i];
        if (children(q).empty()) continue;
        detail::wide_int want = 0;
        for (const std::size_t child : children(q)) want += detail::capped_want(claims[child]);
        claims[q].want = static_cast<amount>(std::min<detail::wide_int>(want, queue_claim::no_limit));
    }
    std::vector<amount> fair(count, 0);
    std::vector<queue_claim> siblings;
    std::vector<amount> parts;
    for (const std::size_t q : order) {
        siblings.clear();
        for (const std::size_t child : children(q)) siblings.push_back(claims[child]);
        parts.assign(siblings.size(), 0);
        divide_fairly(q == count ? total : fair[q], unit, siblings, parts);
        for (std::size_t i = 0; i < parts.size(); ++i) fair[children(q)[i]] = parts[i];
    }
    return fair;
}

}  // namespace berth::inline v0
