// expect: berth: a crossover is called as
// SPDX-License-Identifier: Apache-2.0
// A crossover that returns the child instead of writing it.
#include "berth/allocate/genetic/genetic.hpp"

#include <span>
#include <vector>

struct own_crossover {
#ifdef BERTH_FIXED
    void operator()(const berth::parents& two, std::span<berth::gpu_gene> child, berth::xoshiro256&) const {
        for (std::size_t t = 0; t < child.size(); ++t) child[t] = two.better[t];
    }
#else
    std::vector<berth::gpu_gene> operator()(const berth::parents& two, berth::xoshiro256&) const {
        return {two.better.begin(), two.better.end()};
    }
#endif
};
const auto allocator = berth::genetic<>{}.with_crossover(own_crossover{});
