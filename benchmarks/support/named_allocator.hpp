// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/result.hpp"
#include "berth/core/run_control.hpp"
#include "berth/core/thread_pool.hpp"

#include "support/cpu_deadline.hpp"
#include "support/trajectory.hpp"

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace bench {

/// The run control of all programs: one type, so that every search is compiled once.
using search_control = berth::run_control<search_stop, search_observer>;

/// The arguments of an allocator besides the problem.
struct search_setup {
    std::uint64_t seed = 1;
    berth::thread_pool* threads = nullptr;  ///< never null in a run
    search_control control{};
};

/// An allocator for assignment problems that can be run by name. Allocators have different types; this erases them.
struct named_allocator {
    std::string name;
    std::string summary;
    std::function<berth::assignment_plan(const berth::priced_problem&, const search_setup&)> run;
    /// The reason why it cannot run on a problem, if it cannot. May be empty.
    std::function<berth::result<void>(const berth::priced_problem&)> accepts{};
};

/// A named allocator of anything that models `berth::assignment_allocator`.
/// @param make  `make(setup)` is the allocator; it takes from the setup the seed, and the threads if it can use any
template <class Make>
[[nodiscard]] named_allocator name_allocator(std::string name, std::string summary, Make make) {
    using allocator = std::invoke_result_t<const Make&, const search_setup&>;
    static_assert(berth::assignment_allocator<allocator>,
                  "bench: make(const search_setup&) returns a berth::assignment_allocator");
    named_allocator named{std::move(name), std::move(summary),
                          [make](const berth::priced_problem& p, const search_setup& setup) {
                              return make(setup).run(p, berth::warm_start{}, setup.control);
                          }};
    if constexpr (requires(const allocator& a, const berth::priced_problem& p) {
                      { a.validate(p) } -> std::same_as<berth::result<void>>;
                  }) {
        named.accepts = [make](const berth::priced_problem& p) {
            berth::thread_pool one{1};
            return make(search_setup{.threads = &one}).validate(p);
        };
    }
    return named;
}

}  // namespace bench
