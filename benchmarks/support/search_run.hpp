// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/gap_instance.hpp"
#include "support/named_allocator.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace bench {

/// The budget of a search.
struct search_budget {
    double seconds = std::numeric_limits<double>::infinity();  ///< of CPU time, from the origin on
    double origin = 0.0;                                       ///< the zero point on the clock of `cpu_seconds`
    std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t seed = 1;
    std::size_t threads = 1;
};

/// The result of a run.
struct search_run {
    berth::assignment_plan plan;
    std::vector<trajectory_point> trajectory;  ///< ends with the plan, if that is feasible
    double seconds = 0.0;                      ///< of CPU time, from the origin to the end
    gap_verdict verdict;                       ///< of the checker
    std::string fault;                         ///< the disagreement of plan and checker; empty if there is none
    std::string refused;  ///< the reason why the allocator does not take the instance; then the rest is empty
};

/// The number of iterations of the bound that leaves most of the time to the search. It depends on sizes alone, so it
/// is the same in every run.
[[nodiscard]] berth::pricing_options pricing_within(std::size_t agents, std::size_t tasks, double seconds) noexcept;

/// Runs an allocator and checks its answer against the instance.
/// @param label  the beginning of the line of progress
[[nodiscard]] search_run run_search(const named_allocator& allocator, const gap_instance& instance,
                                    const berth::priced_problem& problem, const search_budget& budget,
                                    progress_line& progress, const std::string& label);

}  // namespace bench
