// expect: berth: the second argument of greedy is a GPU selection
// SPDX-License-Identifier: Apache-2.0
// A rule that returns the number of a GPU instead of a mask.
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

const auto last_gpu = [](const berth::node_view& node, const berth::demand_view&, berth::gpu_mask) {
#ifdef BERTH_FIXED
    return berth::gpu_mask{1} << (node.gpu_count() - 1);
#else
    return static_cast<int>(node.gpu_count()) - 1;
#endif
};
const berth::greedy policy{berth::best_fit{}, last_gpu};
