// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/run_control.hpp"

#include <concepts>
#include <span>

namespace berth::inline v0 {

/// Where a search begins: a GPU for every task, or nothing for the allocator's own start. It may break capacities.
using warm_start = std::span<const gpu_index>;

/// Finds good answers to an assignment problem. A description: small, const, shared between threads and runs.
///
/// 1. `a.run(problem, start, control)` returns a plan with a GPU for every task, its cost and excess as they are, and the
///    problem's bound.
/// 2. Never worse than `start` (`better`), where there is one.
/// 3. Anytime: ends soon after `control` says so, with the best so far; `control.max_evaluations` is kept up to one round of
///    the search. Progress goes to `control.observer`, `objective` being the best cost of a feasible assignment so far, or
///    infinity while there is none.
/// 4. Deterministic per seed and evaluation budget, whatever the number of threads.
///
/// `then`, `best_of`, `time_sliced` and `limited` (`allocate/assignment/compositions.hpp`) make allocators of allocators.
template <class A>
concept assignment_allocator =
    std::copy_constructible<A> && requires(const A& a, const priced_problem& p, warm_start start, run_control<> c) {
        { a.run(p, start, c) } -> std::same_as<assignment_plan>;
    };

}  // namespace berth::inline v0
