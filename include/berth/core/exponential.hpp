// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/rounded.hpp"

#include <bit>
#include <cstdint>

namespace berth::inline v0::detail {

/// The double of these bits.
[[nodiscard]] BERTH_HD inline double double_of(std::uint64_t bits) noexcept {
#ifdef __CUDA_ARCH__
    return __longlong_as_double(static_cast<long long>(bits));
#else
    return std::bit_cast<double>(bits);
#endif
}

/// e^x with sums and products alone, so that every compiler, C library and device gives the same bits; at most one unit
/// of the last place from the exact value. Infinite above 709.78, 0 below -745.13, NaN for NaN.
///
/// x = k ln 2 + r with |r| <= ln 2 / 2, e^r by its Taylor polynomial (degree 13: its rest is below 2^-57).
[[nodiscard]] BERTH_HD inline double exponential(double x) noexcept {
    constexpr double log2_e = 1.4426950408889634;
    constexpr double ln2_high = 0.6931471803691238;  // its last 21 bits are 0, so that k times it is exact
    constexpr double ln2_low = 1.9082149292705877e-10;
    constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number
    constexpr double reciprocals[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0,
                                      1.0 / 362880.0,     1.0 / 40320.0,     1.0 / 5040.0,     1.0 / 720.0,
                                      1.0 / 120.0,        1.0 / 24.0,        1.0 / 6.0,        0.5};
    if (!(x <= 709.782712893384)) return x > 0.0 ? double_of(std::uint64_t{0x7ff} << 52U) : x;
    if (x < -745.13321910194110842) return 0.0;
    const double k = sum_of(sum_of(product_of(x, log2_e), to_integer), -to_integer);
    const double high = sum_of(x, -product_of(k, ln2_high));
    const double low = product_of(k, ln2_low);
    const double r = sum_of(high, -low);
    const double lost = sum_of(sum_of(high, -r), -low);  // what the last sum rounded away
    double tail = reciprocals[0];
    for (int i = 1; i < 12; ++i) tail = sum_of(product_of(tail, r), reciprocals[i]);
    tail = product_of(product_of(tail, r), r);
    const double value = sum_of(1.0, sum_of(r, sum_of(tail, sum_of(lost, product_of(lost, r)))));
    // Times 2^k in two steps, because 2^k alone may be no normal number.
    const auto exponent = static_cast<std::int64_t>(k);
    const std::int64_t half = exponent / 2;
    const double first = double_of(static_cast<std::uint64_t>(half + 1023) << 52U);
    const double second = double_of(static_cast<std::uint64_t>(exponent - half + 1023) << 52U);
    return product_of(product_of(value, first), second);
}

}  // namespace berth::inline v0::detail
