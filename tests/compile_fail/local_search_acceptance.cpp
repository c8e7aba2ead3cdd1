// expect: berth: the second argument of local_search is an acceptance rule
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/local_search.hpp"

struct nothing {};

#ifdef BERTH_FIXED
const berth::local_search search{berth::shift{}, berth::descent{}};
#else
const berth::local_search search{berth::shift{}, nothing{}};
#endif

int main() { return static_cast<int>(search.options().seed); }
