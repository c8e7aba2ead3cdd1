// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/wide_fraction.hpp"
#include "berth/core/wide_int.hpp"
#include "berth/model/resources.hpp"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace berth::inline v0 {

/// What a queue uses of one resource in one flavor of nodes, beside its quota there.
struct flavor_use {
    std::size_t resource = 0;  ///< position in what is lendable
    amount used = 0;           ///< with the job that is looked at, from 0 on
    amount nominal = 0;        ///< the quota, from 0 on
};

/// How much a queue borrows, of the resource of which it borrows the largest part, for its weight. A queue that borrows
/// at weight 0 has more than any of another weight.
struct dominant_share {
    static constexpr std::size_t no_resource = std::numeric_limits<std::size_t>::max();  ///< it borrows nothing
    static constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();       ///< the share at weight 0

    std::size_t resource = no_resource;      ///< the one that dominates
    amount borrowed = 0;                     ///< of it, over all flavors
    amount lendable = 1;                     ///< of it, by all
    std::int64_t weight_thousandths = 1000;  ///< of the queue

    /// In thousandths of what is lendable, rounded up: 200 stands for a fifth at weight 1. `most` at weight 0.
    [[nodiscard]] std::int64_t rounded() const noexcept {
        if (borrowed == 0) return 0;
        if (weight_thousandths == 0) return most;
        const detail::wide_int above = static_cast<detail::wide_int>(borrowed) * 1'000'000;
        const detail::wide_int below = static_cast<detail::wide_int>(lendable) * weight_thousandths;
        const detail::wide_int share = above / below + (above % below != 0 ? 1 : 0);
        return static_cast<std::int64_t>(std::min<detail::wide_int>(share, most));
    }
    /// The smaller share goes first. Exact, without rounding; two at weight 0 compare by what they borrow.
    [[nodiscard]] friend std::weak_ordering operator<=>(const dominant_share& a, const dominant_share& b) noexcept {
        const bool beyond_a = a.borrowed > 0 && a.weight_thousandths == 0;
        const bool beyond_b = b.borrowed > 0 && b.weight_thousandths == 0;
        if (beyond_a != beyond_b) return beyond_a ? std::weak_ordering::greater : std::weak_ordering::less;
        const auto fraction = [&](const dominant_share& s) {
            const std::int64_t weight = beyond_a || s.borrowed == 0 ? 1 : s.weight_thousandths;
            return detail::wide_fraction{s.borrowed, static_cast<detail::wide_int>(s.lendable) * weight};
        };
        return fraction(a) <=> fraction(b);
    }
    /// Equal shares, of whatever resource.
    [[nodiscard]] friend bool operator==(const dominant_share& a, const dominant_share& b) noexcept {
        return (a <=> b) == 0;
    }
};

/// The dominant share of a queue, or of a cohort of queues, as Kueue computes it.
///
/// @param uses                what it uses, in any order
/// @param lendable            of each resource, what its cohort could give; 0: the resource does not count. All 0 for
///                            the root, which borrows from nobody
/// @param weight_thousandths  0..2^31
/// @return                    of several equal resources the first
/// @details                   O(uses + resources). Deterministic, exact.
[[nodiscard]] inline dominant_share dominant_share_of(std::span<const flavor_use> uses,
                                                      std::span<const amount> lendable,
                                                      std::int64_t weight_thousandths = 1000) {
    BERTH_ASSERT(weight_thousandths >= 0 && weight_thousandths <= std::int64_t{1} << 31,
                 "berth: the weight of a queue is out of range");
    std::vector<amount> borrowed(lendable.size(), 0);
    for (const flavor_use& use : uses) {
        BERTH_ASSERT(use.resource < lendable.size(), "berth: a use is of a resource that there is not");
        borrowed[use.resource] += std::max<amount>(0, use.used - use.nominal);
    }
    dominant_share share;
    share.weight_thousandths = weight_thousandths;
    for (std::size_t r = 0; r < lendable.size(); ++r) {
        if (lendable[r] <= 0 || borrowed[r] == 0) continue;
        if (share.resource != dominant_share::no_resource &&
            detail::wide_fraction{borrowed[r], lendable[r]} <= detail::wide_fraction{share.borrowed, share.lendable}) {
            continue;
        }
        share.resource = r;
        share.borrowed = borrowed[r];
        share.lendable = lendable[r];
    }
    return share;
}

}  // namespace berth::inline v0
