// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>

namespace berth::inline v0 {

/// Values compared one after the other, the most important first.
template <std::size_t N>
struct tier_values {
    static constexpr std::size_t tier_count = N;  ///< marks the type for `score_value`
    std::array<double, N> values{};               ///< the most important first

    /// The value of one tier, less than N.
    [[nodiscard]] constexpr double operator[](std::size_t tier) const noexcept { return values[tier]; }

    /// Tier by tier.
    friend constexpr tier_values operator+(tier_values a, const tier_values& b) noexcept {
        for (std::size_t i = 0; i < N; ++i) a.values[i] += b.values[i];
        return a;
    }
    /// Tier by tier.
    friend constexpr tier_values operator-(tier_values a, const tier_values& b) noexcept {
        for (std::size_t i = 0; i < N; ++i) a.values[i] -= b.values[i];
        return a;
    }
    /// Equal in every tier.
    friend constexpr bool operator==(const tier_values&, const tier_values&) = default;
    /// The first tier that differs decides.
    friend constexpr auto operator<=>(const tier_values& a, const tier_values& b) {
        for (std::size_t i = 0; i < N; ++i) {
            if (a.values[i] != b.values[i]) return a.values[i] <=> b.values[i];
        }
        return std::partial_ordering::equivalent;
    }
};

/// True if a change makes the assignment better: the first tier that changes by more than `tolerance` falls. A change
/// within the tolerance counts as rounding, so that the next tier decides.
///
/// @param delta      change per tier
/// @param tolerance  absolute, in the unit of the tiers
template <std::size_t Tiers>
[[nodiscard]] constexpr bool improves(const tier_values<Tiers>& delta, double tolerance = 1e-9) noexcept {
    for (const double change : delta.values) {
        if (change < -tolerance) return true;
        if (change > tolerance) return false;
    }
    return false;
}

}  // namespace berth::inline v0
