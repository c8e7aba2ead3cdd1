// expect: berth: a selection is called as
// SPDX-License-Identifier: Apache-2.0
// A selection that returns genes instead of a position.
#include "berth/allocate/genetic/genetic.hpp"

struct own_selection {
    auto operator()(const berth::population& members, berth::xoshiro256&) const {
#ifdef BERTH_FIXED
        return members.size() - 1;
#else
        return members.genes(0);
#endif
    }
};
const auto allocator = berth::genetic<>{}.with_selection(own_selection{});
