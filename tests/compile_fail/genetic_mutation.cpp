// expect: berth: a mutation is called as
// SPDX-License-Identifier: Apache-2.0
// A mutation that forgets to be const: descriptions are shared between threads.
#include "berth/allocate/genetic/genetic.hpp"

#include <span>

struct own_mutation {
    void operator()(std::span<berth::gpu_gene> child, berth::xoshiro256& random)
#ifdef BERTH_FIXED
        const
#endif
    {
        child[0] = static_cast<berth::gpu_gene>(random() & 1U);
    }
};
const auto allocator = berth::genetic<>{}.with_mutation(own_mutation{});
