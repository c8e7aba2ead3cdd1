// expect: berth: a score made of parts .* is no part of another score
// SPDX-License-Identifier: Apache-2.0
// The outer combination would silently see the values before rescaling.
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

berth::plan place(const berth::problem& problem) {
#ifdef BERTH_FIXED
    const berth::weighted_sum inner{berth::weighted{1.0, berth::best_fit{}}};
#else
    const berth::weighted_sum inner{berth::weighted{1.0, berth::rescaled{berth::best_fit{}}}};
#endif
    return berth::greedy{berth::tiers{inner, berth::dot_product{}}}.run(problem);
}
