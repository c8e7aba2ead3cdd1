// expect: berth: a replacement has children
// SPDX-License-Identifier: Apache-2.0
// A replacement that does not say how many children it wants.
#include "berth/allocate/genetic/genetic.hpp"

struct own_replacement {
    static constexpr std::size_t usual_population = 10;
#ifdef BERTH_FIXED
    std::size_t children(std::size_t) const { return 1; }
#endif
    void operator()(berth::population& members) const { members.exchange(members.size() - 1, 0); }
};
const auto allocator = berth::genetic<>{}.with_replacement(own_replacement{});
