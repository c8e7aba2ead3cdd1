// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstring>

namespace berth::inline v0::detail {

/// Two doubles in one vector register, which every 64-bit machine has; a compiler extension that g++ and clang share.
/// Amounts stay below 2^53, so sums are exact.
using wide = double __attribute__((vector_size(16)));
using wide_mask = decltype(wide{} > wide{});

[[nodiscard]] inline wide load_wide(const double* from) noexcept {
    wide out;
    std::memcpy(&out, from, sizeof out);
    return out;
}
inline void store_wide(double* to, wide value) noexcept { std::memcpy(to, &value, sizeof value); }

/// Each lane if positive, else 0.
[[nodiscard]] inline wide positive_part(wide x) noexcept {
    return reinterpret_cast<wide>(reinterpret_cast<wide_mask>(x > wide{0.0, 0.0}) & reinterpret_cast<wide_mask>(x));
}
[[nodiscard]] inline bool any(wide_mask mask) noexcept { return (mask[0] | mask[1]) != 0; }
[[nodiscard]] inline double sum(wide x) noexcept { return x[0] + x[1]; }

}  // namespace berth::inline v0::detail
