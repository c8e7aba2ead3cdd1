// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/allocators.hpp"

#include "berth/allocate/assignment_allocator.hpp"
#include "berth/allocate/priced_greedy.hpp"
#include "berth/allocate/priced_problem.hpp"

#include <cstdint>

namespace bench {

namespace {

std::vector<named_allocator> table() {
    // To add an allocator: one row, in the order in which it should be shown.
    return {
        name_allocator("greedy", "by regret on costs with capacity paid for, repaired, then improved",
                       [](std::uint64_t seed) { return berth::priced_greedy{.seed = seed}; }),
    };
}

}  // namespace

const std::vector<named_allocator>& allocators() {
    static const std::vector<named_allocator> all = table();
    return all;
}

std::string_view default_allocator() noexcept { return "greedy"; }

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
