// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/allocators.hpp"

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/portfolio.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/genetic/genetic.hpp"

#include "berth_bench/general_search.hpp"

namespace bench {

namespace {

std::vector<named_allocator> table() {
    // To add an allocator: one row, in the order in which it should be shown.
    return {
        name_allocator("greedy", "regret on reduced costs, then repair and descent",
                       [](const search_setup& setup) { return berth::priced_greedy{.seed = setup.seed}; }),
        name_allocator(
            "local_search", "reassigns the tasks of a few GPUs by bounded tree searches, block after block",
            [](const search_setup& setup) { return berth::block_search{.seed = setup.seed, .patience = 0}; }),
        name_allocator("genetic", "memetic, from the portfolio's opening: path relinking, repair, descent",
                       [](const search_setup& setup) {
                           auto policy = berth::genetic<>{}.with_threads(setup.threads);
                           policy.seed = setup.seed;
                           return policy;
                       }),
        name_allocator("portfolio", "block search, dives and proofs, in turns of growing length",
                       [](const search_setup& setup) { return berth::portfolio{.seed = setup.seed}; }),
        name_allocator("exact", "branch and bound; proves the optimum, given time",
                       [](const search_setup& setup) { return berth::exact{.seed = setup.seed}; }),
        name_allocator("general_search", "the search for any objective: annealed ejection chains over short lists",
                       [](const search_setup& setup) { return general_search{.seed = setup.seed}; }),
        name_allocator("textbook_genetic", "tournament, uniform crossover, random mutation, a penalty on overload",
                       [](const search_setup& setup) {
                           auto policy = berth::textbook_genetic{}.with_threads(setup.threads);
                           policy.seed = setup.seed;
                           return policy;
                       }),
    };
}

}  // namespace

const std::vector<named_allocator>& allocators() {
    static const std::vector<named_allocator> all = table();
    return all;
}

std::string_view default_allocator() noexcept { return "portfolio"; }

const named_allocator* find_allocator(std::string_view name) {
    for (const auto& allocator : allocators()) {
        if (allocator.name == name) return &allocator;
    }
    return nullptr;
}

std::vector<std::string> allocator_names() {
    std::vector<std::string> names;
    for (const auto& allocator : allocators()) names.push_back(allocator.name);
    return names;
}

}  // namespace bench
