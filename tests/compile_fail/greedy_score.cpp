// expect: berth: the first argument of greedy is a score
// SPDX-License-Identifier: Apache-2.0
// A score that forgets to return its value.
#include "berth/allocate/greedy/greedy.hpp"

#ifdef BERTH_FIXED
const berth::greedy policy{[](const berth::candidate& c) { return static_cast<double>(c.node.gpu_count()); }};
#else
const berth::greedy policy{[](const berth::candidate& c) { static_cast<void>(c.node.gpu_count()); }};
#endif
