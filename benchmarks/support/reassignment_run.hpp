// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/reassignment/reassignment_plan.hpp"
#include "berth/allocate/reassignment/reassignment_problem.hpp"

#include "support/mrp_check.hpp"
#include "support/progress.hpp"
#include "support/run_clock.hpp"
#include "support/svg_chart.hpp"
#include "support/trajectory.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// The budget of a search for a better assignment.
struct reassignment_budget {
    std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t seed = 1;
    std::size_t threads = 1;
    std::size_t islands =
        2;  ///< searches side by side; the answer to a budget of evaluations depends on them, not on the threads
};

/// The result of a run.
struct reassignment_run {
    berth::reassignment_plan plan;
    mrp_verdict initial;  ///< of the checker, about the initial assignment
    mrp_verdict verdict;  ///< of the checker, about the plan
    std::vector<trajectory_point> trajectory;
    double seconds = 0.0;         ///< by the clock, from its beginning to the end of the search
    double wall_seconds = 0.0;    ///< of the search alone
    double search_seconds = 0.0;  ///< of the search alone, CPU time of all threads
    std::string fault;            ///< the disagreement of plan and checker; empty if there is none

    /// For each second of CPU time.
    [[nodiscard]] double evaluations_per_core_second() const noexcept {
        return search_seconds > 0.0 ? static_cast<double>(plan.evaluations) / search_seconds : 0.0;
    }
    [[nodiscard]] double evaluations_per_second() const noexcept {
        return wall_seconds > 0.0 ? static_cast<double>(plan.evaluations) / wall_seconds : 0.0;
    }
};

/// Searches from the initial assignment until the clock ends the run, and checks the answer against the numbers of the
/// instance.
/// @param input  the input of the problem
/// @param bound  the base of gaps on the line of progress
/// @param label  the beginning of the line of progress
[[nodiscard]] reassignment_run run_reassignment(const berth::reassignment_input& input,
                                                const berth::reassignment_problem& problem, const run_clock& clock,
                                                const reassignment_budget& budget, double bound,
                                                progress_line& progress, const std::string& label);

/// 100 (cost − best) / initial: the score of the challenge.
[[nodiscard]] constexpr double mrp_score(double cost, double best, double initial) noexcept {
    return initial != 0.0 ? 100.0 * (cost - best) / initial : 0.0;
}

/// The load of every node before and after, in per cent of its safety capacity (of the resource that is nearest to it),
/// nodes in ascending order of load.
[[nodiscard]] line_chart load_chart(const berth::reassignment_input& input,
                                    std::span<const berth::node_index> assignment, const std::string& name);

}  // namespace bench
