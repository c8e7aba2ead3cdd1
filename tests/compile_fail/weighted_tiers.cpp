// expect: berth: weighted\{weight, score\} takes a score that yields a number
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#ifdef BERTH_FIXED
const berth::weighted_sum sum{berth::weighted{1.0, berth::tiers{berth::best_fit{}}}};
#else
const berth::weighted_sum sum{berth::weighted{1.0, berth::tiers{berth::best_fit{}, berth::worst_fit{}}}};
#endif
