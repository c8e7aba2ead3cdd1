// expect: berth: rescaled.* stands only inside a weighted_sum
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#ifdef BERTH_FIXED
const berth::greedy policy{berth::weighted_sum{berth::weighted{1.0, berth::rescaled{berth::best_fit{}}}}};
#else
const berth::greedy policy{berth::rescaled{berth::best_fit{}}};
#endif
