// expect: berth: the sentence
// SPDX-License-Identifier: Apache-2.0
// The expected message is there, but with the mistake mended the file still does not compile.
#ifndef BERTH_FIXED
static_assert(sizeof(int) == 1, "berth: the sentence");
#endif
no_such_type x;
