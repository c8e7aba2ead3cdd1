// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

namespace berth::inline v0::detail {

/// A product that is rounded before anything is added to it: device compilers fuse products and sums otherwise.
[[nodiscard]] BERTH_HD inline double product_of(double a, double b) noexcept {
#ifdef __CUDA_ARCH__
    return __dmul_rn(a, b);
#else
    return a * b;
#endif
}
[[nodiscard]] BERTH_HD inline double sum_of(double a, double b) noexcept {
#ifdef __CUDA_ARCH__
    return __dadd_rn(a, b);
#else
    return a + b;
#endif
}

}  // namespace berth::inline v0::detail
