// expect: berth: limited\{evaluations, allocator\} limits an assignment allocator
// SPDX-License-Identifier: Apache-2.0
// The arguments the wrong way round.
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/exact.hpp"

#ifdef BERTH_FIXED
const berth::limited few{1000, berth::exact{}};
#else
const berth::limited few{berth::exact{}, 1000};
#endif
