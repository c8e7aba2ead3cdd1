// expect: a neighbourhood has propose\(space, random, out\) const
// SPDX-License-Identifier: Apache-2.0
#include "berth/allocate/search/neighbourhoods/neighbourhoods.hpp"
#include "berth/allocate/search/neighbourhoods/shift.hpp"

struct nothing {};

int main() {
#ifdef BERTH_FIXED
    const berth::neighbourhoods tried{berth::shift{}, 2.0 * berth::take_out{}};
#else
    const berth::neighbourhoods tried{berth::shift{}, nothing{}};
#endif
    (void)tried;
}
