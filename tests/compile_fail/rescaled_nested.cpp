// expect: berth: rescaled\{score\} takes no score made of parts
// SPDX-License-Identifier: Apache-2.0
// Prices change values without a change of any node, so there is no range of them that could be kept.
#include "berth/allocate/greedy/combine.hpp"
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/allocate/greedy/scores/scarcity.hpp"

berth::plan place(const berth::problem& problem) {
    using berth::weighted;
#ifdef BERTH_FIXED
    const berth::weighted_sum sum{weighted{0.1, berth::scarcity{}}, weighted{1.0, berth::rescaled{berth::best_fit{}}}};
#else
    const berth::weighted_sum sum{weighted{1.0, berth::rescaled{berth::scarcity{}}}, weighted{1.0, berth::best_fit{}}};
#endif
    return berth::greedy{sum}.run(problem);
}
