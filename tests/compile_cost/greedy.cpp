// SPDX-License-Identifier: Apache-2.0
// What a user's first translation unit costs to compile: the whole library and one greedy run.
#include "berth/berth.hpp"

#include <cstddef>

std::size_t place_everything(const berth::problem& problem) {
    return berth::greedy{berth::best_fit{}}.run(problem).counters.placed;
}
