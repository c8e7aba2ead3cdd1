// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/wide_int.hpp"

#include <compare>

namespace berth::inline v0::detail {

/// A fraction of whole numbers from 0 on; above 0 over 0 is more than any other. Compared exactly: by the whole parts,
/// then by the reciprocals of what is left, as Euclid's algorithm goes, so that no product overflows.
struct wide_fraction {
    wide_int above = 0;
    wide_int below = 1;

    [[nodiscard]] friend constexpr std::strong_ordering operator<=>(wide_fraction a, wide_fraction b) noexcept {
        bool turned = false;
        while (a.below != 0 && b.below != 0) {
            const wide_int whole_a = a.above / a.below;
            const wide_int whole_b = b.above / b.below;
            if (whole_a != whole_b) return (whole_a < whole_b) != turned ? less : greater;
            a = {a.below, a.above - whole_a * a.below};
            b = {b.below, b.above - whole_b * b.below};
            turned = !turned;
        }
        if (a.below == b.below) return std::strong_ordering::equal;
        return (b.below == 0) != turned ? less : greater;
    }
    [[nodiscard]] friend constexpr bool operator==(wide_fraction a, wide_fraction b) noexcept { return (a <=> b) == 0; }

private:
    static constexpr std::strong_ordering less = std::strong_ordering::less;
    static constexpr std::strong_ordering greater = std::strong_ordering::greater;
};

}  // namespace berth::inline v0::detail
