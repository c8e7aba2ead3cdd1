// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/queue/queued_job.hpp"

namespace berth::inline v0 {

/// The place of a job in a queue: three numbers that are compared one after the other, the smallest first. NaN stands
/// for unknown and comes after every number.
struct queue_key {
    double first = 0.0;   ///< compared first
    double second = 0.0;  ///< among equal ones
    double third = 0.0;   ///< among equal ones of both

    /// A key of zeros.
    constexpr queue_key() = default;
    /// A key of one to three numbers; a number alone is a key.
    constexpr queue_key(double a, double b = 0.0, double c = 0.0) noexcept : first{a}, second{b}, third{c} {}
};

namespace detail {

/// Below 0 if a comes before b, 0 if they are equal or both unknown. Equality is by two comparisons for the sake of
/// compilers that warn of `==` between numbers.
[[nodiscard]] constexpr int compare_keys(double a, double b) noexcept {
    if (a < b) return -1;
    if (b < a) return 1;
    const bool a_known = a <= a;
    const bool b_known = b <= b;
    return a_known == b_known ? 0 : a_known ? -1 : 1;
}

}  // namespace detail

/// Below 0 if key a comes before key b, above 0 if after it, 0 if they are equal. A total order.
[[nodiscard]] constexpr int compare(const queue_key& a, const queue_key& b) noexcept {
    if (const int c = detail::compare_keys(a.first, b.first); c != 0) return c;
    if (const int c = detail::compare_keys(a.second, b.second); c != 0) return c;
    return detail::compare_keys(a.third, b.third);
}

/// True if a job with key ka goes before another with key kb: the smaller key, then the one that arrived earlier, then
/// the smaller sequence. A total order of jobs with distinct sequences.
[[nodiscard]] constexpr bool goes_before(const queue_key& ka, const queued_job& a, const queue_key& kb,
                                         const queued_job& b) noexcept {
    if (const int c = compare(ka, kb); c != 0) return c < 0;
    if (const int c = detail::compare_keys(a.arrival, b.arrival); c != 0) return c < 0;
    return a.sequence < b.sequence;
}

}  // namespace berth::inline v0
