// expect: berth: every part of time_sliced\{...\} is an assignment allocator.*slicing_options come first
// SPDX-License-Identifier: Apache-2.0
// A number of evaluations instead of options.
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/exact.hpp"

#ifdef BERTH_FIXED
const berth::time_sliced turns{berth::slicing_options{.max_turn_evaluations = 1000}, berth::exact{}};
#else
const berth::time_sliced turns{1000, berth::exact{}};
#endif
