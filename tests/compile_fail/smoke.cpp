// expect: berth: the smallest case
// SPDX-License-Identifier: Apache-2.0
// The harness at work on a file that needs no header.
#ifdef BERTH_FIXED
constexpr bool fixed = true;
#else
constexpr bool fixed = false;
#endif
static_assert(fixed, "berth: the smallest case");
