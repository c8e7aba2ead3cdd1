// expect: berth: the first argument of local_search is a neighbourhood
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/local_search.hpp"

struct nothing {};

#ifdef BERTH_FIXED
const berth::local_search search{berth::shift{}};
#else
const berth::local_search search{nothing{}};
#endif

int main() { return static_cast<int>(search.options().seed); }
