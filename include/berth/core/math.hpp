// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace berth::inline v0::detail {

// The functions of <cmath> that light entries need, of double only. That header costs a translation unit as much as
// a third of what <string> does, for functions that the compiler knows anyway. Same results to the last bit.

[[nodiscard]] inline double round(double x) noexcept { return __builtin_round(x); }
[[nodiscard]] inline double floor(double x) noexcept { return __builtin_floor(x); }
[[nodiscard]] inline double exp(double x) noexcept { return __builtin_exp(x); }
[[nodiscard]] inline double exp2(double x) noexcept { return __builtin_exp2(x); }
[[nodiscard]] inline double log(double x) noexcept { return __builtin_log(x); }
[[nodiscard]] inline double log1p(double x) noexcept { return __builtin_log1p(x); }
[[nodiscard]] inline double log2(double x) noexcept { return __builtin_log2(x); }
[[nodiscard]] inline double nextafter(double x, double to) noexcept { return __builtin_nextafter(x, to); }

}  // namespace berth::inline v0::detail
