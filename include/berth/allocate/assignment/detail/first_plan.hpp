// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_greedy.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/core/run_control.hpp"

namespace berth::inline v0::detail {

/// Which starts a search hands to the greedy allocator first.
enum class greedy_first { if_empty, unless_feasible, always };

/// The plan that a search of its own begins with: the completed start, or the greedy's plan from it.
template <class Stop, class Observer>
[[nodiscard]] assignment_plan first_plan(const priced_problem& p, warm_start start, const priced_greedy& greedy,
                                         greedy_first when, const run_control<Stop, Observer>& control) {
    gpu_assignment given = complete_start(p, start);
    if (!given.empty() && when != greedy_first::always) {
        assignment_plan plan = p.plan_of(given);
        if (when == greedy_first::if_empty || plan.feasible()) return plan;
    }
    return greedy.run(p, given, run_control<Stop>{control.stop, control.max_evaluations, {}});
}

}  // namespace berth::inline v0::detail
