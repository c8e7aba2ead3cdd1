// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>

namespace berth::inline v0 {

/// What is believed of a measured quantity: a value, how sure it is, and how old. *Unknown is not zero*: what was never
/// measured, or too long ago, has no value.
struct estimate {
    double value = std::numeric_limits<double>::quiet_NaN();  ///< in the quantity's unit; NaN: unknown
    double doubt = std::numeric_limits<double>::quiet_NaN();  ///< standard deviation about it; NaN: unknown
    double age = std::numeric_limits<double>::infinity();     ///< seconds since it was measured; infinity: never

    /// False if there is no value.
    [[nodiscard]] constexpr bool known() const noexcept { return value == value; }
};

}  // namespace berth::inline v0
