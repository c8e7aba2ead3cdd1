// expect: berth: the second argument of run is an order
// SPDX-License-Identifier: Apache-2.0
// The list itself instead of a function that returns it.
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#include <vector>

berth::plan place(const berth::problem& problem, const std::vector<berth::task_index>& list) {
    const berth::greedy policy{berth::best_fit{}};
#ifdef BERTH_FIXED
    return policy.run(problem, [&](const berth::problem&) { return list; });
#else
    return policy.run(problem, list);
#endif
}
