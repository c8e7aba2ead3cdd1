// expect: berth: a score made of parts .* cannot select a GPU
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/gpu_selection.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#ifdef BERTH_FIXED
const berth::gpu_scored_by choice{berth::weighted_sum{berth::weighted{1.0, berth::best_fit{}}}};
#else
const berth::gpu_scored_by choice{berth::weighted_sum{berth::weighted{1.0, berth::rescaled{berth::best_fit{}}}}};
#endif
