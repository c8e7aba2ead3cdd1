// expect: berth: the third argument of greedy is a tie break
// SPDX-License-Identifier: Apache-2.0
// A comparison where an order of all nodes is wanted.
#include "berth/allocate/greedy/greedy.hpp"
#include "berth/allocate/greedy/scores/fit.hpp"

#ifdef BERTH_FIXED
const berth::greedy policy{berth::best_fit{}, berth::tightest_gpu{}, berth::random_order{7}};
#else
const auto before = [](berth::node_index a, berth::node_index b) { return a < b; };
const berth::greedy policy{berth::best_fit{}, berth::tightest_gpu{}, before};
#endif
