// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/allocate/assignment/warm_start.hpp"
#include "berth/core/run_control.hpp"

#include <concepts>

namespace berth::inline v0 {

/// A search for good answers to an assignment problem. A description: small, const, shared between threads and runs.
///
/// Write one to bring a search of your own; `examples/own_allocator.cpp` does. It then takes part in `then`, `best_of`,
/// `time_sliced` and `limited` (`allocate/assignment/compositions.hpp`) and in `berth-bench`.
///
/// ```
/// struct mine {
///     template <class Stop = never_stop, class Observer = no_observer>
///     assignment_plan run(const priced_problem& p, warm_start start = {},
///                         run_control<Stop, Observer> control = {}) const;
/// };
/// ```
///
/// 1. `a.run(problem, start, control)` returns a plan with a GPU for every task, its real cost and excess, and the
///    problem's bound.
/// 2. Never worse than `start` (`better`), if there is one; a start with gaps is completed first (`complete_start`).
/// 3. Anytime: polls `control` at least once per millisecond of work and returns the best plan so far;
///    `control.max_evaluations` is kept up to one round of the search. `progress::objective` is the best cost of a
///    feasible assignment so far, infinite while there is none.
/// 4. Deterministic per seed and evaluation budget, for any number of threads.
template <class A>
concept assignment_allocator =
    std::copy_constructible<A> && requires(const A& a, const priced_problem& p, warm_start start, run_control<> c) {
        { a.run(p, start, c) } -> std::same_as<assignment_plan>;
    };

}  // namespace berth::inline v0
