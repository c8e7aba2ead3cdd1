// expect: berth: the sentence
// SPDX-License-Identifier: Apache-2.0
// Rejected for another reason than the expected one.
static_assert(sizeof(int) == 1, "something else");
