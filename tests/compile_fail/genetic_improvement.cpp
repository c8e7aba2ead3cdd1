// expect: berth: an improvement is called as .*improve_with
// SPDX-License-Identifier: Apache-2.0
// An allocator where an improvement is wanted.
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/genetic/genetic.hpp"

#ifdef BERTH_FIXED
const auto allocator = berth::genetic<>{}.with_improvement(berth::improve_with{berth::priced_greedy{}});
#else
const auto allocator = berth::genetic<>{}.with_improvement(berth::priced_greedy{});
#endif
