// expect: berth: the third argument of local_search describes candidate slots
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/local_search.hpp"

struct nothing {};

#ifdef BERTH_FIXED
const berth::local_search search{berth::shift{}, berth::descent{}, berth::any_node{}};
#else
const berth::local_search search{berth::shift{}, berth::descent{}, nothing{}};
#endif

int main() { return static_cast<int>(search.options().seed); }
