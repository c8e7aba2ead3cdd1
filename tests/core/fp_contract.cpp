// SPDX-License-Identifier: Apache-2.0
#include "berth/core/fp_contract.hpp"

#include <doctest/doctest.h>

#include <cmath>

TEST_CASE("fp_contract: tests are compiled without contraction, as golden plans need") {
    CHECK_FALSE(berth::fuses_multiply_add());
}

TEST_CASE("fp_contract: the probe's numbers differ between one rounding and two") {
    const volatile double near_one = 1.0 + 0x1p-30;
    CHECK(std::fma(near_one, near_one, -(1.0 + 0x1p-29)) == 0x1p-60);
    const volatile double square = near_one * near_one;
    CHECK(square == 1.0 + 0x1p-29);
}
