// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment_allocator.hpp"
#include "berth/allocate/assignment_problem.hpp"
#include "berth/allocate/priced_problem.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/thread_pool.hpp"

#include "support/cpu_deadline.hpp"
#include "support/trajectory.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace bench {

/// The one type of control that the programs run searches with, so that every search is compiled once.
using search_control = berth::run_control<search_stop, search_observer>;

/// What an allocator is given beside the problem.
struct search_setup {
    std::uint64_t seed = 1;
    berth::thread_pool* threads = nullptr;  ///< never null in a run
    search_control control{};
};

/// An allocator for assignment problems that can be run by name. Allocators are all of different types; they meet here.
struct named_allocator {
    std::string name;
    std::string summary;
    std::function<berth::assignment_plan(const berth::priced_problem&, const search_setup&)> run;
};

/// A named allocator of anything that models `berth::assignment_allocator`.
/// @param make  `make(seed)` is the allocator
template <class Make>
[[nodiscard]] named_allocator name_allocator(std::string name, std::string summary, Make make) {
    return {std::move(name), std::move(summary), [make](const berth::priced_problem& p, const search_setup& setup) {
                return make(setup.seed).run(p, berth::warm_start{}, setup.control);
            }};
}

}  // namespace bench
