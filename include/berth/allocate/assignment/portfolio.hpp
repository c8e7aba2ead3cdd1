// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/allocate/assignment/assignment_allocator.hpp"
#include "berth/allocate/assignment/block_search.hpp"
#include "berth/allocate/assignment/compositions.hpp"
#include "berth/allocate/assignment/dive.hpp"
#include "berth/allocate/assignment/exact.hpp"
#include "berth/allocate/assignment/opening.hpp"
#include "berth/allocate/assignment/priced_problem.hpp"
#include "berth/core/run_control.hpp"

#include <algorithm>
#include <cstdint>

namespace berth::inline v0 {

/// The default composition for generalised assignment problems: `opening`, then `block_search`, wider dives and, up to
/// 200 tasks, `exact`, in turns that get longer. Anytime; deterministic per seed and evaluation budget; complete when
/// the optimum is proven. For another composition: `then{opening{}, time_sliced{a, b}}`.
struct portfolio {
    std::uint64_t seed = 0;  ///< of all parts

    /// See `assignment_allocator`.
    template <class Stop = never_stop, class Observer = no_observer>
    [[nodiscard]] assignment_plan run(const priced_problem& p, warm_start start = {},
                                      run_control<Stop, Observer> control = {}) const {
        const std::uint64_t pairs = p.tasks() * p.gpus();
        const slicing_options turns{.max_turn_evaluations = std::max<std::uint64_t>(1, 100'000 * pairs)};
        const limited blocks{10'000 * pairs, block_search{.seed = seed + 1, .max_nodes = 50'000}};
        const dive wide{.seed = seed + 1, .candidates = 8, .max_node_iterations = 20, .keep_within = 0.5};
        if (p.tasks() > opening::few_tasks) {
            return then{opening{seed}, time_sliced{turns, blocks, wide}}.run(p, start, control);
        }
        return then{opening{seed}, time_sliced{turns, blocks, wide, exact{.seed = seed}}}.run(p, start, control);
    }
};

static_assert(assignment_allocator<portfolio>);

}  // namespace berth::inline v0
