// expect: berth: weighted.* takes a score
// SPDX-License-Identifier: Apache-2.0
// The arguments the wrong way round would not deduce; a number where the score belongs does.
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#ifdef BERTH_FIXED
const berth::weighted part{0.5, berth::best_fit{}};
#else
const berth::weighted part{0.5, 0.5};
#endif
