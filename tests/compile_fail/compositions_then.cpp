// expect: berth: every part of then\{...\} is an assignment allocator
// SPDX-License-Identifier: Apache-2.0
// An allocator for the slots of a fleet is none for assignment problems.
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/exact.hpp"

struct places_slots {
    int run(int problem) const { return problem; }
};

#ifdef BERTH_FIXED
const berth::then both{berth::priced_greedy{}, berth::exact{}};
#else
const berth::then both{berth::priced_greedy{}, places_slots{}};
#endif
