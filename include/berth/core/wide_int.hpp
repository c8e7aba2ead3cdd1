// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace berth::inline v0::detail {

/// A whole number of 128 bits: sums and products of 64-bit ones that a double would round.
__extension__ typedef __int128 wide_int;  // an alias declaration cannot silence -Wpedantic

/// A whole number as two doubles, the nearest one and what it leaves out. Pairs compare like the numbers they stand
/// for, value first. Exact below 2^106.
struct split_number {
    double value = 0.0;
    double rest = 0.0;
};
[[nodiscard]] constexpr split_number split(wide_int n) noexcept {
    const auto value = static_cast<double>(n);
    return {value, static_cast<double>(n - static_cast<wide_int>(value))};
}
/// The number that two doubles stand for.
[[nodiscard]] constexpr wide_int joined(double value, double rest) noexcept {
    return static_cast<wide_int>(value) + static_cast<wide_int>(rest);
}
/// The largest double that is not above n.
[[nodiscard]] inline double double_below(wide_int n) noexcept {
    const split_number parts = split(n);
    return parts.rest < 0.0 ? std::nextafter(parts.value, -std::numeric_limits<double>::infinity()) : parts.value;
}

/// The largest whole number that is not above x · 2^shift, whose size has to be below 2^126.
[[nodiscard]] inline wide_int scaled_floor(double x, int shift) noexcept {
    int exponent = 0;
    const auto digits = static_cast<std::int64_t>(std::ldexp(std::frexp(x, &exponent), 53));
    const int places = exponent - 53 + shift;
    if (places >= 0) return static_cast<wide_int>(digits) * (static_cast<wide_int>(1) << places);
    return places > -64 ? digits >> -places : (digits < 0 ? -1 : 0);
}
/// The least whole number that is not below n / 2^shift; shift of 0..126.
[[nodiscard]] constexpr wide_int shifted_ceil(wide_int n, int shift) noexcept { return -(-n >> shift); }

}  // namespace berth::inline v0::detail
