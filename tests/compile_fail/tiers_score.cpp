// expect: berth: tiers.* lists scores
// SPDX-License-Identifier: Apache-2.0
// A weighted part is no score by itself.
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#ifdef BERTH_FIXED
const berth::tiers order{berth::first_fit{}, berth::best_fit{}};
#else
const berth::tiers order{berth::first_fit{}, berth::weighted{0.5, berth::best_fit{}}};
#endif
