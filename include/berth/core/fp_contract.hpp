// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace berth::inline v0 {

/// True if this translation unit computes `a * b + c` with one rounding instead of two.
///
/// The same input gives the same plan on every compiler and machine only if no sum of products is contracted to a fused
/// multiply-add. Compilers contract by default where the target has the instruction (all of AArch64; x86-64 with
/// `-mfma` or `-march=native`), and the library is compiled by you, so your build decides: compile with
/// `-ffp-contract=off` (g++, clang; `-fmad=false` for device code of nvcc). A `#pragma STDC FP_CONTRACT OFF` in the
/// headers would not do, because g++ ignores it. No predefined macro tells the option, hence this probe, to be called
/// from the translation unit that it is about:
///
/// ```
/// if (berth::fuses_multiply_add()) return refuse("this program compares plans: compile it with -ffp-contract=off");
/// ```
///
/// Internal linkage, because translation units may be compiled differently.
[[nodiscard]] static inline bool fuses_multiply_add() noexcept {
    const volatile double near_one = 1.0 + 0x1p-30;
    const volatile double rounded_square = 1.0 + 0x1p-29;  // the square is 2^-60 larger, which rounding drops
    const double factor = near_one;
    const double subtrahend = rounded_square;
    return factor * factor - subtrahend != 0.0;
}

}  // namespace berth::inline v0
