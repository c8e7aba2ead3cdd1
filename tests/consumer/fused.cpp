// SPDX-License-Identifier: Apache-2.0
// A product and a sum, compiled for a processor that can fuse them: with berth::reproducible each is rounded on its own.
#include <berth/version.hpp>

#include <cstdio>

#if defined __x86_64__
#define CAN_FUSE __attribute__((target("fma"), noinline))
#else
#define CAN_FUSE __attribute__((noinline))
#endif

CAN_FUSE double sum_of_product(double a, double b, double c) { return a * b + c; }

int main() {
#if defined __x86_64__
    if (!__builtin_cpu_supports("fma")) return std::puts("no FMA on this processor: not checked"), 0;
#endif
    const double a = 1.0 + 0x1p-30;
    const double fused = sum_of_product(a, a, -(1.0 + 0x1p-29));  // 2^-60 if fused, 0 if the product is rounded first
    std::printf("a * b + c is %a, expected 0\n", fused);
    return fused == 0.0 ? 0 : 1;
}
