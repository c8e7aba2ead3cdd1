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

/// How much a search may spend.
struct search_budget {
    double seconds = std::numeric_limits<double>::infinity();  ///< of CPU time, from the origin on
    double origin = 0.0;                                       ///< what counts as 0 on the clock of `cpu_seconds`
    std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t seed = 1;
    std::size_t threads = 1;
};

/// What came of it.
struct search_run {
    berth::assignment_plan plan;
    std::vector<trajectory_point> trajectory;  ///< ends with the plan, if that is feasible
    double seconds = 0.0;                      ///< of CPU time, from the origin to the end
    gap_verdict verdict;                       ///< of the checker
    std::string fault;                         ///< how plan and checker disagree; empty if they do not
    std::string refused;  ///< why the allocator does not take the instance; then there is nothing else
};

/// How many rounds the bound of an instance may take, so that a search of so many seconds is left with most of them. From sizes
/// alone, hence the same in every run.
[[nodiscard]] berth::pricing_options pricing_within(std::size_t agents, std::size_t tasks, double seconds) noexcept;

/// Runs an allocator and checks its answer against the instance.
/// @param label  what the line of progress begins with
[[nodiscard]] search_run run_search(const named_allocator& allocator, const gap_instance& instance,
                                    const berth::priced_problem& problem, const search_budget& budget,
                                    progress_line& progress, const std::string& label);

}  // namespace bench
