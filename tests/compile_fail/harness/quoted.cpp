// expect: berth: the sentence
// SPDX-License-Identifier: Apache-2.0
// The sentence stands in the source only; a compiler that quotes the line must not count as having said it.
static_assert(no_such_name, "berth: the sentence");
